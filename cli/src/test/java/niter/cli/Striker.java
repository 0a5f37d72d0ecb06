package niter.cli;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import org.jspecify.annotations.Nullable;

/**
 * Kills cards, controller and keeper at their failpoints, one after the other, until told to stop.
 * Where the keeper died, nobody dies before all have given it what they hold; where another died,
 * the keeper does not before that one has it back.
 */
final class Striker {
    private static final List<String> HOLDERS = List.of("ebs", "vpc", "controller", "services");
    private static final int PATIENCE_MILLIS = 3000; // for steps that may not come again
    private static final int RETURN_SECONDS = 60;
    private static final int LOOK_MILLIS = 5;
    private static final int MOST_HITS = 30;
    private static final int PROGRESS = 20; // messages

    /** One cell of the matrix. */
    record Cell(Failpoint point, String victim, String phase) {}

    private final TestHost host;
    private final FailpointFile points;
    private final List<String> victims;
    private final SplittableRandom random;
    private final Supplier<String> phase;
    private final Map<Cell, Integer> strikes = Collections.synchronizedMap(new HashMap<>());
    private final Map<Cell, Integer> tries = new HashMap<>(); // the striker's thread
    private final Thread thread;
    private volatile boolean stopped;
    private volatile String failure = "";

    /**
     * Begins.
     *
     * @param victims parts of the host
     * @param phase what the guest does now
     */
    Striker(
            TestHost host,
            FailpointFile points,
            List<String> victims,
            long seed,
            Supplier<String> phase) {
        this.host = host;
        this.points = points;
        this.victims = victims;
        this.phase = phase;
        random = new SplittableRandom(seed);
        thread = Thread.ofPlatform().daemon().name("striker").start(this::run);
    }

