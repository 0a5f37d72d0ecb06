package niter.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.LockSupport;
import niter.controller.control.protocol.Process;
import niter.linux.Processes;
import niter.linux.Signals;
import org.HdrHistogram.Histogram;

/**
 * Kills of an EBS card, or of its keeper alone, at moments that a seed chooses, under a load that
 * knows what was acknowledged. After each, all that was in flight must complete without an error,
 * and every block must read back.
 */
final class Kills implements AutoCloseable {
    /** What is killed, and amid of what. */
    enum Deed {
        CARD(35),
        /** The card, and its successor while it starts or shortly after. */
        CARD_TWICE(10),
        /** The keeper alone: who holds descriptors starts the next one and gives them back. */
        KEEPER(15),
        /** The keeper, while the controller is reset: the card's descriptors change meanwhile. */
        KEEPER_IN_RESET(10),
        /** The card, while a queue pair is deleted and made again. */
        CARD_IN_QUEUES(15),
        /** The card, while the controller is reset. */
        CARD_IN_RESET(15);

        final int weight; // percent

        Deed(int weight) {
            this.weight = weight;
        }
    }

    private static final int QUEUES = 4;
    private static final int DEPTH = 32;
    private static final int BLOCK_BYTES = 4096;
    private static final int BLOCKS = 2048;
    private static final Job JOB =
            new Job(QUEUES, DEPTH, BLOCK_BYTES, 45, 50, 5, 10, false, false, true, 0);
    private static final int QUEUE_STEPS = 8; // of delete and create
    private static final int MOST_COMMANDS = 4000; // between two kills
    private static final int MOST_MILLIS = 600; // between a kill and that of the successor
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final long PAUSE_NANOS = 5_000_000;

    /** After five ends within ten seconds the keeper waits a second, which is no kill's pause. */
    private static final int MOST_ENDS = 4;

    private static final long ENDS_NANOS = 10_500_000_000L;

    private final SplittableRandom random;
    private final EbsHost host;
    private final GuestMemory memory;
    private final NvmeDriver driver;
    private final NvmeLoad load;
    private final Findings findings = new Findings();
    private final Pauses pauses = new Pauses();
    private final Histogram keeperPauses = new Histogram(60_000, 3); // milliseconds
    private final Histogram resetPauses = new Histogram(60_000, 3); // milliseconds
    private final Map<Deed, Integer> done = new EnumMap<>(Deed.class);
    private final ArrayDeque<Deed> planned = new ArrayDeque<>();
    private final ArrayDeque<Long> ends = new ArrayDeque<>();
    private final long seed;
    private int kills;
    private final int resetSteps;
    private int steps; // of the driver, so far
    private int fuse; // steps until something is killed; 0: nothing is to be
    private int target; // pid of what is
    private long killedUnix;
    private volatile boolean over;

    /**
     * Starts card and load.
     *
     * @param home as {@link KeptCard} has it
     */
    Kills(Path home, Path dist, long seed, boolean shadow, boolean detachable) throws IOException {
        this.seed = seed;
        random = new SplittableRandom(seed);
        List<Deed> all = Arrays.asList(Deed.values());
        Collections.shuffle(all, Random.from(random));
        planned.addAll(all);
        host = new EbsHost(home, dist, (long) BLOCKS * BLOCK_BYTES, detachable, List.of(), -1);
        memory = new GuestMemory((16 << 20) + NvmeLoad.bytes(JOB));
        NvmeDriver.Shape shape = new NvmeDriver.Shape(QUEUES, 2 * DEPTH, shadow, false, detachable);
        boolean started = false;
        try {
            driver = new NvmeDriver(host.socket(), memory, shape, this::step);
            resetSteps = steps;
            Contents contents = new Contents(BLOCKS, BLOCK_BYTES);
            load = new NvmeLoad(driver, memory, JOB, contents, findings, random.nextLong());
            started = true;
        } finally {
            if (!started) {
                host.close();
            }
        }
        Thread.ofPlatform().daemon().name("watchdog").start(this::watch);
    }

