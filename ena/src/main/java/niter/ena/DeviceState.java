package niter.ena;

/** What the adapter does. Only a reset leads out of FAILED. */
enum DeviceState {
    READY,
    RESETTING,
    FAILED;

    private static final DeviceState[] ALL = values();

    static DeviceState of(int ordinal) {
        return ALL[ordinal];
    }
}
