package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Killed and stopped processes under verified load (load.pl): a pause for the guest and nothing
 * else.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KillTest {
    private final TestHost host;
    private TestGuest guest;
    private String id = "";

    KillTest(@TempDir Path home) {
        host = new TestHost(home);
        guest = new TestGuest(host, "");
    }

    @BeforeAll
    void begin() throws IOException {
        id = host.succeed("run", "--detach").strip();
        guest = new TestGuest(host, id);
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    private CompletableFuture<TestHost.Ended> load(int seconds) throws IOException {
        return guest.start("perl", "-e", TestGuest.script("load.pl"), Integer.toString(seconds));
    }

    /** The load's longest pause; it must have met no error. */
    private static int pauseMillis(CompletableFuture<TestHost.Ended> load) {
        String text = load.join().text();
        assertThat(text).matches("started\noperations [0-9]{3,}, errors 0, pause [0-9]+ ms\n");
        return Integer.parseInt(text.replaceAll("(?s).*pause ([0-9]+) ms.*", "$1"));
    }

    @Test
    void tenKillsOfCardAndControllerInAMinuteLoseNothing() throws Exception {
        CompletableFuture<TestHost.Ended> load = load(60);
        for (int kills = 0; kills < 10; kills++) {
            host.killOnceItServes("ebs");
            host.killOnceItServes("controller");
            assertThat(load).isNotDone();
            TestHost.idle(5000); // ten of each, spread over the minute
        }
        assertThat(pauseMillis(load)).isPositive();
        assertThat(guest.shell("dmesg"))
                .doesNotContain("timeout, ", "I/O error", "EXT4-fs error", "resetting controller");
        assertThat(host.succeed("ps")).contains(id, "running");
    }

    @Test
    void aStoppedCardStallsTheGuestUntilItGoesOn() throws Exception {
        CompletableFuture<TestHost.Ended> load = load(12);
        host.signal("ebs", Signals.SIGSTOP);
        TestHost.idle(3000);
        host.signal("ebs", Signals.SIGCONT);
        // Nothing came through while the card stood still: the path is what we say it is.
        assertThat(pauseMillis(load)).isGreaterThan(2000);
        assertThat(guest.shell("dmesg")).doesNotContain("I/O error", "EXT4-fs error");
    }
}
