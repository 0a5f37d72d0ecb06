package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A target for coverage-guided fuzzing: an input is what a guest does to its adapter and what the
 * network sends it, step by step: registers, doorbells, admin commands, descriptors, packets,
 * memory taken away. Memory changes while the adapter is at work. Afterwards a guest that behaves
 * is served, and what was not granted (the last page) is as it was.
 */
public final class AdapterFuzz {
    private static final int RAM = 256 << 10;
    private static final int PAGES = RAM / 4096;
    private static final int DEPTH = 32;
    private static final byte GUARD = (byte) 0xd7;
    private static final byte[] PACKET = Packets.ip(true, true, 40, true);

    private static @Nullable AdapterFuzz target;

    private final FakeFunction function = new FakeFunction(RAM);
    private final MemorySegment guard = function.ram.asSlice(RAM - 4096, 4096);
    private final byte[] untouched = new byte[4096];
    private final Driver driver = new Driver(function);
    private Driver.Ring transmit;
    private Driver.Ring receive;
    private byte[] input = {};
    private int at;

    private AdapterFuzz() {
        Arrays.fill(untouched, GUARD);
        guard.fill(GUARD);
        function.step = this::change;
        driver.probe();
        transmit = driver.transmit(DEPTH, 1);
        receive = driver.receive(DEPTH, 2);
    }

    /** Called with each input. */
    public static void fuzzerTestOneInput(byte[] input) {
        AdapterFuzz running = target;
        if (running == null) {
            running = new AdapterFuzz();
            target = running;
        }
        running.run(input);
    }

    private void run(byte[] bytes) {
        begin();
        input = bytes;
        at = 0;
        while (at < input.length) {
            step();
        }
        input = new byte[0];
        if (!Arrays.equals(guard.toArray(ValueLayout.JAVA_BYTE), untouched)) {
            throw new AssertionError("memory that was not granted is written");
        }
        begin();
        driver.send(transmit, 5, PACKET, 0);
        transmit.ring();
        driver.poll();
        boolean sent = !driver.sent.isEmpty() && Arrays.equals(driver.sent.getLast(), PACKET);
        if (!sent || !transmit.hasCompletion()) {
            throw new AssertionError("a packet is not sent");
        }
        receive.post(7, driver.allocate(2048), 2048);
        receive.ring();
        if (!driver.arrives(PACKET) || !receive.hasCompletion()) {
            throw new AssertionError("a packet is not received");
        }
    }

    /** A new adapter's driver, with one queue of each kind. */
    private void begin() {
        function.busMaster = true;
        function.errors.clear();
        function.unmap(FakeFunction.BASE + RAM - 4096, 4096);
        function.ram.asSlice(0, RAM - 4096).fill((byte) 0);
        driver.device.quiesce();
        function.begin();
        driver.device.reset();
        function.commit();
        driver.restart();
        driver.probe();
        driver.listen();
        transmit = driver.transmit(DEPTH, 1);
        receive = driver.receive(DEPTH, 2);
    }

    private void step() {
        switch (next() % 16) {
            case 0 -> driver.write(4 * (next() % 0x1a), word());
            case 1 -> driver.write(0x1000 + 4 * (next() % 16), (int) bytes(2));
            case 2 -> driver.write(0x2000 + 4 * (next() % 16), word());
            case 3 -> driver.read((int) bytes(2) & 0x3ffc);
            case 4, 5 -> command();
            case 6, 7, 8 -> {
                Driver.put(
                        transmit,
                        next(),
                        address(),
                        (next() & 1) == 0 ? next() : (int) bytes(2),
                        (int) bytes(3) & 0x3f_ffff,
                        (next() & 3) != 0,
                        (next() & 3) != 0);
                transmit.ring();
            }
            case 9 -> {
                receive.post(next(), address(), (int) bytes(2));
                receive.ring();
            }
            case 10 -> packet();
            case 11 -> driver.arrives(frame());
            case 12 -> {
                driver.device.quiesce();
                long from = page();
                function.unmap(from, FakeFunction.BASE + RAM - from);
                driver.device.dmaMapChanged();
            }
            case 13 -> function.busMaster(driver.device, (next() & 3) != 0);
            case 14 -> driver.nanos += bytes(4);
            default -> {
                driver.device.poll(1 + next() % 64);
                driver.device.arm();
            }
        }
    }

    /** A command that is nearly right, with some of its bytes changed. */
    private void command() {
        MemorySegment command = driver.command(next() % 13);
        int form = next();
        if ((form & 1) != 0) { // a queue's
            command.set(ValueLayout.JAVA_BYTE, 4, (byte) ((form & 6) << 4));
            command.set(ValueLayout.JAVA_BYTE, 5, (byte) (2 << (form >>> 3 & 1)));
            command.set(ValueLayout.JAVA_BYTE, 6, (byte) 1);
            command.set(LE16, 8, (short) next());
            command.set(LE16, 10, (short) DEPTH);
            command.set(LE64, 12, address());
        }
        for (int n = form >>> 4; n > 0; n--) {
            command.set(ValueLayout.JAVA_BYTE, 2 + next() % 62, (byte) next());
        }
        driver.submitted++;
        driver.write(0x2c, driver.submitted & 0xffff);
    }

    /** Sends what an input says in a buffer of its own. */
    private void packet() {
        byte[] frame = frame();
        long data = page();
        if (data < FakeFunction.BASE + RAM - 4096) {
            driver.at(data, frame.length).copyFrom(MemorySegment.ofArray(frame));
        }
        Driver.put(transmit, next(), data, frame.length, (int) bytes(3) & 0x3f_ffff, true, true);
        transmit.ring();
    }

    /** A packet of some kind, with some of its bytes changed, and cut. */
    private byte[] frame() {
        int form = next();
        byte[] frame = Packets.ip((form & 1) == 0, (form & 2) == 0, 40, true);
        for (int n = form >>> 4; n > 0; n--) {
            frame[next() % frame.length] = (byte) next();
        }
        return (form & 4) == 0 ? frame : Arrays.copyOf(frame, 1 + next() % frame.length);
    }

    /** While the adapter is at work, a vCPU may write. */
    private void change() {
        if (at < input.length && (input[at] & 0xe0) == 0xe0) {
            at++;
            int offset = 4096 * (next() % (PAGES - 1)) + 4 * next();
            function.ram.set(LE32, offset, word());
        }
    }

    private int word() {
        return switch (next() & 3) {
            case 0 -> next();
            case 1 -> (int) page() + 8 * next();
            case 2 -> DEPTH | 64 << 16;
            default -> (int) bytes(4);
        };
    }

    private long page() {
        return FakeFunction.BASE + 4096L * (next() % PAGES);
    }

    private long address() {
        return switch (next() & 7) {
            case 0 -> bytes(6);
            case 1, 2 -> FakeFunction.BASE + RAM - 4096 - 4L * next(); // up to the guard
            default -> page() + 8L * next();
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
