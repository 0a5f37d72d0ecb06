package niter.ena;

import static niter.ena.Limits.LE32;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A guest that writes whatever it likes, to registers, rings and admin commands. The adapter may
 * stop serving it; it never throws, and never touches memory that was not granted (a guard lies
 * behind it).
 */
class HostileGuestTest {
    private static final int OPERATIONS = 400;
    private static final int RAM = 1 << 20;
    private static final byte GUARD = (byte) 0xd7;

    static LongStream seeds() {
        return LongStream.concat(
                LongStream.rangeClosed(1, 400), ThreadLocalRandom.current().longs(20));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void breaksNothingButItsOwnAdapter(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        FakeFunction function = new FakeFunction(RAM);
        Driver driver = new Driver(function);
        driver.probe();
        driver.listen();
        // The last page is not the device's.
        function.unmap(FakeFunction.BASE + RAM - 4096, 4096);
        MemorySegment guard = function.ram.asSlice(RAM - 4096, 4096);
        guard.fill(GUARD);
        for (int i = 0; i < OPERATIONS; i++) {
            switch (random.nextInt(8)) {
                case 0 -> driver.write(random.nextInt(0x1a) * 4, any(random));
                case 1 -> driver.write(0x1000 + random.nextInt(16) * 4, random.nextInt(80));
                case 2 -> driver.write(0x2000 + random.nextInt(16) * 4, any(random));
                case 3 -> garbage(driver, random);
                case 4 -> command(driver, random);
                case 5 -> driver.arrives(frame(random));
                case 6 -> driver.write(0x2c, random.nextInt(70_000));
                default -> recover(driver, random);
            }
            driver.nanos += random.nextInt(1_000_000_000);
            driver.device.poll(64);
            assertThat(driver.device.nextDeadlineNanos()).isNotNegative();
        }
        assertThat(guard.toArray(ValueLayout.JAVA_BYTE)).containsOnly(GUARD);
    }

    private static int any(SplittableRandom random) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(64);
            case 1 -> (int) FakeFunction.BASE + random.nextInt(RAM) & ~7;
            case 2 -> 32 | 64 << 16;
            default -> random.nextInt();
        };
    }

    private static void garbage(Driver driver, SplittableRandom random) {
        int at = random.nextInt(RAM - 8192);
        for (int i = 0; i < 64; i++) {
            driver.function.ram.set(LE32, at + 4 * i, any(random));
        }
    }

    /** A command that is nearly right, at a place that the device may look at. */
    private static void command(Driver driver, SplittableRandom random) {
        MemorySegment command = driver.command(random.nextInt(13));
        for (int i = 0; i < random.nextInt(6); i++) {
            command.set(ValueLayout.JAVA_BYTE, 3 + random.nextInt(61), (byte) random.nextInt(48));
        }
        if (random.nextBoolean()) {
            command.set(ValueLayout.JAVA_BYTE, 4, (byte) (random.nextInt(4) << 5));
            command.set(ValueLayout.JAVA_BYTE, 5, (byte) (2 << random.nextInt(3)));
            command.set(ValueLayout.JAVA_BYTE, 6, (byte) (random.nextBoolean() ? 1 : 32));
            command.set(ValueLayout.JAVA_SHORT_UNALIGNED, 10, (short) 32);
            command.set(LE32, 12, (int) FakeFunction.BASE + random.nextInt(RAM) & ~7);
            command.set(LE32, 16, 0);
        }
        driver.submitted++;
        driver.write(0x2c, driver.submitted & 0xffff);
    }

    private static byte[] frame(SplittableRandom random) {
        byte[] frame = Packets.ip(random.nextBoolean(), random.nextBoolean(), 40, true);
        byte[] cut = Arrays.copyOf(frame, 1 + random.nextInt(frame.length));
        for (int i = 0; i < random.nextInt(10); i++) {
            cut[random.nextInt(cut.length)] = (byte) random.nextInt();
        }
        return cut;
    }

    private static void recover(Driver driver, SplittableRandom random) {
        if (random.nextInt(4) == 0) {
            driver.write(0x54, 1 | random.nextInt(16) << 28);
            driver.write(0x54, 0);
        }
    }
}
