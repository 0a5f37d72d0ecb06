package niter.lab;

import java.io.IOException;
import java.util.ArrayDeque;

/**
 * A submission queue and its completion queue in a {@link QtestMachine}'s memory. NVMe Base 2.2,
 * sections 3.3.1 and 4. For one thread.
 */
final class QtestQueue {
    /** So few that a ring begins again every few commands. */
    static final int ENTRIES = 4;

    static final int READ = 2;
    private static final int IDENTIFY = 6;
    private static final int CONTROLLER = 1;
    private static final int DOORBELLS = 0x1000; // registers
    private static final int SUBMISSION_BYTES = 64;
    private static final int COMPLETION_BYTES = 16;

    final int id;
    final long submissions;
    final long completions;

    private final QtestMachine machine;
    private final QtestNvme nvme;
    private final ArrayDeque<Integer> waiting = new ArrayDeque<>();
    private int tail;
    private int head;
    private int phase = 1;
    private int lastId;

    /** Empty, as the controller has it when it is created. */
    QtestQueue(QtestMachine machine, QtestNvme nvme, int id, long submissions, long completions)
            throws IOException {
        this.machine = machine;
        this.nvme = nvme;
        this.id = id;
        this.submissions = submissions;
        this.completions = completions;
        machine.clear(completions, COMPLETION_BYTES * ENTRIES);
    }

    /** Puts an Identify of the controller into the ring, without ringing. */
    void identify(long page) throws IOException {
        put(IDENTIFY, 0, page, CONTROLLER, 0, 0);
    }

    /** Puts a Read of a page's worth of the first blocks into it. */
    void read(long page) throws IOException {
        put(READ, 1, page, 0, 0, 4096 / 512 - 1);
    }

    void put(int opcode, int namespace, long prp1, int dword10, int dword11, int dword12)
            throws IOException {
        long at = submissions + (long) SUBMISSION_BYTES * tail;
        int command = lastId = lastId + 1 & 0xffff;
        machine.clear(at, SUBMISSION_BYTES);
        machine.write(at, 4, opcode | command << 16);
        machine.write(at + 4, 4, namespace);
        machine.write(at + 24, 8, prp1);
        machine.write(at + 40, 4, dword10);
        machine.write(at + 44, 4, dword11);
        machine.write(at + 48, 4, dword12);
        tail = (tail + 1) % ENTRIES;
        waiting.add(command);
    }

    void ring() throws IOException {
        nvme.register(DOORBELLS + 8 * id, 4, tail);
    }

    boolean isCompleted() throws IOException {
        return (last() >>> 16 & 1) == phase;
    }

    private long last() throws IOException {
        return machine.read(completions + (long) COMPLETION_BYTES * head + 12, 4);
    }

    /** Waits for the completion of one of the commands and takes it: its status. */
    int take() throws IOException {
        QtestMachine.await("a completion", this::isCompleted);
        long last = last();
        if (!waiting.remove((Object) (int) (last & 0xffff))) {
            throw new IOException("completed %d, not one of %s".formatted(last & 0xffff, waiting));
        }
        head = (head + 1) % ENTRIES;
        phase ^= head == 0 ? 1 : 0;
        nvme.register(DOORBELLS + 8 * id + 4, 4, head);
        return (int) (last >>> 17);
    }
}
