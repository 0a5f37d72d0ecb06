package niter.ena;

import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * The event ring: link state once it is listened to and after each reset, a keep-alive a second, a
 * request to be reset. What is not switched on is not sent; while the driver gave no room, it
 * waits.
 */
final class Events {
    private static final int LINK = 0;
    private static final int FATAL = 1;
    private static final int WARNING = 2;
    private static final int NOTIFICATION = 3;
    private static final int KEEP_ALIVE = 4;
    private static final int RESET_REQUEST = 7;

    /** Groups that may be switched on, a bit each. */
    static final int SUPPORTED =
            1 << LINK
                    | 1 << FATAL
                    | 1 << WARNING
                    | 1 << NOTIFICATION
                    | 1 << KEEP_ALIVE
                    | 1 << RESET_REQUEST;

    private static final long PERIOD_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int DOWN = 1;
    private static final int UP = 2;
    private static final int DATA = 16;
    private static final MemorySegment ALL = Memory.all();

    private final SlotState slot;
    private final LiveState live;
    private final DmaMap dma;
    private final Interrupts interrupts;
    private final LongSupplier clock;
    private long nextKeepAlive; // nanoseconds; a successor sends one at once
    private boolean first = true;
    private boolean linkUp = true; // the card's wish
    private boolean resetAsked; // told in this life

    Events(SlotState slot, LiveState live, DmaMap dma, Interrupts interrupts, LongSupplier clock) {
        this.slot = slot;
        this.live = live;
        this.dma = dma;
        this.interrupts = interrupts;
        this.clock = clock;
    }

    void link(boolean up) {
        linkUp = up;
    }

    /** The device was reset: everything is to be told again. */
    void clear() {
        first = true;
        resetAsked = false;
    }

    /** Sends what is due; the amount of work done. */
    int run() {
        int wanted = linkUp ? UP : DOWN;
        int work = 0;
        if (isOn(LINK) && live.linkTold() != wanted && room()) {
            begin(LINK);
            entry().set(LE32, DATA, linkUp ? 1 : 0);
            send();
            live.linkTold(wanted);
            work++;
        }
        if (live.resetWanted()) {
            return work + askForReset();
        }
        long now = clock.getAsLong();
        if (isOn(KEEP_ALIVE) && (first || now - nextKeepAlive >= 0) && room()) {
            begin(KEEP_ALIVE);
            entry().set(LE64, DATA, live.counter(LiveState.Counter.RX_DROPS));
            entry().set(LE64, DATA + 8, live.counter(LiveState.Counter.TX_DROPS));
            entry().set(LE64, DATA + 16, live.counter(LiveState.Counter.RX_OVERRUNS));
            send();
            first = false;
            nextKeepAlive = now + PERIOD_NANOS;
            work++;
        }
        return work;
    }

    /** Drivers that do not know the request miss the keep-alives, which stop meanwhile. */
    private int askForReset() {
        if (resetAsked || !isOn(RESET_REQUEST) || !room()) {
            return 0;
        }
        begin(RESET_REQUEST);
        send();
        resetAsked = true;
        return 1;
    }

    private boolean isOn(int group) {
        return (slot.groups() & 1 << group) != 0;
    }

    private boolean room() {
        int depth = depth();
        int free = live.eventHead() - live.eventsProduced() & 0xffff;
        // More than the ring holds: the driver has not written its first credit in this life.
        return depth != 0 && free != 0 && free <= depth && ring() != 0;
    }

    private int depth() {
        return slot.caps(SlotState.Ring.EVENTS) & 0xffff;
    }

    private long ring() {
        if ((slot.base(SlotState.Ring.EVENTS) & 7) != 0) {
            return 0; // moved after its size was taken: it gets none
        }
        return dma.address(
                slot.base(SlotState.Ring.EVENTS), (long) depth() * Limits.ADMIN_BYTES, true);
    }

    private MemorySegment entry() {
        return live.memory().asSlice(live.entries(), Limits.ADMIN_BYTES);
    }

    private void begin(int group) {
        MemorySegment entry = entry();
        entry.fill((byte) 0);
        entry.set(LE32, 0, group);
        entry.set(LE64, 8, clock.getAsLong());
    }

    private void send() {
        live.announce(LiveState.EVENT, 0, 0, live.eventsProduced(), 1);
        complete();
    }

    /** Writes the announced event, perhaps once more. */
    void complete() {
        int depth = depth();
        long ring = depth == 0 ? 0 : ring();
        if (ring != 0) {
            int position = live.announcedFirst();
            int place = Integer.remainderUnsigned(position, depth);
            long to = ring + (long) place * Limits.ADMIN_BYTES;
            MemorySegment entry = entry();
            MemorySegment.copy(entry, 8, ALL, to + 8, Limits.ADMIN_BYTES - 8);
            ALL.set(LE32, to, entry.get(LE32, 0));
            GuestOrder.setIntRelease(to + 4, Integer.divideUnsigned(position, depth) & 1 ^ 1);
        }
        live.apply(0);
        live.withdraw();
        interrupts.management();
    }

    /** When {@link #run} has something to do without an event; Long.MAX_VALUE for never. */
    long deadlineNanos() {
        return isOn(KEEP_ALIVE) && !live.resetWanted() && room()
                ? first ? clock.getAsLong() : nextKeepAlive
                : Long.MAX_VALUE;
    }
}
