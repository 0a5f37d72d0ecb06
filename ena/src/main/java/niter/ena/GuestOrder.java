package niter.ena;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import niter.linux.Memory;

/** Stores that make everything before them visible to the guest: phase bits. */
final class GuestOrder {
    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

    private GuestOrder() {}

    /** Release store. The address must be a multiple of 4. */
    static void setIntRelease(long address, int value) {
        INT.setRelease(ALL, address, value);
    }

    /** Release store. The address must be a multiple of 8. */
    static void setLongRelease(long address, long value) {
        LONG.setRelease(ALL, address, value);
    }
}