    private void run() {
        try {
            while (!stopped) {
                strike(victims.get(random.nextInt(victims.size())));
            }
        } catch (IOException | UncheckedIOException | AssertionError e) {
            failure = e.toString();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Arms the steps that this victim died at least often in this phase; the first one counts. */
    private void strike(String victim) throws IOException, InterruptedException {
        int pid = host.pid(victim);
        if (pid == 0) { // a card that nobody has needed yet
            TestHost.idle(LOOK_MILLIS);
            return;
        }
        String now = phase.get();
        boolean serves = holdsFunction(victim, pid);
        Map<String, Long> given = givenBack();
        Map<Failpoint, Long> armed = arm(victim, pid, now);
        int waited = 0;
        @Nullable Failpoint struck = struck(armed);
        while (struck == null && waited < PATIENCE_MILLIS && !stopped && now.equals(phase.get())) {
            TestHost.idle(LOOK_MILLIS);
            waited += LOOK_MILLIS;
            struck = struck(armed);
        }
        armed.keySet().forEach(points::disarm);
        struck = struck(armed); // it may have been the last moment
        if (struck != null) {
            strikes.merge(new Cell(struck, victim, now), 1, Integer::sum);
            tries.merge(new Cell(struck, victim, now), 1, Integer::sum);
            awaitReturn(victim, pid, serves, given);
            awaitProgress();
        } else if (waited >= PATIENCE_MILLIS) {
            armed.keySet()
                    .forEach(point -> tries.merge(new Cell(point, victim, now), 1, Integer::sum));
        }
    }

    /** What is armed, and how often each has struck before. */
    private Map<Failpoint, Long> arm(String victim, int pid, String now) {
        int least = Integer.MAX_VALUE;
        for (Failpoint point : Failpoint.values()) {
            least = Math.min(least, tries.getOrDefault(new Cell(point, victim, now), 0));
        }
        Map<Failpoint, Long> armed = new EnumMap<>(Failpoint.class);
        for (Failpoint point : Failpoint.values()) {
            if (tries.getOrDefault(new Cell(point, victim, now), 0) == least) {
                armed.put(point, points.strikes(point));
                points.arm(point, 1 + random.nextInt(1 + random.nextInt(MOST_HITS)), pid);
            }
        }
        return armed;
    }

    private @Nullable Failpoint struck(Map<Failpoint, Long> armed) {
        for (var one : armed.entrySet()) {
            if (points.strikes(one.getKey()) > one.getValue()) {
                return one.getKey();
            }
        }
        return null;
    }

    private void awaitReturn(String victim, int pid, boolean serves, Map<String, Long> given)
            throws IOException, InterruptedException {
        long end = System.nanoTime() + RETURN_SECONDS * 1_000_000_000L;
        boolean back = false;
        while (!back) {
            if (System.nanoTime() > end) {
                throw new IOException(victim + " does not come back");
            }
            TestHost.idle(LOOK_MILLIS);
            back =
                    switch (victim) {
                        case "keeper" -> gaveBackSince(given);
                        case "controller" -> isNew(victim, pid, false) && answers();
                        default -> isNew(victim, pid, serves);
                    };
        }
    }

    /** QEMU waits five seconds for a reply: it gets some before the next death, if it asks. */
    private void awaitProgress() throws InterruptedException {
        long wanted = points.hits(Failpoint.MESSAGE_CONSUMED) + PROGRESS;
        for (int waited = 0;
                waited < PATIENCE_MILLIS
                        && points.hits(Failpoint.MESSAGE_CONSUMED) < wanted
                        && !stopped;
                waited += LOOK_MILLIS) {
            TestHost.idle(LOOK_MILLIS);
        }
    }

    private boolean isNew(String victim, int before, boolean serves) {
        int pid = host.pid(victim);
        return pid != 0 && pid != before && (!serves || holdsFunction(victim, pid));
    }

    private boolean answers() {
        try {
            host.instances();
            return true;
        } catch (StatusRuntimeException e) {
            return false;
        }
    }

    /** Whether it has a function's segment. */
    private static boolean holdsFunction(String card, int pid) {
        String segments = card.equals("ebs") ? "/memfd:niter-vol-" : "/memfd:niter-eni-";
        Path open = Path.of("/proc/" + pid + "/fd");
        try (DirectoryStream<Path> all = Files.newDirectoryStream(open)) {
            for (Path one : all) {
                if (Files.readSymbolicLink(one).toString().startsWith(segments)) {
                    return true;
                }
            }
        } catch (IOException e) {
            return false; // it ends, or this one was closed meanwhile
        }
        return false;
    }

    /** How often each process that runs has given a keeper what it holds. */
    private Map<String, Long> givenBack() throws IOException {
        Map<String, Long> counts = new HashMap<>();
        for (String holder : HOLDERS) {
            if (host.pid(holder) != 0) {
                counts.put(holder, count(holder));
            }
        }
        return counts;
    }

    private long count(String holder) throws IOException {
        try (var lines = Files.lines(host.state().log(holder))) {
            return lines.filter(line -> line.endsWith("to the next keeper")).count();
        }
    }

    private boolean gaveBackSince(Map<String, Long> before) throws IOException {
        for (var one : before.entrySet()) {
            if (count(one.getKey()) <= one.getValue()) {
                return false;
            }
        }
        return true;
    }

    Map<Cell, Integer> strikes() {
        return Map.copyOf(strikes);
    }

    /** What went wrong with a victim; nothing where all came back. */
    String failure() {
        return failure;
    }

    /** Phases as columns. */
    String table(List<String> phases) {
        StringBuilder text = new StringBuilder("kills by step, victim and phase\n");
        List<Cell> rows =
                strikes().keySet().stream()
                        .map(cell -> new Cell(cell.point, cell.victim, ""))
                        .distinct()
                        .sorted(Comparator.comparing(Cell::point).thenComparing(Cell::victim))
                        .toList();
        for (Cell row : rows) {
            text.append("%-26s %-10s".formatted(row.point.label(), row.victim));
            for (String name : phases) {
                int count = strikes.getOrDefault(new Cell(row.point, row.victim, name), 0);
                text.append(" %s %d".formatted(name, count));
            }
            text.append('\n');
        }
        int sum = strikes().values().stream().mapToInt(Integer::intValue).sum();
        return text.append("together " + sum).toString();
    }

    /** Ends; nothing is armed any more. */
    void end() throws InterruptedException {
        stopped = true;
        thread.join();
    }
}
