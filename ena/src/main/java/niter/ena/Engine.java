package niter.ena;

import java.util.function.LongSupplier;
import niter.pcie.DmaMap;
import niter.pcie.Function;
import niter.pcie.LogRation;
import org.jspecify.annotations.Nullable;

/**
 * The adapter's life: reset, serve, fail, and go on after a take-over. Its parts are derived from
 * the function's state.
 */
final class Engine implements Registers.Control, Failure {
    private static final System.Logger LOG = System.getLogger(EnaController.class.getName());
    private static final int ADMIN_BUDGET = 16;

    private final Function function;
    private final DmaMap dma;
    private final SlotState slot;
    private final LiveState live;
    private final Registers registers;
    private final Queues queues;
    private final Rss rss;
    private final Interrupts interrupts;
    private final Events events;
    private final CompletionPoster poster;
    private final AdminQueue admin;
    private final TransmitPath transmit;
    private final ReceivePath receive;
    private final LongSupplier clock;
    private final LogRation ration;
    private boolean inMessage; // a transaction is open
    private boolean recovering = true;
    private boolean failed; // by a defect: the function is about to end
    private boolean stale; // host addresses are to be looked up again
    private int nextQueue; // whose turn it is

    Engine(
            EnaIdentity identity,
            Network network,
            Function function,
            LiveState live,
            LongSupplier clock) {
        this.function = function;
        this.live = live;
        this.clock = clock;
        ration = new LogRation(clock);
        dma = function.dma();
        slot = new SlotState(function.state());
        queues = new Queues(slot, live);
        rss = new Rss(slot);
        interrupts = new Interrupts(slot, live, function, clock);
        events = new Events(slot, live, dma, interrupts, clock);
        poster = new CompletionPoster(live, queues, interrupts);
        HostBuffer host = new HostBuffer(dma);
        registers = new Registers(slot, function, this, this);
        admin =
                new AdminQueue(
                        slot,
                        live,
                        queues,
                        new QueueCommands(slot, interrupts, dma),
                        new Features(
                                identity,
                                slot,
                                new HashFeatures(slot),
                                host,
                                function.id(),
                                ration),
                        rss,
                        new Statistics(live, network),
                        interrupts,
                        dma,
                        this);
        transmit = new TransmitPath(live, host, poster, network, this, identity.maxMtu());
        receive = new ReceivePath(live, queues, rss, host, poster, this);
        derive();
    }

    private void derive() {
        live.begin(slot.life());
        queues.refresh(dma);
        rss.refresh();
    }

    Registers registers() {
        return registers;
    }

    LiveState live() {
        return live;
    }

    /** What the driver set, 0 where it did not. */
    int mtu() {
        return slot.mtu();
    }

    /** A register is written; the transaction is open. */
    void write(long offset, int length, long value) {
        slot.join();
        inMessage = true;
        try {
            registers.write(offset, length, (int) value);
        } finally {
            inMessage = false;
        }
    }

    /** A doorbell; false where the offset is none. */
    boolean storeDoorbell(long offset, int value) {
        if (offset == Register.AQ_DOORBELL) {
            live.adminTail(value & 0xffff);
        } else if (offset == Register.AENQ_HEAD_DOORBELL) {
            live.eventHead(value & 0xffff);
        } else if (isIn(offset, Register.TX_DOORBELLS, Limits.PAIRS)) {
            live.tail(true, (int) (offset - Register.TX_DOORBELLS >> 2), value & 0xffff);
        } else if (isIn(offset, Register.RX_DOORBELLS, Limits.PAIRS)) {
            live.tail(false, (int) (offset - Register.RX_DOORBELLS >> 2), value & 0xffff);
        } else if (isIn(offset, Register.UNMASK, Limits.COMPLETION_QUEUES)) {
            @Nullable Completion queue = queues.completion((int) (offset - Register.UNMASK >> 2));
            if (queue != null && queue.vector != 0) {
                interrupts.written(queue.vector, value);
            }
        } else {
            return false;
        }
        return true;
    }

    private static boolean isIn(long offset, int start, int count) {
        return offset >= start && offset < start + 4L * count;
    }

    @Override
    public void beginReset(int reason) {
        boolean asked = reason == 0 || reason == 11 || reason == 12; // normal, shutdown, user
        ration.log(
                LOG,
                asked ? System.Logger.Level.INFO : System.Logger.Level.WARNING,
                "{0}: the driver resets the device, reason {1}",
                function.id(),
                reason);
        clear();
        slot.deviceState(DeviceState.RESETTING);
    }

