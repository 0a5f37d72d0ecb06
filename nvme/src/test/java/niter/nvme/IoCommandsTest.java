package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import niter.linux.Errno;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** I/O commands with their status, as numbers of the specification. */
class IoCommandsTest {
    private static final int DNR = 0x4000;
    private static final int BLOCKS = 2048;

    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(512L * BLOCKS), null);
    private final Guest guest = Guest.over(namespace);
    private long data;

    @BeforeEach
    void enable() {
        guest.enable();
        data = guest.allocate(1 << 20);
    }

    private int status(Guest.Pair pair, Command command) {
        return guest.run(pair, command).status();
    }

    @Test
    void whatIsWrittenIsRead() {
        Guest.Pair pair = guest.pair(1, 16);
        guest.ram(data, 4096).fill((byte) 0x5a);
        assertThat(status(pair, Command.write(3, 8, data, 0))).isZero();
        assertThat(namespace.blocks.asSlice(3 * 512, 4096).toArray(JAVA_BYTE)).containsOnly(0x5a);
        assertThat(namespace.blocks.get(JAVA_BYTE, 3 * 512 - 1)).isZero();
        assertThat(status(pair, Command.read(3, 8, data + 8192, 0))).isZero();
        assertThat(guest.ram(data + 8192, 4096).toArray(JAVA_BYTE)).containsOnly(0x5a);
    }

    @Test
    void flushAndForceUnitAccessReachTheVolume() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.flush())).isZero();
        assertThat(status(pair, new Command(0).namespace(-1))).isZero();
        assertThat(namespace.flushes).isEqualTo(2);
        assertThat(status(pair, Command.write(0, 1, data, 0).or(12, 1 << 30))).isZero();
        assertThat(namespace.durableWrites).isEqualTo(1);
    }

    @Test
    void whatIsDoneIsCounted() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.write(0, 8, data, 0))).isZero();
        assertThat(status(pair, Command.write(8, 1, data, 0))).isZero();
        assertThat(status(pair, Command.read(0, 2, data, 0))).isZero();
        assertThat(status(pair, Command.flush())).isZero();
        Counters counters = guest.controller.counters();
        assertThat(counters.of(Counters.Counter.WRITES)).isEqualTo(2);
        assertThat(counters.of(Counters.Counter.WRITTEN_BYTES)).isEqualTo(9 * 512);
        assertThat(counters.of(Counters.Counter.READS)).isEqualTo(1);
        assertThat(counters.of(Counters.Counter.READ_BYTES)).isEqualTo(2 * 512);
        assertThat(counters.of(Counters.Counter.FLUSHES)).isEqualTo(1);
        assertThat(counters.of(Counters.Counter.ERRORS)).isZero();
        assertThat(counters.of(Counters.Counter.IN_FLIGHT)).isZero();
    }

    @Test
    void withoutAWriteCacheEveryWriteIsDurable() {
        Guest.expectSuccess(guest.admin(Command.setFeature(6, 0)));
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.write(0, 1, data, 0))).isZero();
        assertThat(namespace.durableWrites).isEqualTo(1);
    }

    @Test
    void rangesEndWithTheNamespace() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.read(BLOCKS - 1, 1, data, 0))).isZero();
        assertThat(status(pair, Command.read(BLOCKS, 1, data, 0))).isEqualTo(DNR | 0x80);
        assertThat(status(pair, Command.write(BLOCKS - 1, 2, data, 0))).isEqualTo(DNR | 0x80);
        assertThat(status(pair, Command.read(-1, 1, data, 0))).isEqualTo(DNR | 0x80);
        assertThat(status(pair, Command.read(Long.MAX_VALUE, 8, data, 0))).isEqualTo(DNR | 0x80);
        assertThat(status(pair, Command.write(-4, 8, data, 0))).isEqualTo(DNR | 0x80);
    }

    @Test
    void transfersEndWithTheirLargestSize() {
        Guest.Pair pair = guest.pair(1, 16);
        long list = guest.allocate(4096);
        for (int n = 0; n < 64; n++) {
            guest.ram(list, 4096).set(LE64, 8L * n, data + 4096L * (n + 1));
        }
        assertThat(status(pair, Command.read(0, 512, data, list))).isZero();
        assertThat(status(pair, Command.read(0, 513, data, list))).isEqualTo(DNR | 0x02);
    }

    @Test
    void theNamespaceIsOne() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.read(0, 1, data, 0).namespace(0))).isEqualTo(DNR | 0x0b);
        assertThat(status(pair, Command.read(0, 1, data, 0).namespace(2))).isEqualTo(DNR | 0x0b);
        assertThat(status(pair, Command.read(0, 1, data, 0).namespace(-1))).isEqualTo(DNR | 0x0b);
    }

    @Test
    void addressesAreChecked() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.read(0, 1, data + 2, 0))).isEqualTo(DNR | 0x13);
        assertThat(status(pair, Command.read(0, 1, 1L << 50, 0))).isEqualTo(DNR | 0x04);
        assertThat(status(pair, Command.read(0, 16, data, data + 4100))).isEqualTo(DNR | 0x13);
        assertThat(status(pair, Command.read(0, 16, data, 1L << 50))).isEqualTo(DNR | 0x04);
        assertThat(status(pair, Command.read(0, 24, data, 1L << 50))).isEqualTo(DNR | 0x04);
        assertThat(status(pair, Command.read(0, 24, data, data + 4))).isEqualTo(DNR | 0x13);
        assertThat(namespace.prepared).isZero();
    }

    @Test
    void whatEbsLacksIsRefused() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(pair, Command.io(8, 0, 8, 0, 0))).isEqualTo(DNR | 0x01);
        assertThat(status(pair, new Command(9).namespace(1).prp(data, 0).dword(11, 4)))
                .isEqualTo(DNR | 0x01);
        assertThat(status(pair, Command.io(5, 0, 1, data, 0))).isEqualTo(DNR | 0x01);
    }

    @Test
    void writeZeroesCanBeSwitchedOn() {
        Guest other = Guest.over(namespace, new NvmeOptions(true, false));
        other.enable();
        Guest.Pair pair = other.pair(1, 16);
        namespace.blocks.fill((byte) 7);
        Guest.expectSuccess(other.run(pair, Command.io(8, 1, 2, 0, 0)));
        assertThat(namespace.zeroings + namespace.deallocations).isEqualTo(1);
        assertThat(namespace.blocks.asSlice(512, 1024).toArray(JAVA_BYTE)).containsOnly(0);
        assertThat(namespace.blocks.get(JAVA_BYTE, 511)).isEqualTo((byte) 7);
        assertThat(other.run(pair, Command.io(8, BLOCKS, 1, 0, 0)).status()).isEqualTo(DNR | 0x80);
        assertThat(namespace.durableWrites).isZero();
        Guest.expectSuccess(other.run(pair, Command.io(8, 1, 2, 0, 0).or(12, 1 << 30)));
        assertThat(namespace.durableWrites).as("Force Unit Access").isEqualTo(1);
        Guest.expectSuccess(other.admin(Command.setFeature(6, 0)));
        Guest.expectSuccess(other.run(pair, Command.io(8, 1, 2, 0, 0)));
        assertThat(namespace.durableWrites).as("no write cache").isEqualTo(2);
    }

    @Test
    void deallocationCanBeSwitchedOn() {
        Guest other = Guest.over(namespace, new NvmeOptions(false, true));
        other.enable();
        Guest.Pair pair = other.pair(1, 16);
        long list = other.allocate(4096);
        namespace.blocks.fill((byte) 7);
        for (int n = 0; n < 256; n++) {
            other.ram(list, 4096).set(LE32, 16L * n + 4, 1);
            other.ram(list, 4096).set(LE64, 16L * n + 8, 2L * n);
        }
        Command all = new Command(9).namespace(1).prp(list, 0).dword(10, 255).dword(11, 4);
        Guest.expectSuccess(other.run(pair, all));
        for (int n = 0; n < 256; n++) {
            assertThat(namespace.blocks.get(JAVA_BYTE, 1024L * n)).isZero();
            assertThat(namespace.blocks.get(JAVA_BYTE, 1024L * n + 512)).isEqualTo((byte) 7);
        }
        other.ram(list, 4096).set(LE64, 8, BLOCKS);
        Command beyond = new Command(9).namespace(1).prp(list, 0).dword(10, 0).dword(11, 4);
        assertThat(other.run(pair, beyond).status()).isEqualTo(DNR | 0x80);
    }

    @ParameterizedTest
    @CsvSource({
        "28, 0x4081, 0x4081", // ENOSPC: capacity exceeded, at once
        "122, 0x4081, 0x4081", // EDQUOT
        "5, 0x281, 0x280", // EIO: unrecovered read error, write fault: tried again
        "30, 0x4020, 0x4020", // EROFS
        "11, 0x82, 0x82" // EAGAIN: not ready
    })
    void failuresAreToldAsTheGuestUnderstandsThem(int errno, int read, int write) {
        Guest.Pair pair = guest.pair(1, 16);
        namespace.nextErrors = new int[] {errno, errno};
        assertThat(status(pair, Command.read(0, 1, data, 0))).isEqualTo(read);
        assertThat(status(pair, Command.write(0, 1, data, 0))).isEqualTo(write);
        assertThat(status(pair, Command.write(0, 1, data, 0))).isZero();
        assertThat(Errno.name(errno)).startsWith("E");
    }

    /** The kernel says once that data are gone; the flush that Linux tries next would succeed. */
    @ParameterizedTest
    @CsvSource({"0, 0", "1, 0x40000000"}) // a flush; a write with Force Unit Access
    void aSyncThatFailedIsFinal(int opcode, int forced) {
        int lost = DNR | 0x280;
        Guest.Pair pair = guest.pair(1, 16);
        Command write = Command.write(0, 1, data, 0);
        Command sync = opcode == 0 ? Command.flush() : Command.write(0, 1, data, 0).or(12, forced);
        assertThat(status(pair, write)).isZero();
        namespace.nextErrors = new int[] {Errno.EIO};
        assertThat(status(pair, sync)).isEqualTo(lost);
        assertThat(status(pair, Command.flush())).isEqualTo(lost);
        assertThat(status(pair, write)).isEqualTo(lost);
        assertThat(status(pair, Command.read(0, 1, data, 0))).isZero();
        guest.enable(); // neither a reset ends it
        guest.controller.attach(guest.function, true); // nor the process
        guest.enable();
        pair = guest.pair(1, 16);
        assertThat(status(pair, Command.flush())).isEqualTo(lost);
        assertThat(status(pair, Command.read(0, 1, data, 0))).isZero();
        assertThat(namespace.flushes).isZero();
        guest.write32(0x14, Guest.CC_ENABLE | 1 << 14);
        guest.settle();
        assertThat(guest.read32(0x1c) & 0xe).as("no shutdown is complete, fatal").isEqualTo(2);
    }
}
