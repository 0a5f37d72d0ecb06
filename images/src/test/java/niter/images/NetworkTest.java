package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an instance does with an interface and a lease. */
@Tag("guest")
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkTest {
    private final NetworkedGuest guest;

    NetworkTest(@TempDir Path folder) throws IOException {
        guest = new NetworkedGuest(folder, ",dnssearch=example.internal", "false");
    }

    @BeforeAll
    void plug() throws IOException {
        guest.plug();
    }

    @AfterAll
    void stop() throws IOException {
        guest.close();
    }

    @Test
    void theInterfaceHasItsSlotsNameAndALease() throws IOException {
        assertThat(guest.run("ip -4 address show dev ens5"))
                .contains(" 169.254.0.15/16 brd 169.254.255.255 ");
        assertThat(guest.run("ip -4 route")).contains("default via 169.254.0.2 dev ens5  metric 5");
        assertThat(guest.run("cat /etc/resolv.conf"))
                .isEqualTo("search example.internal\nnameserver 169.254.0.3");
        assertThat(guest.run("hostname")).isEqualTo("ip-10-0-2-15");
        assertThat(guest.run("ip -6 address show dev ens5")).contains(" fe80:");
    }

    @Test
    void aLeaseIsRenewedInPlace() throws IOException {
        String address = "ip -4 address show dev ens5 | grep inet";
        String before = guest.run(address);
        guest.run("mv /etc/resolv.conf /tmp; kill -USR1 $(cat /run/udhcpc.ens5)");
        guest.await("cmp /etc/resolv.conf /tmp/resolv.conf");
        assertThat(guest.run(address)).isEqualTo(before);
    }

    /** QEMU's DHCP server says nothing of an MTU: EC2's words, as udhcpc passes them on. */
    @Test
    void aServerMaySayTheMtu() throws IOException {
        String lease =
                "interface=ens5 ip=169.254.0.15 mask=16 router=169.254.0.2 domain=ec2.internal";
        guest.run(lease + " dns='169.254.0.3 169.254.0.4' mtu=9000 /usr/lib/niter/lease renew");
        assertThat(guest.run("cat /sys/class/net/ens5/mtu")).isEqualTo("9000");
        assertThat(guest.run("cat /etc/resolv.conf"))
                .isEqualTo("search ec2.internal\nnameserver 169.254.0.3\nnameserver 169.254.0.4");
        assertThat(guest.run("ip -4 route")).contains("default via 169.254.0.2 dev ens5  metric 5");
        guest.run(
                lease
                        + " dns=169.254.0.3 search=example.internal mtu=1500 /usr/lib/niter/lease renew");
    }

    @Test
    void anInterfaceThatGoesTakesItsClientAlongAndMayComeAgain() throws IOException {
        guest.run("rmmod " + NetworkedGuest.DRIVER);
        guest.await("! pidof udhcpc");
        guest.run("rm /etc/resolv.conf; insmod " + NetworkedGuest.DRIVER_FILE);
        guest.awaitLease();
        assertThat(guest.run("ip -4 route")).contains("default via 169.254.0.2 dev ens5 ");
    }
}
