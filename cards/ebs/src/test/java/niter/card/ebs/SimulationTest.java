package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Keeper, card, queue engine, disk and time from one seed: processes end at any failpoint, their
 * successors while they take over, keepers come and go, the disk is slow, short and interrupted and
 * tears what a process leaves. What must hold is looked at after every event. It runs in a JVM of
 * its own, whose failpoints are on.
 */
class SimulationTest {
    private static final int EVENTS = 300;

    @TempDir Path directory;

    /** Arguments: directory, first seed, how many. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) throws IOException {
            Path directory = Path.of(arguments[0]);
            long first = Long.parseLong(arguments[1]);
            Set<Failpoint> endedAt = EnumSet.noneOf(Failpoint.class);
            int deaths = 0;
            int torn = 0;
            int shortened = 0;
            try (FailpointFile points = FailpointFile.open(directory.resolve("points"))) {
                for (long seed = first; seed < first + Long.parseLong(arguments[2]); seed++) {
                    Path socket = directory.resolve("s" + seed);
                    try (SimulatedHost host = run(seed, socket, points)) {
                        endedAt.addAll(host.endedAt);
                        deaths += host.deaths;
                        torn += host.disk.torn;
                        shortened += host.disk.shortened;
                    }
                    Files.delete(socket);
                }
            } catch (AssertionError | RuntimeException e) {
                System.out.println(e);
                throw e;
            }
            System.out.println(deaths + " " + torn + " " + shortened + " " + endedAt);
        }

        private static SimulatedHost run(long seed, Path socket, FailpointFile points)
                throws IOException {
            SplittableRandom random = new SplittableRandom(seed);
            SimulatedHost host = new SimulatedHost(socket, points, random);
            int event = 0;
            try (SimulatedGuest guest = new SimulatedGuest(host, random)) {
                guest.boot();
                for (; event < EVENTS; event++) {
                    act(host, guest, random);
                    host.settle();
                    guest.checkAll();
                }
                guest.drain();
                host.settle();
                guest.checkAll();
                return host;
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed %d, event %d: %s".formatted(seed, event, e), e);
            }
        }

        private static void act(SimulatedHost host, SimulatedGuest guest, SplittableRandom random) {
            switch (random.nextInt(16)) {
                case 0, 1 -> guest.window();
                case 2, 3 -> host.beMortal();
                case 4 -> keeperDies(host, guest, random);
                case 5 -> {
                    if (random.nextInt(4) == 0) {
                        guest.reset();
                    }
                }
                case 6 -> {
                    if (random.nextInt(4) == 0) {
                        guest.another();
                    }
                }
                case 7 -> guest.drain();
                case 8, 9, 10 -> guest.look();
                default -> guest.submit();
            }
        }

        /** The card lives meanwhile: the keeper alone may die. */
        private static void keeperDies(
                SimulatedHost host, SimulatedGuest guest, SplittableRandom random) {
            host.disarm();
            host.settle();
            host.keeper.keeperDies();
            for (int n = random.nextInt(4); n > 0; n--) {
                guest.window();
                guest.submit();
            }
            host.keeper.nextKeeper();
        }
    }

    private void run(long first, long count) throws IOException, InterruptedException {
        List<String> command =
                ChildJvm.command(
                        Child.class,
                        directory.toString(),
                        Long.toString(first),
                        Long.toString(count));
        command.add(1, "-Djava.util.logging.config.file=/dev/null"); // deaths are no news here
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put(Failpoint.VARIABLE, directory.resolve("points").toString());
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String text =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor()).as(text).isZero();
        System.out.println("simulated: deaths, torn writes, short requests, at: " + text);
        String[] words = text.split(" ", 4);
        assertThat(Integer.parseInt(words[0])).isGreaterThan((int) count);
        assertThat(Integer.parseInt(words[1])).isPositive();
        assertThat(Integer.parseInt(words[2])).isPositive();
        for (Failpoint point : EnumSet.range(Failpoint.CONNECTION_HELD, Failpoint.INTERRUPT_SENT)) {
            assertThat(words[3]).contains(point.name());
        }
    }

    @Test
    @Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void nobodyLearnsThatProcessesEnd() throws Exception {
        run(1, 40);
    }

    @Test
    @Tag("long")
    void norInManyMoreLives() throws Exception {
        run(1_000, 10_000);
    }
}
