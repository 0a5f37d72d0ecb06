package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A driver of an NVMe function of a {@link QtestMachine}. What it needs of memory lies at a
 * mebibyte of its own, unless it is told otherwise. For one thread.
 */
final class QtestNvme {
    static final int BAR_BYTES = 16384;
    static final int FIRED = 0x1111;
    static final int MSIX_ENABLED = 0x8000;
    static final int MSIX_MASKED = 0xc000;

    // Configuration space.
    static final int COMMAND = 0x04;
    static final int BAR0 = 0x10;
    static final int MSIX = 0x11;
    static final int EXPRESS = 0x10;
    private static final int CAPABILITIES = 0x34;
    private static final int MEMORY = 2;
    private static final int BUS_MASTER = 4;

    // Registers.
    static final int CC = 0x14;
    static final int CSTS = 0x1c;
    static final int ASQ = 0x28;
    private static final int AQA = 0x24;
    private static final int ACQ = 0x30;
    private static final int MSIX_TABLE = 0x2000;
    private static final int MSIX_PENDING = 0x3000;

    static final int DATA_TRANSFER_ERROR = 0x4004; // with "do not retry"
    private static final int CREATE_SUBMISSION = 1;
    private static final int CREATE_COMPLETION = 5;
    private static final int LOOKS = 8;

    final int slot;

    /** A page for what Identify tells. */
    final long page;

    /** One for what is read. */
    final long data;

    /** Where messages may go. */
    final long messages;

    private final QtestMachine machine;
    private final long ram;
    private long bar;

    /** The admin queue of the last start. */
    QtestQueue admin;

    QtestNvme(QtestMachine machine, int slot) throws IOException {
        this.machine = machine;
        this.slot = slot;
        ram = (long) slot << 20;
        page = ram + 0x2000;
        data = ram + 0x6000;
        messages = ram + 0x3000;
        bar = 0xe000_0000L + BAR_BYTES * (long) slot;
        admin = new QtestQueue(machine, this, 0, ram, ram + 0x1000); // not started
    }

    /** A function whose addresses are set and whose controller is up. */
    static QtestNvme started(QtestMachine machine, int slot) throws IOException {
        QtestNvme nvme = new QtestNvme(machine, slot);
        nvme.open();
        nvme.start();
        return nvme;
    }

    // ---- the function

    long config(int offset, int bytes) throws IOException {
        return machine.config(slot, offset, bytes);
    }

    void config(int offset, int bytes, long value) throws IOException {
        machine.config(slot, offset, bytes, value);
    }

    /** Where the capabilities lie: their ids and offsets in pairs, in the list's order. */
    List<int[]> capabilities() throws IOException {
        List<int[]> found = new ArrayList<>();
        int at = (int) config(CAPABILITIES, 1);
        while (at != 0 && found.size() < 48) {
            found.add(new int[] {(int) config(at, 1), at});
            at = (int) config(at + 1, 1);
        }
        return found;
    }

    int capability(int id) throws IOException {
        return capabilities().stream()
                .filter(capability -> capability[0] == id)
                .findFirst()
                .orElseThrow(() -> new IOException("no capability " + id))[1];
    }

    /** Gives it its addresses, and lets it reach memory. */
    void open() throws IOException {
        config(BAR0, 4, bar);
        config(COMMAND, 2, MEMORY | BUS_MASTER);
    }

    void moveTo(long address) throws IOException {
        bar = address;
        config(BAR0, 4, address);
    }

    void busMaster(boolean on) throws IOException {
        config(COMMAND, 2, on ? MEMORY | BUS_MASTER : MEMORY);
    }

    void functionLevelReset() throws IOException {
        config(capability(EXPRESS) + 8, 2, 0x8000);
    }

    long register(int offset, int bytes) throws IOException {
        return machine.read(bar + offset, bytes);
    }

    void register(int offset, int bytes, long value) throws IOException {
        machine.write(bar + offset, bytes, value);
    }

    // ---- the controller

    /** Brings it up with queues in memory that is always there. */
    void start() throws IOException {
        start(ram, ram + 0x1000);
    }