    @Override
    public void endReset() {
        slot.deviceState(function.isOutOfService() ? DeviceState.FAILED : DeviceState.READY);
        slot.resetDone(true);
    }

    /** Power-on state; a transaction is open. */
    void reset() {
        slot.join();
        clear();
    }

    private void clear() {
        receive.forget();
        live.clear();
        slot.clear();
        interrupts.clear();
        events.clear();
        recovering = false;
        derive();
    }

    @Override
    public void broken(String what) {
        function.guestError(what);
        if (inMessage) {
            slot.deviceState(DeviceState.FAILED);
            return;
        }
        slot.begin();
        slot.deviceState(DeviceState.FAILED);
        slot.commit();
    }

    void quiesce() {
        queues.forgetAddresses();
        stale = true;
    }

    void dmaMapChanged() {
        stale = true;
    }

    void link(boolean up) {
        events.link(up);
    }

    void requestReset() {
        live.resetWanted(true);
    }

    /** In another's turn: the sender's. */
    boolean receive(Frame frame) {
        function.enter();
        try {
            return serving() && !function.isOutOfService() && receive.deliver(frame);
        } catch (RuntimeException e) {
            failed = true; // whatever the state is in: nothing more until the function ends
            function.fail(e);
            return false;
        } catch (Error e) {
            throw function.blame(e);
        } finally {
            function.leave();
        }
    }

    /** Tells the driver of the frames that it was given; in another's turn, perhaps. */
    void flush() {
        function.enter();
        try {
            if (serving()) {
                receive.flush();
            } else {
                receive.forget();
            }
        } catch (RuntimeException e) {
            failed = true;
            function.fail(e);
        } catch (Error e) {
            throw function.blame(e);
        } finally {
            function.leave();
        }
    }

    private boolean serving() {
        if (stale) {
            stale = false;
            queues.resolve(dma);
        }
        return !recovering
                && !failed
                && slot.deviceState() == DeviceState.READY
                && function.busMaster();
    }

    int poll(int budget) {
        slot.current();
        flush(); // what came from beside the card
        if (recovering) {
            recover();
        }
        if (!serving()) {
            return 0;
        }
        if (function.isOutOfService()) {
            return retire();
        }
        int work = admin.run(ADMIN_BUDGET);
        work += transmit(budget);
        if (serving()) {
            work += events.run();
            work += interrupts.signal() ? 1 : 0;
        }
        return work;
    }

    /** Sends of all queues in turns until it were so many frames; how many there were. */
    private int transmit(int budget) {
        int share = Math.max(TransmitPath.BATCH, budget / Limits.PAIRS);
        int sent = 0;
        int idle = 0; // queues in a row that had nothing
        while (sent < budget && idle < Limits.PAIRS && serving()) {
            @Nullable Submission queue = queues.transmit(nextQueue);
            nextQueue = nextQueue + 1 & Limits.PAIRS - 1;
            int work = queue == null ? 0 : transmit.run(queue, Math.min(share, budget - sent));
            sent += work;
            idle = work == 0 ? idle + 1 : 0;
        }
        return sent;
    }

    /** The last that the driver hears is that the link is down. */
    private int retire() {
        events.link(false);
        events.run();
        interrupts.signal();
        broken("none of its: the adapter is out of service");
        return 1;
    }

    /**
     * Finishes what an earlier process announced; every vector is fired once. While bus mastering
     * is off neither can be done: what was posted last may not even be marked as pending.
     */
    private void recover() {
        if (slot.deviceState() != DeviceState.READY || !function.busMaster()) {
            return;
        }
        switch (live.announcedKind()) {
            case LiveState.TRANSMITTED, LiveState.RECEIVED -> poster.resume();
            case LiveState.EVENT -> events.complete();
            default -> {}
        }
        recovering = false;
        interrupts.fireAll(queues);
    }

    long nextDeadlineNanos() {
        if (!serving()) {
            return Long.MAX_VALUE;
        }
        long first = Math.min(interrupts.deadlineNanos(), events.deadlineNanos());
        return first == Long.MAX_VALUE ? first : Math.max(0, first - clock.getAsLong());
    }
}
