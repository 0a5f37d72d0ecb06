package niter.controller;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import niter.controller.control.protocol.Exited;
import niter.controller.northbound.InstanceState;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * One instance: what is wished for (durable), what is so, and a thread that brings the two together
 * and then ends.
 *
 * <pre>
 * pending ──► running ──► stopping ──► stopped ──► pending …
 *    └──────────┴────────────┴────────────┴─► shutting-down ──► terminated
 * </pre>
 */
final class Instance {
    private static final System.Logger LOG = System.getLogger(Instance.class.getName());
    private static final long AGAIN_MILLIS = 500;

    private final HostParts parts;
    private final InstanceSteps steps;

    // All guarded by this; writes of the record happen with the monitor held.
    private InstanceRecord record;
    private InstanceState state;
    private String note = "";
    private String problem = "";
    private Process process = Process.ABSENT;
    private int pid;
    private @Nullable Exited end;
    private @Nullable Machine machine;
    private boolean guestIsDown;
    private boolean force;
    private boolean hostGoesDown;
    private boolean working;
    private boolean unreleased; // stopped, and functions of it are served
    private final Set<String> unplugged = new HashSet<>();
    private long changes;

    /** The hypervisor's. */
    private enum Process {
        ABSENT,
        STARTING,
        RUNS,
        ENDED
    }

    /** What to do next. */
    private enum Step {
        NOTHING,
        SETTLE,
        LAUNCH,
        REBOOT,
        ATTACHMENTS,
        POWER_OFF,
        KILL,
        RELEASE,
        DELETE
    }

    /** An instance as its record says, whose hypervisor does not run. */
    Instance(InstanceRecord record, HostParts parts) {
        this.record = record;
        this.parts = parts;
        steps = new InstanceSteps(this, parts);
        state = record.getWish() == Wish.RUN ? InstanceState.PENDING : InstanceState.STOPPED;
    }

    synchronized InstanceRecord record() {
        return record;
    }

    synchronized InstanceState state() {
        return state;
    }

    synchronized @Nullable Machine machine() {
        return machine;
    }

    /** Whether it has its share of the host's processors and memory. */
    synchronized boolean isAdmitted() {
        return record.getWish() == Wish.RUN || process != Process.ABSENT;
    }

    /** As the API shows it. */
    synchronized niter.controller.northbound.Instance describe(String runSocket) {
        return Descriptions.of(record, state, note)
                .setRunSocket(state == InstanceState.RUNNING ? runSocket : "")
                .build();
    }

    /** Something that a user should know while it runs; empty when that is over. */
    synchronized void note(String text) {
        note = text;
        parts.changed().accept(this);
    }

    // ---- wishes ------------------------------------------------------------------------------

    /** Makes a wish durable, then works on it. */
    synchronized void wish(Wish wish, String reason, boolean force) throws IOException {
        if (record.getWish() != Wish.TERMINATE) {
            long now = System.currentTimeMillis();
            update(
                    next ->
                            next.setWish(wish)
                                    .setStateReason(reason)
                                    .setRebooting(false)
                                    .setLaunchedUnixMs(
                                            wish == Wish.RUN ? now : next.getLaunchedUnixMs()));
        }
        this.force |= force;
        if (wish == Wish.RUN && process == Process.ABSENT) {
            state(InstanceState.PENDING);
        }
        wake();
    }

    synchronized void reboot() throws IOException {
        update(next -> next.setRebooting(true));
        guestIsDown = false;
        wake();
    }

    /** Stops it without forgetting that it ran. */
    synchronized void hostGoesDown() {
        hostGoesDown = true;
        wake();
    }

    /**
     * Waits until it is in one of these states.
     *
     * @param deadline of {@link System#nanoTime}
     * @return whether it is
     */
    boolean await(long deadline, InstanceState... wanted) throws InterruptedException {
        return await(deadline, () -> List.of(wanted).contains(state));
    }

    /**
     * Waits until its machine, if it has one, has ended and what that printed is saved.
     *
     * @param deadline of {@link System#nanoTime}
     */
    void awaitMachineEnd(long deadline) throws InterruptedException {
        await(deadline, () -> process == Process.ABSENT);
    }

