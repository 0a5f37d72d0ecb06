package niter.pcie;

import java.lang.foreign.MemorySegment;

/**
 * The device's part of the function segment. It outlives this process; whoever takes over finds it.
 *
 * <p>Transactional state exists twice. {@link #begin} copies the valid slot to the other one,
 * changes go there, and {@link #commit} makes them valid by one release store. Live state exists
 * once, for what changes with every command; its own order of stores must make sense after each.
 */
public interface FunctionState {
    /** The valid slot, read only. The returned object is the same until the next commit. */
    MemorySegment current();

    /** The open transaction's slot. Shows what was written in this transaction. */
    MemorySegment staged();

    /** Opens a transaction. Message handlers in {@link Device} find one open already. */
    void begin();

    /** Makes the open transaction valid. */
    void commit();

    /** The device's live state, 64-byte aligned. */
    MemorySegment live();
}
