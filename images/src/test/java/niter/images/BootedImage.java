package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/** Init and agent of real images, with the user's own cache: the first run fetches and builds. */
@Tag("guest")
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class BootedImage {
    private static final byte[] NOTHING = {};

    private final String release;
    private final Guest guest;
    private final Path cache = cache();

    BootedImage(String name, String release, Path folder) throws IOException {
        this.release = release;
        Engine engine = Engines.ensure(cache, ProgressListener.NONE);
        Image image = Images.ensure(name, cache, ProgressListener.NONE);
        guest = new Guest(engine, image, folder);
    }

    static Path cache() {
        String home = System.getenv("XDG_CACHE_HOME");
        return (home == null || home.isEmpty()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(home))
                .resolve("niter");
    }

    @AfterAll
    void stop() throws IOException {
        guest.close();
    }

    @Test
    void theKernelIsTheRecipes() throws IOException {
        assertThat(guest.run(NOTHING, "uname", "-r").text()).startsWith(release);
    }

    @Test
    void inputAndOutputAreByteExact() throws IOException {
        byte[] bytes = new byte[1 << 20];
        new SplittableRandom(6).nextBytes(bytes);
        Guest.Ended ended = guest.run(bytes, "cat");
        assertThat(ended.output()).isEqualTo(bytes);
        assertThat(ended.errors()).isEmpty();
        assertThat(ended.status()).isZero();
    }

    @Test
    void standardErrorStaysApart() throws IOException {
        Guest.Ended ended = guest.run(NOTHING, "sh", "-c", "echo out; echo err >&2; exit 7");
        assertThat(ended.text()).isEqualTo("out\n");
        assertThat(ended.errorText()).isEqualTo("err\n");
        assertThat(ended.status()).isEqualTo(7);
    }

    @Test
    void statusesAreThoseOfAShell() throws IOException {
        assertThat(guest.run(NOTHING, "false").status()).isEqualTo(1);
        assertThat(guest.run(NOTHING, "no-such-command").status()).isEqualTo(127);
        assertThat(guest.run(NOTHING, "/etc/passwd").status()).isEqualTo(126);
        assertThat(guest.run(NOTHING, "sh", "-c", "kill -9 $$").status()).isEqualTo(137);
    }

    @Test
    void argumentsArriveAsTheyAre() throws IOException {
        String odd = "a b\t'\"$HOME;\n\\ü" + "x".repeat(3000);
        Guest.Ended ended = guest.run(NOTHING, "printf", "%s|", odd, "", "-n");
        assertThat(ended.text()).isEqualTo(odd + "||-n|");
    }

    @Test
    void aSignalReachesTheCommandAndItsChildren() throws IOException {
        Guest.Ended ended =
                guest.run(
                        "",
                        NOTHING,
                        (type, text) -> {
                            if (type == 'O') {
                                guest.send('K', "15");
                            }
                        },
                        "sh",
                        "-c",
                        "sleep 1000 & echo up; wait; sleep 1000");
        assertThat(ended.status()).isEqualTo(143);
        // The command has ended; its children, which were signalled too, may be about to.
        String gone =
                "n=0; while pidof sleep >/dev/null; do n=$((n + 1)); [ $n -lt 100 ] || exit 1;"
                        + " usleep 100000; done";
        assertThat(guest.run(NOTHING, "sh", "-c", gone).status()).isZero();
    }

    @Test
    void aCommandThatReadsNothingDoesNotStallItsInput() throws IOException {
        Guest.Ended ended =
                guest.run(new byte[100_000], "sh", "-c", "exec <&-; sleep 1; echo done");
        assertThat(ended.text()).isEqualTo("done\n");
    }

    @Test
    void aTerminalHasItsSizeAndFollowsIt() throws IOException {
        Guest.Ended ended =
                guest.run(
                        "t",
                        NOTHING,
                        (type, text) -> {
                            if (text.contains("24 80")) {
                                guest.send('W', "50 132");
                            }
                        },
                        "sh",
                        "-c",
                        "trap 'stty size; exit 3' WINCH; test -t 0 && test -t 2 && tty; stty size;"
                                + " while :; do sleep 0.05; done");
        assertThat(ended.text()).isEqualTo("/dev/pts/0\r\n24 80\r\n50 132\r\n");
        assertThat(ended.status()).isEqualTo(3);
    }

    @Test
    void aTerminalInterruptsAsAPersonDoes() throws IOException {
        Guest.Ended ended =
                guest.run(
                        "t",
                        NOTHING,
                        (type, text) -> {
                            if (text.contains("up")) {
                                guest.send('I', "\003");
                            }
                        },
                        "sh",
                        "-c",
                        "echo up; exec sleep 1000");
        assertThat(ended.status()).isEqualTo(130);
    }

    @Test
    void processesThatACommandLeavesDoNotHoldItUp() throws IOException {
        Guest.Ended ended = guest.run(NOTHING, "sh", "-c", "sleep 1000 & echo $!");
        assertThat(ended.status()).isZero();
        assertThat(guest.run(NOTHING, "kill", ended.text().strip()).status()).isZero();
    }

    @Test
    void everyPlaceIsMountedAndOwnedAsItShould() throws IOException {
        assertThat(guest.run(NOTHING, "cat", "/proc/mounts").text())
                .contains("proc /proc ", "sysfs /sys ", "devtmpfs /dev ", "devpts /dev/pts ")
                .contains("tmpfs /run ", "tmpfs /tmp ", "tmpfs /dev/shm ");
        assertThat(
                        guest.run(
                                        NOTHING,
                                        "stat",
                                        "-c",
                                        "%n %a %u:%g",
                                        "/etc/shadow",
                                        "/tmp",
                                        "/root",
                                        "/usr/bin/perl")
                                .text())
                .isEqualTo(
                        "/etc/shadow 640 0:0\n/tmp 1777 0:0\n/root 700 0:0\n/usr/bin/perl 755 0:0\n");
    }

    @Test
    void withoutAnInterfaceItsDriverWaitsAndNoServerRuns() throws IOException {
        String loaded = "until grep -q '^ena ' /proc/modules; do sleep 0.05; done; pidof uevent";
        assertThat(guest.run(NOTHING, "sh", "-c", loaded).status()).isZero();
        assertThat(guest.run(NOTHING, "pidof", "udhcpc", "dropbear").status()).isEqualTo(1);
    }

    @Test
    @Order(Integer.MAX_VALUE)
    void thePowerButtonTurnsItOffAndTheFileSystemIsClean() throws Exception {
        String late = "until grep -q evdev /proc/modules && pidof acpid; do sleep 0.05; done";
        guest.run(NOTHING, "sh", "-c", "echo kept >/root/file; " + late);
        assertThat(guest.powerDown()).isTrue();
        assertThat(guest.consoleText()).doesNotContain("EXT4-fs error", "Call Trace");
        Tool ext4 = Tools.ensure(cache, ProgressListener.NONE, "e2fsprogs", "libarchive13t64");
        String disk = guest.disk().toString();
        Command.Result check = Command.run(ext4.command("e2fsck", "-f", "-n", disk), Map.of());
        assertThat(check.status()).describedAs("%s", check.output()).isZero();
        assertThat(debugfs(ext4, "stats", disk)).contains("Filesystem state:         clean");
        assertThat(debugfs(ext4, "cat /root/file", disk)).isEqualTo("kept");
        assertThat(Files.size(guest.disk())).isEqualTo(8L << 30);
    }

    private static String debugfs(Tool ext4, String request, String disk) {
        List<String> output =
                Command.run(ext4.command("debugfs", "-R", request, disk), Map.of()).output();
        return String.join("\n", output);
    }
}
