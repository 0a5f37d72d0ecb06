package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What an instance does with an interface: QEMU's VMXNET3 and its user network, plugged into slot
 * 5. The image has no driver for it, so the test brings Debian's: the interface comes late, as one
 * that is attached to a running instance.
 */
@Tag("guest")
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkTest {
    private static final byte[] NOTHING = {};
    private static final String DRIVER = "vmxnet3";
    private static final String FILE = "/tmp/" + DRIVER + ".ko.xz";

    private final Path cache = BootedImage.cache();
    private final Guest guest;

    NetworkTest(@TempDir Path folder) throws IOException {
        Engine engine = Engines.ensure(cache, ProgressListener.NONE);
        Image image = Images.ensure("micro", cache, ProgressListener.NONE);
        guest =
                new Guest(
                        engine,
                        image,
                        folder,
                        "-netdev",
                        "user,id=n,hostname=ip-10-0-2-15,dnssearch=example.internal",
                        "-device",
                        "vmxnet3,netdev=n,addr=5,romfile=");
    }

    @BeforeAll
    void plug() throws IOException {
        assertThat(run("lsmod; cat /sys/class/net/*/address")).doesNotContain(DRIVER, "52:54:");
        guest.run(driver(run("uname -r")), "sh", "-c", "cat >" + FILE);
        run("insmod " + FILE);
        await("grep -q nameserver /etc/resolv.conf");
    }

    /** Debian's driver for the guest's kernel, as it is packaged. */
    private byte[] driver(String release) throws IOException {
        String name = "linux-image-" + release;
        try (Workshop _ = Workshop.enter(cache, ProgressListener.NONE)) {
            PrivateApt apt = new PrivateApt(cache, Archive.Release.TRIXIE, ProgressListener.NONE);
            Path deb =
                    apt.download("kernel", apt.plan(List.of(name), null, name::equals)).get(name);
            ByteArrayOutputStream module = new ByteArrayOutputStream();
            Packages.read(
                    java.util.Objects.requireNonNull(deb),
                    archive -> {
                        for (TarArchiveEntry entry = archive.getNextEntry();
                                entry != null;
                                entry = archive.getNextEntry()) {
                            String place = RootTar.place(entry.getName());
                            if (KernelPackage.moduleName(place).equals(DRIVER)) {
                                archive.transferTo(module);
                            }
                        }
                    });
            return module.toByteArray();
        }
    }

    @AfterAll
    void stop() throws IOException {
        guest.close();
    }

    private String run(String script) throws IOException {
        Guest.Ended ended = guest.run(NOTHING, "sh", "-c", script);
        assertThat(ended.errorText()).isEmpty();
        return ended.text().strip();
    }

    private void await(String condition) throws IOException {
        String loop = "until %s; do sleep 0.05; done >/dev/null 2>&1".formatted(condition);
        assertThat(guest.run(NOTHING, "timeout", "60", "sh", "-c", loop).status())
                .describedAs(condition)
                .isZero();
    }

    @Test
    void theInterfaceHasItsSlotsNameAndALease() throws IOException {
        assertThat(run("ip -4 address show dev ens5")).contains(" 10.0.2.15/24 brd 10.0.2.255 ");
        assertThat(run("ip -4 route")).contains("default via 10.0.2.2 dev ens5  metric 5");
        assertThat(run("cat /etc/resolv.conf"))
                .isEqualTo("search example.internal\nnameserver 10.0.2.3");
        assertThat(run("hostname")).isEqualTo("ip-10-0-2-15");
        assertThat(run("ip -6 address show dev ens5")).contains(" fe80:");
    }

    @Test
    void aLeaseIsRenewedInPlace() throws IOException {
        String address = "ip -4 address show dev ens5 | grep inet";
        String before = run(address);
        run("mv /etc/resolv.conf /tmp; kill -USR1 $(cat /run/udhcpc.ens5)");
        await("cmp /etc/resolv.conf /tmp/resolv.conf");
        assertThat(run(address)).isEqualTo(before);
    }

    /** QEMU's DHCP server says nothing of an MTU: EC2's words, as udhcpc passes them on. */
    @Test
    void aServerMaySayTheMtu() throws IOException {
        String lease = "interface=ens5 ip=10.0.2.15 mask=24 router=10.0.2.2 domain=ec2.internal";
        run(lease + " dns='10.0.2.3 10.0.2.4' mtu=9000 /usr/lib/niter/lease renew");
        assertThat(run("cat /sys/class/net/ens5/mtu")).isEqualTo("9000");
        assertThat(run("cat /etc/resolv.conf"))
                .isEqualTo("search ec2.internal\nnameserver 10.0.2.3\nnameserver 10.0.2.4");
        assertThat(run("ip -4 route")).contains("default via 10.0.2.2 dev ens5  metric 5");
        run(lease + " dns=10.0.2.3 search=example.internal mtu=1500 /usr/lib/niter/lease renew");
    }

    @Test
    void anInterfaceThatGoesTakesItsClientAlongAndMayComeAgain() throws IOException {
        run("rmmod " + DRIVER);
        await("! pidof udhcpc");
        run("rm /etc/resolv.conf; insmod " + FILE);
        await("grep -q nameserver /etc/resolv.conf");
        assertThat(run("ip -4 route")).contains("default via 10.0.2.2 dev ens5 ");
    }
}
