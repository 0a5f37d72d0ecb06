package niter.nvme;

/**
 * Asynchronous events. NVMe Base 2.2, section 5.1.2. After one event, its type is silent until the
 * guest reads the type's log page.
 */
final class Events {
    /** What can happen; the ordinal is a bit in the function's state. */
    enum Event {
        INVALID_DOORBELL(0, 0, LogPages.ERRORS),
        PERSISTENT_INTERNAL_ERROR(0, 3, LogPages.ERRORS),
        NAMESPACE_ATTRIBUTE_CHANGED(2, 0, LogPages.CHANGED_NAMESPACES);

        final int type;
        final int dword;
        final int logPage;

        Event(int type, int information, int logPage) {
            this.type = type;
            this.logPage = logPage;
            this.dword = type | information << 8 | logPage << 16;
        }

        private int bit() {
            return 1 << ordinal();
        }
    }

    private static final Event[] EVENTS = Event.values();

    private final SlotState slot;

    Events(SlotState slot) {
        this.slot = slot;
    }

    /** In an open transaction: notes an event, unless the guest did not ask for its kind. */
    void raise(Event event) {
        if (event == Event.NAMESPACE_ATTRIBUTE_CHANGED) {
            slot.namespaceChanged(true);
            if ((slot.feature(Features.EVENT_CONFIGURATION) & IdentifyData.NAMESPACE_EVENTS) == 0) {
                return;
            }
        }
        slot.eventsPending(slot.eventsPending() | event.bit());
    }

    /** Whether {@link #deliver} would do something. */
    boolean deliverable() {
        return slot.eventsPending() != 0 && slot.eventRequests() > 0 && next() >= 0;
    }

    /** In an open transaction: completes a request with an event, as an admin result. */
    void deliver() {
        Event event = EVENTS[next()];
        slot.eventsPending(slot.eventsPending() & ~event.bit());
        slot.eventsMasked(slot.eventsMasked() | 1 << event.type);
        slot.result(slot.takeEventRequest(), event.dword, Status.SUCCESS);
    }

    private int next() {
        int pending = slot.eventsPending();
        for (Event event : EVENTS) {
            if ((pending & event.bit()) != 0 && (slot.eventsMasked() >>> event.type & 1) == 0) {
                return event.ordinal();
            }
        }
        return -1;
    }

    /** In an open transaction: a log page was read, and what it belongs to may happen again. */
    void read(int logPage) {
        if (logPage == LogPages.CHANGED_NAMESPACES) {
            slot.namespaceChanged(false);
        }
        for (Event event : EVENTS) {
            if (event.logPage == logPage) {
                slot.eventsMasked(slot.eventsMasked() & ~(1 << event.type));
            }
        }
    }
}
