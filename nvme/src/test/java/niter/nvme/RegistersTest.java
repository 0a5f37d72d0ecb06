package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class RegistersTest {
    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);
    private final Guest guest = Guest.over(namespace);

    @Test
    void capabilitiesAreThoseOfTheDeviceDocument() {
        assertThat(guest.read(0, 8)).isEqualTo(0x0000_0020_1401_03ffL);
        assertThat(guest.read32(0)).isEqualTo(0x1401_03ff);
        assertThat(guest.read32(4)).isEqualTo(0x20);
        assertThat(guest.read32(8)).isEqualTo(0x0001_0400);
    }

    @Test
    void partsOfARegisterCanBeRead() {
        assertThat(guest.read(0, 1)).isEqualTo(0xff);
        assertThat(guest.read(1, 1)).isEqualTo(0x03);
        assertThat(guest.read(2, 2)).isEqualTo(0x1401);
        assertThat(guest.read(0x0a, 2)).isEqualTo(0x0001);
    }

    @Test
    void whatIsAbsentReadsAsZero() {
        for (int offset : new int[] {0x20, 0x38, 0x3c, 0x40, 0x68, 0xe00, 0x1000, 0x1100, 0x3ff8}) {
            assertThat(guest.read(offset, 8)).as("%x", offset).isZero();
        }
    }

    @Test
    void addressesKeepTheirPageBitsOnly() {
        guest.write(0x28, 8, 0x1234_5678_9abc_def0L);
        guest.write32(0x30, 0x1234_5fff);
        guest.write32(0x34, 0x9);
        guest.write32(0x24, -1);
        assertThat(guest.read(0x28, 8)).isEqualTo(0x1234_5678_9abc_d000L);
        assertThat(guest.read(0x30, 8)).isEqualTo(0x9_1234_5000L);
        assertThat(guest.read32(0x24)).isEqualTo(0x0fff_0fff);
    }

    @Test
    void configurationReadsBackAsWritten() {
        guest.write32(0x14, 0x0046_0000);
        assertThat(guest.read32(0x14)).isEqualTo(0x0046_0000);
        assertThat(guest.controller.ready()).isFalse();
        guest.enable();
        assertThat(guest.read32(0x14)).isEqualTo(0x0046_0001);
        assertThat(guest.read32(0x1c)).isEqualTo(1);
        assertThat(guest.controller.ready()).isTrue();
    }

    @Test
    void pinInterruptsCanBeMasked() {
        guest.write32(0x0c, 0x5);
        guest.write32(0x0c, 0x2);
        assertThat(guest.read32(0x0c)).isEqualTo(7);
        guest.write32(0x10, 0x1);
        assertThat(guest.read32(0x10)).isEqualTo(6);
    }

    @Test
    void adminQueueOfOneEntryIsRefused() {
        guest.write32(0x24, 0);
        guest.write32(0x14, Guest.CC_ENABLE);
        assertThat(guest.read32(0x1c)).isEqualTo(2);
        assertThat(guest.function.errors).hasSize(1);
        guest.enable(); // a reset leads out
        assertThat(guest.read32(0x1c)).isEqualTo(1);
    }

    @Test
    void pageSizeThatIsNotOfferedIsRefused() {
        guest.write32(0x24, 0x001f_001f);
        guest.write32(0x14, Guest.CC_ENABLE | 1 << 7);
        assertThat(guest.read32(0x1c)).isEqualTo(2);
    }

    @Test
    void resetKeepsAdminRegistersAndEndsQueues() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 16);
        long base = guest.read(0x28, 8);
        guest.write32(0x14, Guest.CC_ENABLE & ~1);
        guest.settle();
        assertThat(guest.read32(0x1c)).isZero();
        assertThat(guest.read(0x28, 8)).isEqualTo(base);
        pair.put(Command.flush());
        pair.ring();
        guest.settle();
        assertThat(pair.peek()).isNull();
        assertThat(namespace.flushes).isZero();
    }

    @Test
    void shutdownIsCompleteOnceEverythingIsDurable() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 16);
        long buffer = guest.allocate(4096);
        namespace.held = true;
        pair.put(Command.write(0, 8, buffer, 0));
        pair.ring();
        guest.settle();
        guest.write32(0x14, Guest.CC_ENABLE | 1 << 14);
        guest.settle();
        assertThat(guest.read32(0x1c)).isEqualTo(0x5);
        namespace.held = false;
        guest.settle();
        assertThat(guest.read32(0x1c)).isEqualTo(0x9);
        assertThat(namespace.flushes).isEqualTo(1);
        assertThat(pair.take()).isNotNull();

        int before = guest.function.interrupts[1];
        pair.put(Command.flush());
        pair.ring();
        guest.settle();
        assertThat(guest.function.interrupts[1]).isEqualTo(before);

        guest.enable(); // kexec, resume
        assertThat(guest.read32(0x1c)).isEqualTo(1);
    }

    @Test
    void shutdownWithoutEnableIsComplete() {
        guest.write32(0x14, 1 << 14);
        guest.settle();
        assertThat(guest.read32(0x1c)).isEqualTo(0x8);
        guest.startAdmin();
        assertThat(guest.read32(0x1c)).isEqualTo(1);
    }

    @Test
    void thousandResetsAreAsOne() {
        for (int n = 0; n < 1000; n++) {
            guest.write32(0x14, 0);
            guest.settle();
            guest.startAdmin();
        }
        assertThat(guest.read32(0x1c)).isEqualTo(1);
    }

    @Test
    void functionResetIsThePowerOnState() {
        guest.enable();
        guest.pair(1, 16);
        guest.function.begin();
        guest.controller.reset();
        guest.function.commit();
        assertThat(guest.read32(0x14)).isZero();
        assertThat(guest.read32(0x1c)).isZero();
        assertThat(guest.read(0x28, 8)).isZero();
        assertThat(guest.controller.ready()).isFalse();
        guest.enable();
        guest.pair(1, 16);
    }

    @Test
    void accessesThatAreNoRegisterDoNothing() {
        guest.write(0x14, 2, 1);
        guest.write(0x15, 4, -1);
        guest.write32(0, -1);
        guest.write32(0x1c, -1);
        guest.write32(0x20, 0x4e56_4d65); // subsystem reset is not there
        guest.write32(0x1ffc, 1);
        assertThat(guest.read32(0x14)).isZero();
        assertThat(guest.read32(0x1c)).isZero();
    }
}
