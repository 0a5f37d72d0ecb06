package niter.nvme;

import java.util.function.LongSupplier;
import niter.pcie.DmaMap;
import niter.pcie.Function;

/**
 * The controller's life: enable, serve, shut down, reset, fail, and go on after a take-over. Its
 * parts are derived from the function's state, where each of these steps is one commit.
 */
final class Engine implements Registers.Configuration, Failure {
    private static final System.Logger LOG = System.getLogger(NvmeController.class.getName());
    private static final int BUS_MASTER = 4;
    private static final int ADMIN_BUDGET = 16;

    private final Function function;
    private final DmaMap dma;
    private final Namespace namespace;
    private final SlotState slot;
    private final LiveState live;
    private final Registers registers;
    private final Queues queues;
    private final InFlight inFlight;
    private final Features features;
    private final Events events;
    private final AdminQueue admin;
    private final IoPath path;

    private volatile boolean ready;
    private boolean recovering;
    private boolean stale; // host addresses are to be looked up again

    Engine(
            NvmeIdentity identity,
            Namespace namespace,
            NvmeOptions options,
            Function function,
            LiveState live,
            LongSupplier clock,
            Counters counters) {
        this.function = function;
        this.namespace = namespace;
        this.live = live;
        dma = function.dma();
        slot = new SlotState(function.state());
        registers = new Registers(slot, this);
        Doorbells doorbells = new Doorbells(slot, live);
        queues = new Queues(slot, live, doorbells);
        inFlight = new InFlight(live);
        features = new Features(slot, queues);
        events = new Events(slot);
        PrpReader prps = new PrpReader(dma);
        HostBuffer host = new HostBuffer(prps);
        Statistics statistics = new Statistics(live, identity.statisticsMagic(), counters);
        ErrorLog errors = new ErrorLog(live);
        CompletionPoster poster = new CompletionPoster(live, doorbells, function, this);
        LogPages logPages =
                new LogPages(
                        slot,
                        live,
                        statistics,
                        errors,
                        host,
                        events,
                        inFlight,
                        identity.firmware());
        AdminCommands commands =
                new AdminCommands(
                        slot,
                        queues,
                        new QueueCommands(slot),
                        features,
                        logPages,
                        new IdentifyData(identity, options),
                        host,
                        doorbells,
                        dma);
        admin =
                new AdminQueue(
                        slot, live, queues, doorbells, poster, commands, events, namespace, errors,
                        dma, this);
        Deallocation deallocation = new Deallocation(namespace, live, host);
        path =
                new IoPath(
                        live,
                        queues,
                        doorbells,
                        poster,
                        inFlight,
                        new IoCommands(
                                namespace, options, slot, live, prps, statistics, deallocation),
                        deallocation,
                        namespace,
                        errors,
                        function,
                        this,
                        clock);
        resume();
    }

    /** Derives everything from the function's state, be it new or left by another process. */
    private void resume() {
        if (slot.tags() > namespace.maxInFlight()) {
            throw new IllegalStateException(
                    "%d commands may be in flight, the namespace takes %d"
                            .formatted(slot.tags(), namespace.maxInFlight()));
        }
        ready = slot.ready();
        recovering = true;
        queues.refresh(dma);
        inFlight.rebuild(slot.tags(), queues);
        path.discarding(slot.controllerState() == ControllerState.FAILED);
    }

    Registers registers() {
        return registers;
    }

    LiveState live() {
        return live;
    }

    boolean ready() {
        return ready;
    }

    /** A register is written; the transaction is open. */
    void write(long offset, int length, long value) {
        slot.join();
        if (offset >= Register.DOORBELLS) {
            if (slot.controllerState() == ControllerState.READY) {
                events.raise(Events.Event.INVALID_DOORBELL); // any that exists is stored elsewhere
            }
        } else {
            registers.write(offset, length, value);
        }
    }

    @Override
    public void enable() {
        if (slot.controllerState() == ControllerState.SHUT_DOWN) {
            slot.become(ControllerState.DISABLED);
        }
        if (slot.controllerState() != ControllerState.DISABLED) {
            return; // once the reset is through
        }
        String problem = problem();
        if (!problem.isEmpty()) {
            slot.become(ControllerState.FAILED);
            function.guestError("controller not enabled: " + problem);
            return;
        }
        slot.become(ControllerState.READY);
        slot.ready(true);
        slot.tags(Math.min(Limits.TAGS, namespace.maxInFlight()));
        slot.announcedBytes(namespace.sizeBytes());
        features.reset();
        int sizes = slot.adminSizes();
        slot.createCompletion(0, (sizes >>> 16 & 0xfff) + 1, slot.adminCompletionBase(), 0, true);
        slot.createSubmission(0, (sizes & 0xfff) + 1, slot.adminSubmissionBase(), 0);
        startOver();
        ready = true;
    }

    /** What is wrong with CC or AQA, or nothing. */
    private String problem() {
        if (function.isOutOfService()) {
            return "it is out of service";
        }
        int configuration = slot.configuration();
        int sizes = slot.adminSizes();
        if ((configuration >>> 4 & 7) != 0) {
            return "CC.CSS %d, expected 0".formatted(configuration >>> 4 & 7);
        }
        if ((configuration >>> 7 & 0xf) != 0) {
            return "CC.MPS %d, expected 0".formatted(configuration >>> 7 & 0xf);
        }
        if ((configuration >>> 11 & 7) != 0) {
            return "CC.AMS %d, expected 0".formatted(configuration >>> 11 & 7);
        }
        if ((sizes & 0xfff) == 0 || (sizes >>> 16 & 0xfff) == 0) {
            return "AQA %08x, expected 2 entries or more".formatted(sizes);
        }
        return "";
    }

