package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A flyweight over a {@code struct mmsghdr} (whose first part is a {@code struct msghdr}), native
 * byte order, x86-64. It may lie anywhere in native memory, a function segment included; the arrays
 * that it points to are the caller's to keep.
 *
 * <pre>
 * msghdr   0 name  8 namelen  16 iov  24 iovlen  32 control  40 controllen  48 flags   56 bytes
 * mmsghdr  0 msghdr  56 msg_len                                                        64 bytes
 * iovec    0 base  8 length                                                            16 bytes
 * cmsghdr  0 length  8 level  12 type  16 data, padded to 8
 * </pre>
 */
public final class MessageHeader {
    /** Size of a header; {@code sendmmsg} takes an array of these. */
    public static final long BYTES = 64;

    /** Size of one iovec. */
    public static final long IOVEC_BYTES = 16;

    /** The most descriptors that Linux lets one message carry (SCM_MAX_FD). */
    public static final int MAX_DESCRIPTORS = 253;

    private static final long IOV = 16;
    private static final long IOV_COUNT = 24;
    private static final long CONTROL = 32;
    private static final long CONTROL_BYTES = 40;
    private static final long FLAGS = 48;
    private static final long LENGTH = 56;

    private static final long CMSG_LEVEL = 8;
    private static final long CMSG_TYPE = 12;
    private static final long CMSG_HEADER = 16;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;

    private final MemorySegment header;
    private MemorySegment control = MemorySegment.NULL;

    /**
     * Lays a header over memory, as it is there.
     *
     * @param memory native, aligned to 8
     * @param offset of the header in it; {@link #BYTES} follow
     */
    public MessageHeader(MemorySegment memory, long offset) {
        header = memory.asSlice(offset, BYTES, Long.BYTES);
    }

    /** A header of its own with iovecs and room for descriptors, all zero. */
    public static MessageHeader allocate(Arena arena, int iovecs, int descriptors) {
        MessageHeader message = new MessageHeader(arena.allocate(BYTES, Long.BYTES), 0);
        if (iovecs > 0) {
            message.iovecs(arena.allocate(IOVEC_BYTES * iovecs, Long.BYTES).address(), iovecs);
        }
        if (descriptors > 0) {
            message.control(arena.allocate(controlBytes(descriptors), Long.BYTES));
        }
        return message;
    }

    /** Bytes of control memory that so many descriptors need (CMSG_SPACE). */
    public static long controlBytes(int descriptors) {
        if (descriptors < 0 || descriptors > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException("descriptors " + descriptors);
        }
        return descriptors == 0 ? 0 : CMSG_HEADER + align(4L * descriptors);
    }

    /** Where the header is, for {@link UnixSocket}. */
    public long address() {
        return header.address();
    }

    /** Zeroes the header: no data, no control memory, length 0. */
    public void clear() {
        header.fill((byte) 0);
        control = MemorySegment.NULL;
    }

    /** The data: an array of iovecs, by address. */
    public void iovecs(long address, long count) {
        header.set(JAVA_LONG, IOV, address);
        header.set(JAVA_LONG, IOV_COUNT, count);
    }

    /** Sets one iovec of the array that {@link #iovecs} named. */
    public void iovec(int index, long base, long bytes) {
        if (index < 0 || index >= header.get(JAVA_LONG, IOV_COUNT)) {
            throw new IndexOutOfBoundsException(index);
        }
        iovec(header.get(JAVA_LONG, IOV), index, base, bytes);
    }

    /** Sets one iovec of an array. */
    public static void iovec(long array, int index, long base, long bytes) {
        long at = array + IOVEC_BYTES * index;
        Memory.all().set(JAVA_LONG, at, base);
        Memory.all().set(JAVA_LONG, at + 8, bytes);
    }

    /** Control memory, all of it offered to the next receive; aligned to 8. */
    public void control(MemorySegment memory) {
        control = memory;
        header.set(JAVA_LONG, CONTROL, memory.address());
        header.set(JAVA_LONG, CONTROL_BYTES, memory.byteSize());
    }

    /**
     * Before the next receive into the same header: the kernel has shortened the control length.
     */
    public void offerControl() {
        header.set(JAVA_LONG, CONTROL_BYTES, control.byteSize());
    }

    /**
     * Writes descriptors into the control memory, to be sent with the first byte; none: no control.
     */
    public void putDescriptors(int... descriptors) {
        putDescriptors(descriptors, descriptors.length);
    }

    /** As {@link #putDescriptors(int...)}, the first {@code count} of an array. */
    public void putDescriptors(int[] descriptors, int count) {
        long space = controlBytes(count);
        header.set(JAVA_LONG, CONTROL_BYTES, space);
        if (count == 0) {
            return;
        }
        if (space > control.byteSize()) {
            throw new IllegalArgumentException(count + " descriptors in " + control.byteSize());
        }
        control.set(JAVA_LONG, 0, CMSG_HEADER + 4L * count);
        control.set(JAVA_INT, CMSG_LEVEL, SOL_SOCKET);
        control.set(JAVA_INT, CMSG_TYPE, SCM_RIGHTS);
        for (int i = 0; i < count; i++) {
            control.set(JAVA_INT, CMSG_HEADER + 4L * i, descriptors[i]);
        }
    }

    /** Flags of the received message: MSG_TRUNC, MSG_CTRUNC. */
    public int flags() {
        return header.get(JAVA_INT, FLAGS);
    }

    /** msg_len: what the kernel sent or received of this message of a batch. */
    public int length() {
        return header.get(JAVA_INT, LENGTH);
    }

    /** Sets msg_len; only zero makes sense, before a batch. */
    public void length(int bytes) {
        header.set(JAVA_INT, LENGTH, bytes);
    }

    /**
     * The descriptors of the message received, as numbers that the caller now owns. Allocates
     * nothing.
     *
     * @param into receives them
     * @return how many
     * @throws DescriptorsLost if the kernel or the array had no room for some; those that arrived
     *     are closed
     */
    public int descriptors(int[] into) {
        boolean lost = (flags() & UnixSocket.MSG_CTRUNC) != 0;
        int count = 0;
        long end = Math.min(header.get(JAVA_LONG, CONTROL_BYTES), control.byteSize());
        long at = 0;
        while (at + CMSG_HEADER <= end) {
            long length = control.get(JAVA_LONG, at);
            if (length < CMSG_HEADER || length > end - at) {
                break;
            }
            if (control.get(JAVA_INT, at + CMSG_LEVEL) == SOL_SOCKET
                    && control.get(JAVA_INT, at + CMSG_TYPE) == SCM_RIGHTS) {
                for (long fd = at + CMSG_HEADER; fd + 4 <= at + length; fd += 4) {
                    int number = control.get(JAVA_INT, fd);
                    if (count < into.length) {
                        into[count++] = number;
                    } else {
                        Descriptor.close(number);
                        lost = true;
                    }
                }
            }
            at += align(length);
        }
        if (lost) {
            for (int i = 0; i < count; i++) {
                Descriptor.close(into[i]);
            }
            throw new DescriptorsLost("recvmsg");
        }
        return count;
    }

    /** The descriptors of the message received; the caller closes them. */
    public List<Descriptor> descriptors() {
        int[] numbers = new int[MAX_DESCRIPTORS];
        int count = descriptors(numbers);
        List<Descriptor> owned = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            owned.add(Descriptor.adopt(numbers[i]));
        }
        return owned;
    }

    private static long align(long bytes) {
        return bytes + 7 & ~7L;
    }
}
