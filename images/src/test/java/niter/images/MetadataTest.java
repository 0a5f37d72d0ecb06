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

/** What an instance makes of the metadata service's answers. */
@Tag("guest")
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MetadataTest {
    private static final String KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA somebody";
    private static final String ASK = "/usr/lib/niter/metadata";
    private static final String SCRIPT =
            """
            #!/bin/sh
            id -u
            echo "an error" >&2
            echo started >>/root/starts
            umask
            exit 3
            """;

    private final MetadataService service = new MetadataService(2);
    private final NetworkedGuest guest;

    MetadataTest(@TempDir Path folder) throws IOException {
        service.set("meta-data/instance-id", "i-0123456789abcdef0");
        service.set("meta-data/local-hostname", "ip-10-1-2-3.ec2.internal");
        service.set("meta-data/public-keys/", "0=my-key");
        service.set("meta-data/public-keys/0/openssh-key", KEY + "\n");
        service.set("user-data", SCRIPT);
        Path cache = BootedImage.cache();
        Tool busybox = Tools.ensure(cache, ProgressListener.NONE, "busybox-static");
        String relay =
                "%s nc 127.0.0.1 %d"
                        .formatted(busybox.root().resolve("usr/bin/busybox"), service.port());
        guest = new NetworkedGuest(folder, "", relay);
    }

    @BeforeAll
    void plug() throws IOException {
        guest.plug();
        guest.await("grep -q . /root/starts");
        guest.await("! ps | grep -q '[n]iter/metadata'");
    }

    @AfterAll
    void stop() throws IOException {
        guest.close();
        service.close();
    }

    @Test
    void theHostsNameIsTheInstances() throws IOException {
        assertThat(guest.run("hostname")).isEqualTo("ip-10-1-2-3");
    }

    @Test
    void theKeyIsRootsAndIsAddedOnce() throws IOException {
        String file = "/root/.ssh/authorized_keys";
        assertThat(guest.run("stat -c %a /root/.ssh " + file + "; cat " + file))
                .isEqualTo("700\n600\n" + KEY);
        String other = "ssh-rsa AAAAB3 other";
        guest.run("printf '%s' '" + other + "' >" + file); // without a line's end
        guest.run(ASK);
        assertThat(guest.run("cat " + file)).isEqualTo(other + "\n" + KEY);
    }

    @Test
    void aScriptRunsOncePerInstanceAndIsHeardOnTheConsole() throws IOException {
        String starts = guest.run("cat /root/starts");
        guest.run(ASK);
        assertThat(guest.run("cat /root/starts")).isEqualTo(starts);
        service.set("meta-data/instance-id", "i-0fedcba9876543210");
        guest.run(ASK);
        assertThat(guest.run("cat /root/starts")).isEqualTo(starts + "\nstarted");
        assertThat(guest.console())
                .contains("\n0\r\nan error\r\n0022\r\nuser data ended with status 3\r\n");
    }

    @Test
    void whatIsNoScriptIsNotRun() throws IOException {
        service.set("user-data", "#cloud-config\n");
        service.set("meta-data/instance-id", "i-00000000000000000");
        guest.run(ASK);
        assertThat(guest.run("ls /var/lib/niter/instances")).doesNotContain("i-00000000000000000");
        service.set("user-data", SCRIPT);
    }
}
