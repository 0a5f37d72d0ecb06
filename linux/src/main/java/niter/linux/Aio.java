package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/**
 * Linux AIO (io_submit(2), linux/aio_abi.h), for one thing: a request may name an eventfd that the
 * kernel signals once the request is done (IOCB_FLAG_RESFD), and the kernel's own signal never
 * waits. The request is a read of 0 bytes of /dev/null, done before io_submit returns. Any thread.
 *
 * <p>One context, made at the first use, serves the process. Its end is waited for at the end of
 * the process, for two grace periods of RCU: some 30 ms.
 */
final class Aio {
    private static final int RESFD = 1; // IOCB_FLAG_RESFD

    // struct iocb; what is not named here is 0, the opcode of pread (IOCB_CMD_PREAD) too.
    private static final long IOCB_BYTES = 64;
    private static final long FILE = 20;
    private static final long FLAGS = 56;
    private static final long EVENTFD = 60;

    // struct aio_ring, which the kernel maps into the process: where a context's number points to.
    private static final long HEAD = 8;
    private static final long TAIL = 12;
    private static final long MAGIC = 16;
    private static final int IS_RING = 0xa10a_10a1;

    private static final VarHandle INT = JAVA_INT.varHandle();

    /** More threads at once would find the ring full, which holds at least 8 events a processor. */
    private static final int TRIES = 8;

    private static final int NULL_FILE = openNull(); // or a negated errno; for good, as the context
    private static final long CONTEXT = NULL_FILE < 0 ? NULL_FILE : setUp(); // or a negated errno

    private Aio() {}

    private static int openNull() {
        try {
            return FileIo.open(Path.of("/dev/null"), FileIo.O_RDONLY, 0).number();
        } catch (LinuxException e) {
            return -e.errno();
        }
    }

    private static long setUp() {
        long at = Libc.scratch();
        Memory.all().set(JAVA_LONG, at, 0);
        long result = Libc.syscall(SystemCall.IO_SETUP, 1, at, 0, 0, 0, 0);
        if (result < 0) {
            return result;
        }
        long context = Memory.all().get(JAVA_LONG, at);
        // Without the ring events would have to be fetched by a call each.
        return Memory.all().get(JAVA_INT, context + MAGIC) == IS_RING ? context : -Errno.ENOSYS;
    }

    /** 0 where it serves, or a negated errno: ENOSYS, or EAGAIN where fs.aio-max-nr is used up. */
    static int available() {
        return (int) Math.min(CONTEXT, 0);
    }

    /** Has the kernel signal an eventfd; 1, or a negated errno. Allocates nothing. */
    static long signal(int eventfd) {
        if (CONTEXT < 0) {
            return CONTEXT;
        }
        long iocb = Libc.scratch();
        for (long at = iocb; at < iocb + IOCB_BYTES; at += Long.BYTES) {
            Memory.all().set(JAVA_LONG, at, 0);
        }
        Memory.all().set(JAVA_INT, iocb + FILE, NULL_FILE);
        Memory.all().set(JAVA_INT, iocb + FLAGS, RESFD);
        Memory.all().set(JAVA_INT, iocb + EVENTFD, eventfd);
        long iocbs = iocb + IOCB_BYTES;
        Memory.all().set(JAVA_LONG, iocbs, iocb);
        long result = -Errno.EAGAIN;
        for (int n = 0; n < TRIES && result == -Errno.EAGAIN; n++) {
            // Nobody reads the events, so all that are there are consumed. A thread that comes late
            // sets the head back: until the next call there is less room than there could be.
            int tail = (int) INT.getOpaque(Memory.all(), CONTEXT + TAIL);
            INT.setOpaque(Memory.all(), CONTEXT + HEAD, tail);
            result = Libc.repeatable(SystemCall.IO_SUBMIT, CONTEXT, 1, iocbs, 0, 0, 0);
        }
        return result;
    }
}
