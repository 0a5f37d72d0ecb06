package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;

/**
 * An instance of micro with QEMU's VMXNET3 and its user network in slot 5. The image has no driver
 * for it, so Debian's is brought: the interface comes late, as one that is attached to a running
 * instance.
 */
final class NetworkedGuest implements AutoCloseable {
    static final String DRIVER = "vmxnet3";
    static final String DRIVER_FILE = "/tmp/" + DRIVER + ".ko.xz";
    private static final byte[] NOTHING = {};

    private final Path cache = BootedImage.cache();
    private final Guest guest;

    /**
     * Boots it.
     *
     * @param options of QEMU's user network
     * @param metadata what QEMU starts for each connection to the metadata service's address, which
     *     must not reach the one that this machine may have
     */
    NetworkedGuest(Path folder, String options, String metadata) throws IOException {
        Engine engine = Engines.ensure(cache, ProgressListener.NONE);
        Image image = Images.ensure("micro", cache, ProgressListener.NONE);
        String network =
                "user,id=n,net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3"
                        + ",dhcpstart=169.254.0.15,hostname=ip-10-0-2-15%s".formatted(options)
                        + ",guestfwd=tcp:169.254.169.254:80-cmd:"
                        + metadata;
        String device = DRIVER + ",netdev=n,addr=5,romfile=";
        guest = new Guest(engine, image, folder, "-netdev", network, "-device", device);
    }

    /** Brings the driver, and waits for a lease. */
    void plug() throws IOException {
        assertThat(run("lsmod; cat /sys/class/net/*/address")).doesNotContain(DRIVER, "52:54:");
        write(DRIVER_FILE, driver(run("uname -r")));
        run("insmod " + DRIVER_FILE);
        awaitLease();
    }

    /** A lease's last trace are the name servers. */
    void awaitLease() throws IOException {
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
                    Objects.requireNonNull(deb),
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

    void write(String file, byte[] content) throws IOException {
        assertThat(guest.run(content, "sh", "-c", "cat >" + file).errorText()).isEmpty();
    }

    String run(String script) throws IOException {
        Guest.Ended ended = guest.run(NOTHING, "sh", "-c", script);
        assertThat(ended.errorText()).isEmpty();
        return ended.text().strip();
    }

    void await(String condition) throws IOException {
        String loop = "until %s; do sleep 0.05; done >/dev/null 2>&1".formatted(condition);
        assertThat(guest.run(NOTHING, "timeout", "60", "sh", "-c", loop).status())
                .describedAs(condition)
                .isZero();
    }

    String console() throws IOException {
        return guest.consoleText();
    }

    Path cache() {
        return cache;
    }

    @Override
    public void close() throws IOException {
        guest.close();
    }
}