    /** Brings it up with queues there. */
    void start(long submissions, long completions) throws IOException {
        register(CC, 4, 0);
        QtestMachine.await("CSTS.RDY 0", () -> (register(CSTS, 4) & 1) == 0);
        admin = new QtestQueue(machine, this, 0, submissions, completions);
        register(AQA, 4, QtestQueue.ENTRIES - 1 | QtestQueue.ENTRIES - 1 << 16);
        register(ASQ, 8, submissions);
        register(ACQ, 4, completions);
        register(ACQ + 4, 4, completions >>> 32);
        register(CC, 4, 0x0046_0001);
        QtestMachine.await("CSTS.RDY 1", () -> (register(CSTS, 4) & 1) == 1);
    }

    /** Makes an I/O queue, without an interrupt. */
    QtestQueue createQueue() throws IOException {
        QtestQueue queue = new QtestQueue(machine, this, 1, ram + 0x4000, ram + 0x5000);
        int size = queue.id | QtestQueue.ENTRIES - 1 << 16;
        admin.put(CREATE_COMPLETION, 0, queue.completions, size, 1, 0);
        admin.put(CREATE_SUBMISSION, 0, queue.submissions, size, 1 | queue.id << 16, 0);
        admin.ring();
        assertThat(admin.take()).isZero();
        assertThat(admin.take()).isZero();
        return queue;
    }

    /** The status of an Identify into this page, which is cleared before. */
    int identify(long data) throws IOException {
        machine.clear(data, 4096);
        admin.identify(data);
        admin.ring();
        return admin.take();
    }

    /** Whether what Identify tells lies in a page. */
    boolean isIdentified(long data) throws IOException {
        return new String(machine.bytes(data + 4, 20), StandardCharsets.US_ASCII)
                .startsWith("vol0123456789abcdef");
    }

    /** Checks that a command is answered, with its data. */
    void answers() throws IOException {
        reaches(page, true);
    }

    /** Checks whether the function reaches a page: otherwise a command fails, and it goes on. */
    void reaches(long data, boolean expected) throws IOException {
        assertThat(identify(data))
                .as("page %#x", data)
                .isEqualTo(expected ? 0 : DATA_TRANSFER_ERROR);
        assertThat(isIdentified(data)).as("page %#x", data).isEqualTo(expected);
    }

    /**
     * Returns when the card has done what there was to do: it looks at its queues between two
     * messages.
     */
    void settle() throws IOException {
        for (int n = 0; n < LOOKS; n++) {
            register(CSTS, 4);
        }
    }

    // ---- interrupts

    /** Has vector 0 send {@link #FIRED} to {@link #messages}, also for what was before. */
    void interrupt() throws IOException {
        vector(messages, FIRED);
        control(MSIX_ENABLED);
        mask(false);
    }

    /** Where vector 0 sends what; it is masked meanwhile, and after it. */
    void vector(long address, int data) throws IOException {
        mask(true);
        register(MSIX_TABLE, 8, address);
        register(MSIX_TABLE + 8, 4, data);
    }

    void mask(boolean masked) throws IOException {
        register(MSIX_TABLE + 12, 4, masked ? 1 : 0);
    }

    boolean isPending() throws IOException {
        return (register(MSIX_PENDING, 8) & 1) != 0;
    }

    /** Writes message control. */
    void control(int control) throws IOException {
        config(capability(MSIX) + 2, 2, control);
    }

    /** Waits for a message, which is to be this one, and takes it. */
    void fires(long address, int data) throws IOException {
        QtestMachine.await("a message", () -> machine.read(address, 4) != 0);
        assertThat(machine.read(address, 4)).isEqualTo(data);
        assertThat(isPending()).isFalse();
        machine.write(address, 4, 0);
    }

    /**
     * Checks that a command is answered, and its message held back.
     *
     * @param shown whether the pending bits tell: they are the card's, and a message that QEMU
     *     holds back itself is not among them
     */
    void holdsBack(long address, boolean shown) throws IOException {
        answers();
        if (shown) {
            QtestMachine.await("a pending bit", this::isPending);
        }
        settle();
        assertThat(machine.read(address, 4)).isZero();
    }
}
