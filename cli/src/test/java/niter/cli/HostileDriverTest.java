package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that drives its disk's registers with garbage (doorbells.py), and a neighbour on the same
 * card whose disk is written and verified meanwhile: it does not notice.
 */
@Tag("guest")
@Timeout(value = 400, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileDriverTest {
    private static final Pattern RANG = Pattern.compile("rang ([0-9]+) starts ([0-9]+) status 0\n");
    private static final int SECONDS_AROUND = 10; // the neighbour writes before and after

    private final TestHost host;

    HostileDriverTest(@TempDir Path home) {
        host = new TestHost(home);
    }

    @AfterEach
    void end() throws IOException {
        host.close();
    }

    @Test
    void aNeighboursDiskDoesNotNotice() throws IOException {
        run(20);
    }

    @Test
    @Tag("long")
    void aNeighboursDiskDoesNotNoticeTwoMinutes() throws IOException {
        run(120);
    }

    private void run(int seconds) throws IOException {
        String first = host.succeed("run", "-d", "--image", "tools").strip();
        String second = host.succeed("run", "-d", "--image", "tools").strip();
        TestGuest hostile = new TestGuest(host, first);
        TestGuest neighbor = new TestGuest(host, second);
        hostile.shell("cat >/tmp/d.py <<'END'\n" + TestGuest.script("doorbells.py") + "END");
        neighbor.shell("dmesg -c >/dev/null");
        int card = host.pid("ebs");

        CompletableFuture<TestHost.Ended> load =
                neighbor.start("sh", "-c", "echo begins; " + fio(seconds + SECONDS_AROUND));
        String said = hostile.shell("python3 /tmp/d.py %d %d".formatted(seconds, seconds));
        TestHost.Ended verified = load.join();
        System.out.print(said);

        Matcher rang = RANG.matcher(said);
        assertThat(rang.matches()).as(said).isTrue();
        assertThat(Long.parseLong(rang.group(1))).isGreaterThan(1000);
        assertThat(verified.status()).as(verified.text() + verified.errors()).isZero();
        assertThat(verified.text()).contains("err= 0");
        assertThat(neighbor.shell("dmesg"))
                .doesNotContain("timeout", "I/O error", "EXT4-fs error", "resetting controller");
        assertThat(host.pid("ebs")).as("the card's process").isEqualTo(card);
        host.succeed("terminate", first);
    }

    /** Writes, reads back and compares, eight blocks at once, past the page cache. */
    private static String fio(int seconds) {
        return "fio --name=neighbor --filename=/var/tmp/neighbor --size=32m --bs=4k --rw=randwrite"
                + " --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c --verify_backlog=256"
                + " --verify_fatal=1 --time_based --runtime="
                + seconds;
    }
}
