package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import niter.linux.Failpoint;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each step of the message path, the command path and the keeper × the card and the keeper × the
 * phases of a machine's life, with real processes: whoever is killed at that step, each command
 * completes once, with its data. The controller has no part in these paths; it dies in the guests'
 * matrix.
 */
@Tag("guest")
class FailpointMatrixTest {
    private static final List<String> VICTIMS = List.of(FailpointHost.CARD, FailpointHost.KEEPER);

    /** What the driver does. */
    enum Phase {
        BOOT,
        LOAD,
        RESET,
        STORM,
        TEARDOWN;

        void run(FailpointGuest guest) throws IOException {
            switch (this) {
                case BOOT -> guest.boot();
                case LOAD -> guest.load();
                case RESET -> guest.reset();
                case STORM -> guest.storm();
                case TEARDOWN -> guest.tearDown();
            }
        }
    }

    private record Cell(Failpoint point, String victim, Phase phase) {}

    private record Step(Failpoint point, Phase phase) {}

    @TempDir Path directory;

    /** Each step and victim once, in one of the phases in which the step occurs. */
    @Test
    @Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void eachStepOnce() throws Exception {
        try (FailpointHost host = new FailpointHost(directory)) {
            Run run = new Run(host, 1);
            run.go(1, run::onePhaseEach);
        }
    }