    /** The queues are others: nothing is in flight, and no completion is announced. */
    private void startOver() {
        live.withdraw();
        queues.refresh(dma);
        inFlight.rebuild(slot.tags(), queues);
        path.forget();
        recovering = false;
    }

    @Override
    public void disable() {
        switch (slot.controllerState()) {
            case READY, SHUTTING_DOWN, SHUT_DOWN, FAILED -> slot.become(ControllerState.RESETTING);
            case DISABLED, RESETTING -> {}
        }
    }

    @Override
    public void shutDown() {
        switch (slot.controllerState()) {
            case READY -> slot.become(ControllerState.SHUTTING_DOWN);
            case DISABLED -> slot.become(ControllerState.SHUT_DOWN);
            case RESETTING, SHUTTING_DOWN, SHUT_DOWN, FAILED -> {}
        }
    }

    /** EN is 0 and nothing reaches guest memory any more. */
    private void finishReset() {
        slot.begin();
        slot.become(ControllerState.DISABLED);
        slot.ready(false);
        slot.interruptMask(0);
        slot.dropAll();
        ready = false;
        if ((slot.configuration() & Registers.ENABLE) != 0) {
            enable();
        }
        slot.commit();
        startOver();
    }

    /** Power-on state; a transaction is open. */
    void reset() {
        path.discarding(true);
        path.quiesce();
        slot.join();
        slot.clear();
        ready = false;
        stale = false;
        startOver();
    }

    void commandChanged(int command) {
        if ((command & BUS_MASTER) == 0) {
            path.quiesce(); // what finishes now waits with its completion
        }
    }

    void quiesce() {
        path.quiesce();
        queues.forgetAddresses();
        stale = true;
    }

    void dmaMapChanged() {
        stale = true;
    }

    int poll(int budget) {
        if (stale) {
            stale = false;
            queues.resolve(dma);
        }
        int work = path.reap();
        switch (slot.controllerState()) {
            case DISABLED, SHUT_DOWN -> {}
            case RESETTING -> {
                path.discarding(true);
                if (path.running() == 0) {
                    finishReset();
                    work++;
                }
            }
            case READY, SHUTTING_DOWN, FAILED -> {
                if (function.busMaster()) {
                    work += serve(budget);
                }
            }
        }
        return work;
    }

    private int serve(int budget) {
        boolean recovered = false;
        if (recovering) {
            if (!path.resolveIntent(slot)) {
                return 0;
            }
            if (slot.controllerState() != ControllerState.FAILED) {
                path.reissue();
            }
            recovering = false;
            recovered = true;
        }
        int work = announceSize();
        work += path.run(budget, slot.controllerState() == ControllerState.READY);
        work += admin.run(ADMIN_BUDGET, slot.controllerState() == ControllerState.READY);
        if (recovered) {
            path.signalAll();
            work++;
        } else {
            path.signal(slot.controllerState() == ControllerState.READY);
        }
        if (slot.controllerState() == ControllerState.SHUTTING_DOWN) {
            work += finishShutdown();
        }
        return work;
    }

    private int announceSize() {
        if (namespace.sizeBytes() == slot.announcedBytes()
                || slot.controllerState() != ControllerState.READY) {
            return 0;
        }
        slot.begin();
        slot.announcedBytes(namespace.sizeBytes());
        events.raise(Events.Event.NAMESPACE_ATTRIBUTE_CHANGED);
        slot.commit();
        return 1;
    }

    /** SHST says complete only when everything that was completed is durable. */
    private int finishShutdown() {
        int error = path.flush();
        if (error < 0) {
            return 0;
        }
        slot.begin();
        slot.become(error == 0 ? ControllerState.SHUT_DOWN : ControllerState.FAILED);
        slot.commit();
        if (error != 0) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "{0}: flush at shutdown failed: errno {1}",
                    function.id(),
                    error);
        }
        return 1;
    }

    @Override
    public void broken(String what) {
        switch (slot.controllerState()) {
            case READY, SHUTTING_DOWN -> {
                slot.begin();
                slot.become(ControllerState.FAILED);
                events.raise(Events.Event.PERSISTENT_INTERNAL_ERROR);
                slot.commit();
                path.discarding(true);
                function.guestError(what);
            }
            case DISABLED, RESETTING, SHUT_DOWN, FAILED -> {}
        }
    }

    /** See {@link niter.pcie.Device#arm}. */
    boolean arm() {
        if (recovering || !serving()) {
            return true;
        }
        return path.arm() && serving(); // it may have found that the guest broke a ring
    }

    /** See {@link niter.pcie.Device#nextDeadlineNanos}. */
    long nextDeadlineNanos() {
        return serving() ? path.untilDue() : Long.MAX_VALUE;
    }

    /** Otherwise nothing is fetched or held back, and the guest's memory is left alone. */
    private boolean serving() {
        return slot.controllerState() == ControllerState.READY && function.busMaster();
    }
}