    private synchronized boolean await(long deadline, BooleanSupplier condition)
            throws InterruptedException {
        while (!condition.getAsBoolean()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return true;
    }

    /** Why the latest step on it failed and is done again; empty where none did. */
    synchronized String problem() {
        return problem;
    }

    // ---- what happens ------------------------------------------------------------------------

    /** A hypervisor that an earlier controller started runs; {@code machine} is what it left. */
    synchronized void resume(int runningPid, @Nullable Machine left) {
        process = Process.RUNS;
        pid = runningPid;
        machine = left;
        force = left == null; // nothing but a signal reaches it
        if (record.getWish() == Wish.RUN && left == null) {
            LOG.log(System.Logger.Level.WARNING, "{0}: cannot be reached", id());
        }
    }

    /** Takes over the descriptors of a machine that an earlier controller started. */
    Machine attach(Descriptor console, Descriptor qmp) {
        return steps.attach(id(), console, qmp);
    }

    /** A hypervisor that an earlier controller started has ended. */
    synchronized void resumeEnded(Exited event) {
        process = Process.ENDED;
        end = event;
    }

    /** QMP answers. */
    synchronized void ready() {
        if (process == Process.RUNS || process == Process.STARTING) {
            if (record.getWish() == Wish.RUN && state != InstanceState.STOPPING) {
                state(InstanceState.RUNNING);
                wake(); // volumes wait until QMP takes commands
            }
        }
    }

    /** The guest turned itself off. */
    synchronized void guestIsDown() {
        guestIsDown = true;
        changed();
    }

    /** The guest has let go of a device. */
    synchronized void unplugged(String device) {
        unplugged.add(device);
        wake();
    }

    /** The keeper saw the end of a process of this instance's name. */
    synchronized void ended(Exited event) {
        boolean ours = process == Process.RUNS && (event.getPid() == pid || event.getPid() == 0);
        if (process == Process.STARTING || ours) {
            end = event;
            process = ours ? Process.ENDED : process;
            wake();
        }
    }

    /**
     * A card serves a function of it. Where it is stopped, a controller that was killed in the
     * middle of the stop left that.
     */
    synchronized void served() {
        boolean absent = process == Process.ABSENT && record.getWish() == Wish.STOP;
        if (absent && state == InstanceState.STOPPED) {
            unreleased = true;
            wake();
        }
    }

    synchronized boolean runs() {
        return process == Process.RUNS;
    }

    // ---- the work ----------------------------------------------------------------------------

    /** Makes sure that a thread looks at what there is to do. */
    synchronized void wake() {
        changed();
        if (!working) {
            working = true;
            Thread.ofPlatform().daemon().name(id()).start(this::work);
        }
    }

    private void changed() {
        changes++;
        notifyAll();
    }

    private void work() {
        while (true) {
            Step step;
            long seen;
            synchronized (this) {
                seen = changes;
                step = next();
                if (step == Step.NOTHING) {
                    working = false;
                    return;
                }
            }
            try {
                perform(step);
                problem("");
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "{0}: {1}: {2}", id(), step, e.getMessage());
                problem(String.valueOf(e.getMessage()));
                await(() -> false, seen, AGAIN_MILLIS);
            } catch (RuntimeException e) { // a defect here must not stop all work on it for ever
                LOG.log(System.Logger.Level.ERROR, id() + ": " + step, e);
                problem("a defect of niter: logs/controller.log says more");
                await(() -> false, seen, AGAIN_MILLIS);
            }
        }
    }

    private synchronized void problem(String text) {
        problem = text;
    }

    private Step next() {
        boolean run = record.getWish() == Wish.RUN && !hostGoesDown;
        return switch (process) {
            case ENDED -> Step.SETTLE;
            case STARTING -> throw new IllegalStateException("only this thread starts");
            case RUNS -> {
                if (record.getWish() == Wish.TERMINATE || force) {
                    yield Step.KILL;
                }
                if (!run) {
                    yield Step.POWER_OFF;
                }
                if (record.getRebooting()) {
                    yield Step.REBOOT;
                }
                yield machine != null && state == InstanceState.RUNNING && hasAttachmentsPending()
                        ? Step.ATTACHMENTS
                        : Step.NOTHING;
            }
            case ABSENT -> {
                if (record.getWish() == Wish.TERMINATE) {
                    yield state == InstanceState.TERMINATED ? Step.NOTHING : Step.DELETE;
                }
                if (run) {
                    yield Step.LAUNCH;
                }
                if (state != InstanceState.STOPPED || unreleased) {
                    yield Step.RELEASE;
                }
                yield hasAttachmentsPending() ? Step.ATTACHMENTS : Step.NOTHING;
            }
        };
    }

    private boolean hasAttachmentsPending() {
        return parts.attachments().isPending(id(), unplugged);
    }