    /** A step that waits for the controller for too long ends with an exception. */
    private void watch() {
        while (!over) {
            LockSupport.parkNanos(PATIENCE_NANOS / 30);
            if (driver.pulse.silentNanos() > 2 * PATIENCE_NANOS) {
                driver.disconnect();
                return;
            }
        }
    }

    /** Goes on until there were so many kills, or something was found. */
    void run(int wanted) throws IOException {
        while (kills < wanted && findings.isEmpty()) {
            commands(1 + random.nextInt(MOST_COMMANDS));
            Deed deed = deed();
            switch (deed) {
                case CARD -> killCard();
                case CARD_TWICE -> killTwice();
                case KEEPER -> killKeeper();
                case KEEPER_IN_RESET -> killKeeperInReset();
                case CARD_IN_QUEUES -> killInQueues();
                case CARD_IN_RESET -> killInReset();
            }
            done.merge(deed, 1, Integer::sum);
            load.readBack();
        }
        pauses.read(host.card.state().log("ebs"));
    }

    private void commands(long count) throws IOException {
        long end = load.completed() + count;
        while (load.completed() < end) {
            load.turn(true);
        }
    }

    /** Each once, then as the weights say; the keeper is put in where the card ends too often. */
    private Deed deed() {
        long now = System.nanoTime();
        while (!ends.isEmpty() && now - ends.getFirst() > ENDS_NANOS) {
            ends.removeFirst();
        }
        if (planned.isEmpty()) {
            planned.add(drawn());
        }
        int needed =
                switch (planned.getFirst()) {
                    case KEEPER, KEEPER_IN_RESET -> 0;
                    case CARD, CARD_IN_QUEUES, CARD_IN_RESET -> 1;
                    case CARD_TWICE -> 2;
                };
        return ends.size() + needed > MOST_ENDS ? Deed.KEEPER : planned.removeFirst();
    }

    private Deed drawn() {
        int left = random.nextInt(100);
        for (Deed deed : Deed.values()) {
            left -= deed.weight;
            if (left < 0) {
                return deed;
            }
        }
        throw new IllegalStateException("the weights' sum is below 100");
    }

    private void kill(int pid) throws IOException {
        if (pid == 0 || !Processes.kill(pid, Signals.SIGKILL)) {
            throw new IOException("what is to be killed does not run");
        }
        killedUnix = System.currentTimeMillis();
        kills++;
    }

    private void killCard(int pid) throws IOException {
        kill(pid);
        ends.addLast(System.nanoTime());
    }

    private void killCard() throws IOException {
        int card = host.card.process().getPid();
        commands(1 + random.nextInt(DEPTH * QUEUES)); // in flight again, after that question
        driver.pulse.restart();
        killCard(card);
        outlive();
        recordPause();
    }

    /** All that was in flight at the kill completes, and what is submitted after it. */
    private void outlive() throws IOException {
        long last = load.submitted() + 1;
        while (load.submitted() < last || load.isInFlight(last)) {
            load.turn(true);
        }
    }

    private void recordPause() throws IOException {
        Process next = host.card.process();
        Pulse pulse = driver.pulse;
        pauses.add(
                killedUnix,
                next.getStartedUnixMs(),
                pulse.longestNanos(),
                pulse.endUnixMillis(),
                Footprint.cpuSeconds(next.getPid()));
    }

    // ---- the successor, too

    private void killTwice() throws IOException {
        int first = host.card.process().getPid();
        int millis = random.nextInt(MOST_MILLIS);
        commands(1 + random.nextInt(DEPTH * QUEUES));
        killCard(first);
        CompletableFuture<Integer> next =
                CompletableFuture.supplyAsync(() -> successor(first, millis));
        while (!next.isDone()) {
            load.turn(true, PAUSE_NANOS);
        }
        killCard(join(next));
        outlive();
    }

