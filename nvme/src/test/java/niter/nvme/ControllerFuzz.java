package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * A target for coverage-guided fuzzing: an input is what a guest does to its controller, step by
 * step: registers, doorbells, entries, lists, memory taken away. Memory changes while it is read:
 * at each address that the controller resolves, an input may write somewhere. Afterwards a guest
 * that behaves is served.
 */
public final class ControllerFuzz {
    private static final int RAM = 64 << 10;
    private static final int PAGES = RAM / 4096;
    private static final int ENTRIES = 16;
    private static final int[] OPCODES = {0, 1, 2, 4, 5, 6, 8, 9, 0x0a, 0x0c, 0x0d, 0x7c};

    private static @Nullable ControllerFuzz target;

    private final FakeFunction function = new FakeFunction(RAM);
    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.global().allocate(64 << 10), null);
    private final Guest guest;
    private final Guest.Pair pair;
    private final long data;
    private final Command createCompletion;
    private final Command createSubmission;
    private final Command command = new Command(0);
    private final Command write;
    private final Command read;

    private byte[] input = {};
    private int at;

    private ControllerFuzz() {
        NvmeOptions options = new NvmeOptions(true, true);
        guest = new Guest(function, new NvmeController(Guest.identity(), namespace, options));
        pair = guest.new Pair(1, ENTRIES, ENTRIES);
        data = guest.allocate(4096);
        createCompletion = Command.createCompletion(pair, 1, 3);
        createSubmission = Command.createSubmission(pair, 1);
        write = Command.write(5, 8, data, 0);
        read = Command.read(5, 8, data, 0);
        function.resolving = this::change;
        begin();
    }

    /** Called with each input. */
    public static void fuzzerTestOneInput(byte[] input) {
        ControllerFuzz running = target;
        if (running == null) {
            running = new ControllerFuzz();
            target = running;
        }
        running.run(input);
    }

    private void run(byte[] bytes) {
        input = bytes;
        at = 0;
        while (at < input.length) {
            step();
        }
        guest.controller.poll(64);
        guest.controller.arm();
        input = new byte[0];
        begin();
        function.ram.set(LE64, data - FakeFunction.BASE, 0x0123_4567_89ab_cdefL);
        Guest.expectSuccess(guest.run(pair, write));
        function.ram.set(LE64, data - FakeFunction.BASE, 0);
        Guest.expectSuccess(guest.run(pair, read));
        if (guest.long64(data) != 0x0123_4567_89ab_cdefL) {
            throw new AssertionError("read something else");
        }
    }

    /** A reset, then a driver that makes one queue pair. */
    private void begin() {
        function.busMaster = true;
        function.unmap(0, 0);
        function.errors.clear();
        namespace.nextErrors = new int[0];
        guest.controller.quiesce();
        function.begin();
        guest.controller.reset();
        function.commit();
        guest.forgetLostWrites();
        guest.controller.dmaMapChanged();
        function.ram.fill((byte) 0);
        guest.admin.restart(32, 32);
        guest.startAdmin();
        pair.restart(ENTRIES, ENTRIES);
        Guest.expectSuccess(guest.admin(createCompletion));
        Guest.expectSuccess(guest.admin(createSubmission));
    }

    private void step() {
        switch (next() % 16) {
            case 0 -> guest.write(4 * (next() % 16), 1 << (next() & 3), bytes(8));
            case 1 -> guest.write(bytes(2) % 0x4000, 1 << (next() & 3), bytes(8));
            case 2 -> guest.read(bytes(2) % 0x5000, 1 << (next() & 3));
            case 3 -> guest.write32(Register.DOORBELLS + 4 * (next() % 80), (int) bytes(4));
            case 4, 5, 6 -> {
                pair.put(entry());
                guest.write32(Register.DOORBELLS + 8, pair.tail);
            }
            case 7, 8 -> {
                guest.admin.put(entry());
                guest.write32(Register.DOORBELLS, guest.admin.tail);
            }
            case 9 -> store();
            case 10 -> {
                guest.controller.quiesce();
                function.unmap(page(), 4096L * (next() % 8));
                guest.controller.dmaMapChanged();
            }
            case 11 -> function.busMaster(guest.controller, (next() & 3) != 0);
            case 12 -> namespace.nextErrors = new int[] {next() & 3, 28, 5};
            case 13 -> {
                pair.take();
                guest.admin.take();
            }
            case 14 -> guest.controller.arm();
            default -> guest.controller.poll(1 + next() % 64);
        }
    }

    /** While the controller looks at something, a vCPU may write. */
    private void change() {
        if (at < input.length && (input[at] & 0xe0) == 0xe0) {
            at++;
            store();
        }
    }

    private void store() {
        long offset = page() - FakeFunction.BASE + 8L * next();
        function.ram.set(LE64, offset, (next() & 1) == 0 ? address() : bytes(8));
    }

    private Command entry() {
        int form = next();
        command.bytes.fill((byte) 0);
        command.bytes.set(LE32, 0, (form & 1) == 0 ? OPCODES[next() % OPCODES.length] : next());
        command.namespace((form & 2) == 0 ? 1 : (int) bytes(4));
        command.prp(address(), (form & 4) == 0 ? 0 : address()).commandId(next());
        int present = form >>> 3; // which of dwords 10 to 14
        for (int n = 0; n < 5; n++) {
            if ((present >>> n & 1) != 0) {
                command.dword(10 + n, (next() & 1) == 0 ? next() : (int) bytes(4));
            }
        }
        return command;
    }

    private long page() {
        return FakeFunction.BASE + 4096L * (next() % PAGES);
    }

    private long address() {
        return switch (next() & 7) {
            case 0 -> bytes(8);
            case 1 -> FakeFunction.BASE + RAM - 4L * next();
            case 2, 3 -> page() + 8L * next();
            case 4 -> page() + next();
            default -> page();
        };
    }

    private int next() {
        return at < input.length ? input[at++] & 0xff : 0;
    }

    private long bytes(int count) {
        long value = 0;
        for (int n = 0; n < count; n++) {
            value |= (long) next() << 8 * n;
        }
        return value;
    }
}
