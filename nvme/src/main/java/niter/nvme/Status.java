package niter.nvme;

import niter.linux.Errno;

/**
 * Completion status: code [7:0], code type [10:8], do not retry 14. NVMe Base 2.2, section 4.2.3.
 * Linux retries at once whatever lacks "do not retry", so a hopeless command carries it.
 */
final class Status {
    private static final int DNR = 0x4000;

    static final int SUCCESS = 0;
    static final int INVALID_OPCODE = DNR | 0x01;
    static final int INVALID_FIELD = DNR | 0x02;
    static final int DATA_TRANSFER_ERROR = DNR | 0x04;
    static final int INVALID_NAMESPACE = DNR | 0x0b;
    static final int SEQUENCE_ERROR = DNR | 0x0c;
    static final int PRP_OFFSET_INVALID = DNR | 0x13;
    static final int NAMESPACE_WRITE_PROTECTED = DNR | 0x20;
    static final int LBA_OUT_OF_RANGE = DNR | 0x80;
    static final int CAPACITY_EXCEEDED = DNR | 0x81;
    static final int NAMESPACE_NOT_READY = 0x82;
    static final int INVALID_COMPLETION_QUEUE = DNR | 0x100;
    static final int INVALID_QUEUE_ID = DNR | 0x101;
    static final int INVALID_QUEUE_SIZE = DNR | 0x102;
    static final int TOO_MANY_EVENT_REQUESTS = DNR | 0x105;
    static final int INVALID_VECTOR = DNR | 0x108;
    static final int INVALID_LOG_PAGE = DNR | 0x109;
    static final int INVALID_QUEUE_DELETION = DNR | 0x10c;
    static final int FEATURE_NOT_SAVEABLE = DNR | 0x10d;
    static final int WRITE_FAULT = 0x280;
    static final int WRITES_LOST = DNR | WRITE_FAULT;
    static final int UNRECOVERED_READ_ERROR = 0x281;

    private Status() {}

    /**
     * What a guest is told about a failed operation. A full disk is final here, so that the guest's
     * file system sees ENOSPC at once and the next write finds out whether there is space again.
     */
    static int of(int errno, boolean read) {
        return switch (errno) {
            case 0 -> SUCCESS;
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG -> CAPACITY_EXCEEDED;
            case Errno.EROFS -> NAMESPACE_WRITE_PROTECTED;
            case Errno.EAGAIN, Errno.ENOMEM, Errno.ENODEV -> NAMESPACE_NOT_READY;
            default -> read ? UNRECOVERED_READ_ERROR : WRITE_FAULT;
        };
    }
}
