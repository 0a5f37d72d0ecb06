package niter.nvme;

/**
 * Where a controller is. NVMe Base 2.2, sections 3.5.1 (enable), 3.6.1 (shutdown), 3.7.2 (reset).
 * The order is that of the function segment: add at the end.
 */
enum ControllerState {
    DISABLED,
    READY,
    /** EN went to 0; what is in flight is awaited. RDY stays 1. */
    RESETTING,
    /** SHN was written; commands in flight and a flush are awaited. */
    SHUTTING_DOWN,
    SHUT_DOWN,
    FAILED;

    private static final ControllerState[] VALUES = values();

    static ControllerState of(int ordinal) {
        return VALUES[ordinal];
    }

    boolean mayBecome(ControllerState next) {
        return switch (this) {
            case DISABLED -> next == READY || next == FAILED || next == SHUT_DOWN;
            case READY -> next == RESETTING || next == SHUTTING_DOWN || next == FAILED;
            case RESETTING -> next == DISABLED;
            case SHUTTING_DOWN -> next == SHUT_DOWN || next == RESETTING || next == FAILED;
            case SHUT_DOWN -> next == RESETTING || next == DISABLED;
            case FAILED -> next == RESETTING; // only a reset leads out
        };
    }
}