    @Test
    @Tag("long")
    @Timeout(value = 7200, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void eachStepTwentyTimesInEachPhase() throws Exception {
        try (FailpointHost host = new FailpointHost(directory)) {
            Run run = new Run(host, 2);
            run.go(Integer.getInteger("niter.failpoints.times", 20), run::all);
        }
    }

    /** One machine's lives. */
    private static final class Run {
        private static final int TRIES = 10;

        private final FailpointHost host;
        private final SplittableRandom random;
        private final FailpointGuest guest;
        private final Map<Step, Long> hits = new HashMap<>();
        private final Map<Cell, Integer> strikes = new HashMap<>();
        private final Map<Cell, Integer> misses = new HashMap<>();
        private String current = "first life";

        Run(FailpointHost host, long seed) throws IOException {
            this.host = host;
            random = new SplittableRandom(seed);
            guest = new FailpointGuest(host.socket(), random, host::spawnSomething);
        }

        void go(int times, Supplier<List<Cell>> cells) throws IOException {
            try {
                measure();
                for (int n = 0; n < times; n++) {
                    strikeAll(cells.get());
                    System.out.println("pass %d\n%s".formatted(n + 1, table()));
                }
                finish();
            } catch (IOException | RuntimeException | AssertionError e) {
                throw new AssertionError(current + ":\n" + host.logs(), e);
            }
        }

        List<Cell> all() {
            return Arrays.stream(Phase.values()).flatMap(phase -> cells(phase).stream()).toList();
        }

        List<Cell> onePhaseEach() {
            Map<String, List<Cell>> byStep =
                    all().stream().collect(Collectors.groupingBy(cell -> cell.point + cell.victim));
            return byStep.values().stream()
                    .map(cells -> cells.get(random.nextInt(cells.size())))
                    .toList();
        }

        /** How often each step happens in each phase, while nobody is killed. */
        void measure() throws IOException {
            for (Phase phase : Phase.values()) {
                long[] before = count();
                phase.run(guest);
                long[] after = count();
                for (Failpoint point : Failpoint.values()) {
                    int at = point.ordinal();
                    hits.put(new Step(point, phase), after[at] - before[at]);
                }
            }
        }

        private long[] count() {
            return Arrays.stream(Failpoint.values()).mapToLong(host.points::hits).toArray();
        }

        private long hits(Failpoint point, Phase phase) {
            return hits.getOrDefault(new Step(point, phase), 0L);
        }

        /** Each of them; phases follow each other as in a machine's life. */
        private void strikeAll(List<Cell> cells) throws IOException {
            List<Cell> left = new ArrayList<>(cells);
            while (!left.isEmpty()) {
                for (Phase phase : Phase.values()) {
                    List<Cell> here = left.stream().filter(cell -> cell.phase == phase).toList();
                    int most = phase == Phase.BOOT || phase == Phase.TEARDOWN ? 1 : 4;
                    if (here.isEmpty()) {
                        current = phase + " without a kill";
                        phase.run(guest);
                    }
                    for (Cell cell : here.subList(0, Math.min(most, here.size()))) {
                        if (strike(cell)) {
                            left.remove(cell);
                        } else {
                            int missed = misses.merge(cell, 1, Integer::sum);
                            assertThat(missed).as("%s: never reached", cell).isLessThan(TRIES);
                        }
                    }
                }
            }
        }

        private List<Cell> cells(Phase phase) {
            List<Cell> cells = new ArrayList<>();
            for (Failpoint point : Failpoint.values()) {
                boolean happens = hits(point, phase) > 0;
                boolean takeOver = point == Failpoint.CONNECTION_TAKEN_OVER && phase != Phase.BOOT;
                for (String victim : VICTIMS) {
                    if (happens || takeOver) {
                        cells.add(new Cell(point, victim, phase));
                    }
                }
            }
            return cells;
        }

        private boolean strike(Cell cell) throws IOException {
            Failpoint point = cell.point;
            int victim = host.pidAfter(cell.victim, 0);
            int card = host.pidAfter(FailpointHost.CARD, 0);
            long before = host.points.strikes(point);
            boolean takeOver = point == Failpoint.CONNECTION_TAKEN_OVER;
            long most = takeOver ? 1 : hits(point, cell.phase);
            long at = misses.containsKey(cell) ? 1 : 1 + random.nextLong(most);
            current = cell + " at hit " + at + " of " + most;
            host.points.arm(point, at, owner(point).equals(cell.victim) ? 0 : victim);
            if (takeOver) { // somebody has to be followed
                host.points.arm(Failpoint.DOORBELL_STORED, 1, 0);
            }
            cell.phase.run(guest);
            boolean struck = host.points.strikes(point) > before;
            host.points.disarm(point);
            if (takeOver || struck && cell.victim.equals(FailpointHost.CARD)) {
                host.pidAfter(FailpointHost.CARD, card);
            }
            if (struck) {
                strikes.merge(cell, 1, Integer::sum);
                if (cell.victim.equals(FailpointHost.KEEPER)) {
                    host.pidAfter(FailpointHost.KEEPER, victim);
                    giveBack(cell);
                }
            }
            return struck;
        }

        /** The card may die again when it has given the next keeper what it holds. */
        private void giveBack(Cell cell) throws IOException {
            if (cell.phase == Phase.TEARDOWN) {
                current = "a life after " + cell;
                guest.boot();
                guest.holdSomething();
                guest.tearDown();
            } else {
                guest.holdSomething();
            }
        }

        private static String owner(Failpoint point) {
            String part = point.label().substring(0, point.label().indexOf('-'));
            return part.equals("keeper") || part.equals("controller") ? part : FailpointHost.CARD;
        }

        /** One more life without a kill, in which all blocks are looked at. */
        void finish() throws IOException {
            current = "last life";
            guest.boot();
            guest.verify();
            guest.tearDown();
            guest.close();
        }

        private String table() {
            StringBuilder text = new StringBuilder("kills by step, victim and phase\n");
            for (Failpoint point : Failpoint.values()) {
                if (owner(point).equals("controller")) {
                    continue; // it is not there
                }
                for (String victim : VICTIMS) {
                    text.append("%-26s %-7s".formatted(point.label(), victim));
                    for (Phase phase : Phase.values()) {
                        Cell cell = new Cell(point, victim, phase);
                        boolean occurs = cells(phase).contains(cell);
                        String count = occurs ? strikes.getOrDefault(cell, 0).toString() : "-";
                        text.append(" %s %s".formatted(phase, count));
                    }
                    text.append('\n');
                }
            }
            return text.append("-: the step does not occur in that phase").toString();
        }
    }
}