    private void perform(Step step) throws IOException {
        switch (step) {
            case NOTHING -> {}
            case SETTLE -> settle();
            case LAUNCH -> steps.launch(record());
            case REBOOT -> steps.reboot(machine());
            case ATTACHMENTS -> parts.attachments().settle(this, machine());
            case POWER_OFF -> {
                state(InstanceState.STOPPING);
                steps.powerOff(machine());
            }
            case KILL -> {
                state(
                        record().getWish() == Wish.TERMINATE
                                ? InstanceState.SHUTTING_DOWN
                                : InstanceState.STOPPING);
                steps.kill();
            }
            case RELEASE -> {
                steps.release(record());
                released();
            }
            case DELETE -> {
                state(InstanceState.SHUTTING_DOWN);
                steps.delete(record());
                parts.gone().accept(this);
                state(InstanceState.TERMINATED);
            }
        }
    }

    private synchronized void released() {
        force = false;
        unreleased = false;
        boolean startsAgain = record.getWish() == Wish.RUN && !hostGoesDown;
        if (record.getWish() != Wish.TERMINATE && !startsAgain) {
            state(InstanceState.STOPPED);
        }
    }

    /** The hypervisor has ended: where nobody asked for that, it is a stop with a reason. */
    private void settle() throws IOException {
        Exited event;
        @Nullable Machine left;
        synchronized (this) {
            event = end == null ? Exited.getDefaultInstance() : end;
            left = machine;
            if (record.getWish() == Wish.RUN && !hostGoesDown) {
                boolean byGuest = event.getExitStatus() == 0 && event.getSignal() == 0;
                String reason =
                        byGuest
                                ? Reasons.GUEST_STOP
                                : Reasons.ended(event, parts.logs().resolve(id() + ".log"));
                update(next -> next.setWish(Wish.STOP).setRebooting(false).setStateReason(reason));
                LOG.log(System.Logger.Level.INFO, "{0} stopped: {1}", id(), reason);
            }
            state(
                    record.getWish() == Wish.TERMINATE
                            ? InstanceState.SHUTTING_DOWN
                            : InstanceState.STOPPING);
        }
        if (left != null) {
            steps.discard(left);
        }
        steps.forget();
        synchronized (this) {
            machine = null;
            end = null;
            note = "";
            absent();
        }
    }

    // ---- for the steps -----------------------------------------------------------------------

    String id() {
        return record.getInstanceId();
    }

    /** Whether its machine may start: not any more once the host goes down, which waits for it. */
    synchronized boolean starting() {
        if (hostGoesDown) {
            return false;
        }
        process = Process.STARTING;
        end = null;
        guestIsDown = false;
        force = false;
        unplugged.clear();
        return true;
    }

    /** Devices that the machine has lost and nobody has seen to yet. */
    synchronized Set<String> unplugged() {
        return Set.copyOf(unplugged);
    }

    synchronized void forgetUnplugged(String device) {
        unplugged.remove(device);
    }

    /** It runs; or it ran, and its end was quicker. */
    synchronized void started(int startedPid, Machine made) {
        pid = startedPid;
        machine = made;
        boolean over = end != null && end.getPid() == startedPid;
        process = over ? Process.ENDED : Process.RUNS;
    }

    synchronized void notStarted() {
        absent();
    }

    private void absent() {
        process = Process.ABSENT;
        notifyAll();
    }

    /** Changes the record, durably; nobody else changes it meanwhile. */
    synchronized void update(UnaryOperator<InstanceRecord.Builder> change) throws IOException {
        InstanceRecord next = change.apply(record.toBuilder()).build();
        parts.store().write(next);
        record = next;
    }

    /** Waits for a condition on this instance; false if the time is over or the wish changed. */
    boolean await(BooleanSupplier condition, long millis) {
        return await(condition, Long.MAX_VALUE, millis);
    }

    private synchronized boolean await(BooleanSupplier condition, long seen, long millis) {
        Wish wish = record.getWish();
        boolean forced = force;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        try {
            while (!condition.getAsBoolean()
                    && process != Process.ENDED
                    && wish == record.getWish()
                    && forced == force
                    && (seen == Long.MAX_VALUE || seen == changes)) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    return false;
                }
                wait(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return condition.getAsBoolean();
    }

    synchronized boolean isGuestDown() {
        return guestIsDown;
    }

    /** Whether it is to stop, or to end. */
    synchronized boolean isStopWanted() {
        return record.getWish() != Wish.RUN || hostGoesDown || force;
    }

    synchronized void rebooted() throws IOException {
        guestIsDown = false;
        update(next -> next.setRebooting(false));
    }

    private synchronized void state(InstanceState next) {
        if (state != next) {
            state = next;
            parts.changed().accept(this);
            notifyAll();
        }
    }
}
