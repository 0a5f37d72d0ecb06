package niter.ena;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import niter.pcie.Function;

/**
 * When vectors fire. Vector 0 has a mask register; the others mask themselves with each message
 * until the driver writes an unmask register of one of their completion queues, and are held back
 * by the delay that it wrote last.
 */
final class Interrupts {
    private static final long NEVER = Long.MAX_VALUE;
    private static final int DELAY = 0x7fff;
    private static final int TRANSMIT_DELAY_SHIFT = 15;
    private static final int UNMASK = 1 << 30;
    private static final int NO_UPDATE = 1 << 31;

    private final SlotState slot;
    private final LiveState live;
    private final Function function;
    private final LongSupplier clock;
    private final long[] due = new long[Limits.VECTORS]; // NEVER where nothing is pending

    Interrupts(SlotState slot, LiveState live, Function function, LongSupplier clock) {
        this.slot = slot;
        this.live = live;
        this.function = function;
        this.clock = clock;
        for (int vector = 0; vector < due.length; vector++) {
            due[vector] = live.pending(vector) ? 0 : NEVER; // an earlier process did not tell it
        }
    }

    /** After a take-over: what was posted last may not have been told. */
    void fireAll(Queues queues) {
        pend(0, 0);
        for (int vector = 1; vector < Limits.VECTORS; vector++) {
            if (queues.uses(vector)) {
                pend(vector, 0);
            }
        }
    }

    /** An answer or an event was posted. */
    void management() {
        pend(0, 0);
    }

    /** A completion was posted. */
    void posted(int vector, boolean transmit) {
        if (vector == Limits.NO_VECTOR) {
            return;
        }
        int delays = live.delays(vector);
        int micros = (transmit ? delays >>> TRANSMIT_DELAY_SHIFT : delays) & DELAY;
        pend(vector, micros == 0 ? 0 : clock.getAsLong() + TimeUnit.MICROSECONDS.toNanos(micros));
    }

    private void pend(int vector, long when) {
        if (!live.pending(vector)) {
            live.pending(vector, true);
        }
        due[vector] = Math.min(due[vector], when);
    }

    /** The driver wrote an unmask register. A plain store that may be repeated. */
    void written(int vector, int value) {
        if (vector == Limits.NO_VECTOR) {
            return;
        }
        boolean update = (value & NO_UPDATE) == 0;
        int delays = value & ~(UNMASK | NO_UPDATE);
        if (update && delays != 0) {
            live.delays(vector, delays);
        }
        // Without the unmask bit but with delays: a driver that lost an interrupt asks for it
        // again.
        live.unmasked(vector, (value & UNMASK) != 0 || update && delays != 0);
    }

    /** Fires what is due; whether anything was. */
    boolean signal() {
        boolean fired = false;
        for (int vector = 0; vector < due.length; vector++) {
            if (due[vector] != NEVER && open(vector) && isDue(vector)) {
                due[vector] = NEVER;
                function.interrupt(vector);
                if (vector != 0) {
                    live.unmasked(vector, false);
                }
                live.pending(vector, false);
                fired = true;
            }
        }
        return fired;
    }

    private boolean isDue(int vector) {
        return due[vector] == 0 || clock.getAsLong() - due[vector] >= 0;
    }

    private boolean open(int vector) {
        return vector == 0 ? (slot.interruptMask() & 1) == 0 : live.unmasked(vector);
    }

    /** When {@link #signal} has something to do without an event; Long.MAX_VALUE for never. */
    long deadlineNanos() {
        long first = NEVER;
        for (int vector = 0; vector < due.length; vector++) {
            if (due[vector] != NEVER && open(vector)) {
                first = Math.min(first, due[vector]);
            }
        }
        return first;
    }

    /** A vector without completion queues goes back to how it began. */
    void release(int vector) {
        if (vector != Limits.NO_VECTOR) {
            due[vector] = NEVER;
            live.unmasked(vector, false);
            live.pending(vector, false);
        }
    }

    /** The device was reset. */
    void clear() {
        Arrays.fill(due, NEVER);
    }
}
