package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A guest's driver, step by step, and the machine that carries its accesses to the controller. */
final class Guest {
    static final int CC_ENABLE = 0x0046_0001;

    /** A completion as the guest reads it. */
    record Completion(int queue, int head, int commandId, int status, int dword) {}

    /** A queue pair in guest memory. */
    final class Pair {
        final int id;
        int submissionSize;
        int completionSize;
        final long submissionBase;
        final long completionBase;
        int tail;
        int head;
        int phase = 1;
        boolean shadowed;

        Pair(int id, int submissionSize, int completionSize) {
            this(
                    id,
                    submissionSize,
                    completionSize,
                    allocate(64L * submissionSize),
                    allocate(16L * completionSize));
        }

        Pair(
                int id,
                int submissionSize,
                int completionSize,
                long submissionBase,
                long completionBase) {
            this.id = id;
            this.submissionSize = submissionSize;
            this.completionSize = completionSize;
            this.submissionBase = submissionBase;
            this.completionBase = completionBase;
        }

        /** Empty again, with other sizes in the same memory. */
        void restart(int submissions, int completions) {
            submissionSize = submissions;
            completionSize = completions;
            tail = 0;
            head = 0;
            phase = 1;
        }

        /** Writes a command without ringing. */
        void put(Command command) {
            long at = submissionBase - FakeFunction.BASE + 64L * tail;
            MemorySegment.copy(command.bytes, 0, function.ram, at, 64);
            tail = (tail + 1) % submissionSize;
        }

        void ring() {
            doorbell(2 * id, tail, shadowed);
        }

        /** The next completion, consumed and its doorbell rung; null if there is none. */
        @Nullable Completion take() {
            Completion completion = peek();
            if (completion != null) {
                head = head + 1 == completionSize ? 0 : head + 1;
                phase ^= head == 0 ? 1 : 0;
                doorbell(2 * id + 1, head, shadowed);
            }
            return completion;
        }

        @Nullable Completion peek() {
            long at = completionBase - FakeFunction.BASE + 16L * head;
            int last = function.ram.get(LE32, at + 12);
            if ((last >>> 16 & 1) != phase) {
                return null;
            }
            int middle = function.ram.get(LE32, at + 8);
            return new Completion(
                    middle >>> 16,
                    middle & 0xffff,
                    last & 0xffff,
                    last >>> 17,
                    function.ram.get(LE32, at));
        }
    }

    final FakeFunction function;
    NvmeController controller;
    Pair admin;
    long shadow;
    long eventIndex;
    int kicks;

    /** The process that serves what the guest does; a test may let it end and start another. */
    Consumer<Runnable> process = Runnable::run;

    private long allocated;
    private int commandId;

    Guest(FakeFunction function, NvmeController controller) {
        this.function = function;
        this.controller = controller;
        controller.attach(function, false);
        admin = new Pair(0, 32, 32);
    }

    static Guest over(Namespace namespace) {
        return over(namespace, NvmeOptions.NONE);
    }

    static Guest over(Namespace namespace, NvmeOptions options) {
        FakeFunction function = new FakeFunction(8 << 20);
        return new Guest(function, new NvmeController(identity(), namespace, options));
    }

    static NvmeIdentity identity() {
        return NvmeIdentity.ebs("vol-0123456789abcdef0", "/dev/sdf");
    }

    /** Page-aligned guest memory, zeroed; its bus address. */
    long allocate(long bytes) {
        long at = allocated;
        allocated += bytes + 4095 & -4096;
        return FakeFunction.BASE + at;
    }

    MemorySegment ram(long iova, long bytes) {
        return function.ram.asSlice(iova - FakeFunction.BASE, bytes);
    }

    long read(long offset, int length) {
        return controller.readBar(0, offset, length);
    }

    int read32(long offset) {
        return (int) read(offset, 4);
    }

    void write32(long offset, int value) {
        write(offset, 4, Integer.toUnsignedLong(value));
    }

    void write(long offset, int length, long value) {
        process.accept(() -> store(offset, length, value));
    }

    private void store(long offset, int length, long value) {
        if (!controller.storeDoorbell(0, offset, length, value)) {
            function.begin();
            controller.writeBar(0, offset, length, value);
            function.commit();
        }
    }

    private void doorbell(int index, int value, boolean shadowed) {
        if (shadowed) {
            long at = shadow - FakeFunction.BASE + 4L * index;
            int old = function.ram.get(LE32, at);
            VarHandle.releaseFence();
            function.ram.set(LE32, at, value);
            VarHandle.fullFence();
            int event = function.ram.get(LE32, eventIndex - FakeFunction.BASE + 4L * index);
            if ((value - event - 1 & 0xffff) >= (value - old & 0xffff)) {
                return;
            }
            kicks++;
        }
        write32(Register.DOORBELLS + 4L * index, value);
    }

    /** As the function's loop: polls until idle, arms, and polls again where work turned up. */
    void settle() {
        process.accept(this::untilIdle);
    }

    private void untilIdle() {
        do {
            while (controller.poll(64) > 0) {
                // again
            }
        } while (!controller.arm());
    }

    /** The volume is attached anew, as far as it is about syncs that failed. */
    void forgetLostWrites() {
        function.live().set(LE32, LiveState.WRITES_LOST, 0);
    }

    /** As Linux: disables, sets the admin queue up, enables. */
    void enable() {
        write32(Register.CC.offset, 0);
        settle();
        admin = new Pair(0, admin.submissionSize, admin.completionSize);
        startAdmin();
    }

    void startAdmin() {
        write32(Register.AQA.offset, admin.submissionSize - 1 | admin.completionSize - 1 << 16);
        write(Register.ASQ.offset, 8, admin.submissionBase);
        write(Register.ACQ.offset, 8, admin.completionBase);
        write32(Register.CC.offset, CC_ENABLE & ~1);
        write32(Register.CC.offset, CC_ENABLE);
        settle();
    }

    Completion admin(Command command) {
        return run(admin, command);
    }

    /** Submits one command and waits for its completion. */
    Completion run(Pair pair, Command command) {
        command.commandId(nextCommandId());
        pair.put(command);
        pair.ring();
        settle();
        Completion completion = pair.take();
        if (completion == null) {
            throw new AssertionError("no completion of " + command);
        }
        if (completion.commandId() != command.commandId()) {
            throw new AssertionError("a completion of something else: " + completion);
        }
        return completion;
    }

    int nextCommandId() {
        commandId = commandId + 1 & 0xffff;
        return commandId;
    }

    /** Creates a queue pair with interrupts on vector {@code id}. */
    Pair pair(int id, int entries) {
        return pair(id, entries, entries);
    }

    Pair pair(int id, int submissionSize, int completionSize) {
        Pair pair = new Pair(id, submissionSize, completionSize);
        expectSuccess(admin(Command.createCompletion(pair, id, 3)));
        expectSuccess(admin(Command.createSubmission(pair, id)));
        return pair;
    }

    static void expectSuccess(Completion completion) {
        if (completion.status() != 0) {
            throw new AssertionError("status %x".formatted(completion.status()));
        }
    }

    /** Configures doorbell buffers; pairs that are {@link Pair#shadowed} use them. */
    Completion configureShadow() {
        shadow = allocate(4096);
        eventIndex = allocate(4096);
        return admin(new Command(0x7c).prp(shadow, eventIndex));
    }

    /** Long at a bus address. */
    long long64(long iova) {
        return function.ram.get(LE64, iova - FakeFunction.BASE);
    }
}
