package niter.ena;

/** Status of an admin command's answer. */
final class Status {
    static final int SUCCESS = 0;
    static final int NO_RESOURCES = 1;
    static final int BAD_OPCODE = 2;

    /** The only one that drivers take for "this device has no such feature". */
    static final int UNSUPPORTED = 3;

    static final int ILLEGAL_PARAMETER = 5;

    private Status() {}
}