    private int successor(int pid, int millis) {
        try {
            int next = host.card.process().getPid();
            while (next == 0 || next == pid) {
                LockSupport.parkNanos(PAUSE_NANOS);
                next = host.card.process().getPid();
            }
            LockSupport.parkNanos(millis * 1_000_000L);
            return next;
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    private static <T> T join(CompletableFuture<T> future) throws IOException {
        try {
            return future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw e;
        }
    }

    // ---- the keeper

    private void killKeeper() throws IOException {
        int pid = host.card.keeperPid();
        int held = KeptCard.held(pid);
        commands(1 + random.nextInt(DEPTH * QUEUES));
        driver.pulse.restart();
        kill(pid);
        outliveKeeper(pid, held, keeperPauses);
    }

    private void killKeeperInReset() throws IOException {
        int pid = host.card.keeperPid();
        int held = KeptCard.held(pid);
        light(pid, resetSteps);
        driver.reset();
        load.abandon();
        expectKilled();
        outliveKeeper(pid, held, resetPauses);
    }

    private void outliveKeeper(int pid, int held, Histogram pauses) throws IOException {
        CompletableFuture<Void> back = CompletableFuture.runAsync(() -> awaitKeeper(pid, held));
        while (!back.isDone()) {
            load.turn(true, PAUSE_NANOS);
        }
        join(back);
        ends.clear(); // the next keeper counts anew
        outlive();
        pauses.recordValue(Math.min(60_000, driver.pulse.longestNanos() / 1_000_000));
    }

    /** Until the next keeper holds as much: from then on the card may be killed. */
    private void awaitKeeper(int last, int held) {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!isBack(last, held)) {
            if (System.nanoTime() > end) {
                throw new CompletionException(
                        new IOException("no next keeper that holds all " + held));
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private boolean isBack(int last, int held) {
        try {
            int pid = host.card.keeperPid();
            return pid != last && KeptCard.held(pid) >= held;
        } catch (IOException e) {
            return false; // it starts
        }
    }

    // ---- amid of what takes several steps

    /** The driver is between two steps. */
    private void step() throws IOException {
        steps++;
        if (fuse > 0 && --fuse == 0) {
            kill(target);
        }
    }

    private void light(int pid, int most) {
        target = pid;
        fuse = 1 + random.nextInt(most);
        driver.pulse.restart();
    }

    private void killInQueues() throws IOException {
        QueuePair queue = driver.queues[random.nextInt(QUEUES)];
        load.hold(queue);
        light(host.card.process().getPid(), QUEUE_STEPS);
        driver.delete(queue);
        driver.create(queue);
        load.goOn(queue);
        outliveSteps();
    }

    private void killInReset() throws IOException {
        light(host.card.process().getPid(), resetSteps);
        driver.reset();
        load.abandon();
        outliveSteps();
    }

    private void outliveSteps() throws IOException {
        expectKilled();
        ends.addLast(System.nanoTime());
        outlive();
        recordPause();
    }

    private void expectKilled() throws IOException {
        if (fuse != 0) {
            throw new IOException("nothing was killed: " + fuse + " steps were missing");
        }
    }

    // ---- what came of it

    Findings findings() {
        return findings;
    }

    int kills() {
        return kills;
    }

    Map<Deed, Integer> done() {
        return done;
    }

    String text() {
        return "seed %d: %d kills %s, %,d commands, %,d of them out of order%n"
                        .formatted(seed, kills, done, load.completed(), load.outOfOrder())
                + findings.text()
                + "\n"
                + pauses.text()
                + "\npause of a keeper's kill: "
                + Pauses.line(keeperPauses)
                + "\n  amid of a reset, whose descriptors wait for the next keeper  "
                + Pauses.line(resetPauses);
    }

    @Override
    public void close() throws IOException {
        over = true;
        driver.close();
        host.close();
        memory.close();
    }
}
