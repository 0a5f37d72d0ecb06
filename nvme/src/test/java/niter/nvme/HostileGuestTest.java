package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Guests that write anything anywhere. The controller answers with a status or takes itself out of
 * service, never throws, touches no memory outside of what was granted (the fake function's
 * translation and the namespace's bounds would fail), and works again after a reset.
 */
class HostileGuestTest {
    private static final int RAM = 8 << 20;

    private static void attack(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        MemoryNamespace namespace = new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), random);
        Guest guest = Guest.over(namespace, new NvmeOptions(true, true));
        guest.enable();
        Guest.Pair pair = guest.pair(1, 2 + random.nextInt(60));
        for (int n = 0; n < 300; n++) {
            act(random, guest, pair, namespace);
            if (random.nextInt(4) == 0) {
                guest.controller.poll(1 + random.nextInt(64));
            }
            if (random.nextInt(20) == 0) {
                guest.controller.arm();
            }
        }
        recover(guest, namespace);
    }

    private static void act(
            SplittableRandom random, Guest guest, Guest.Pair pair, MemoryNamespace namespace) {
        switch (random.nextInt(12)) {
            case 0 -> guest.write(register(random), length(random), random.nextLong());
            case 1 -> guest.read(random.nextInt(0x5000), length(random));
            case 2 -> guest.write32(Register.DOORBELLS + 4 * random.nextInt(80), value(random));
            case 3, 4, 5 -> {
                pair.put(garbage(random));
                guest.write32(Register.DOORBELLS + 8, pair.tail);
            }
            case 6 -> {
                guest.admin.put(garbage(random));
                guest.write32(Register.DOORBELLS, guest.admin.tail);
            }
            case 7 -> guest.function.ram.set(LE32, 4L * random.nextInt(RAM / 4), random.nextInt());
            case 8 -> {
                guest.controller.quiesce();
                guest.function.unmap(
                        FakeFunction.BASE + 4096L * random.nextInt(64), 4096L * random.nextInt(64));
                guest.controller.dmaMapChanged();
            }
            case 9 -> guest.function.busMaster = random.nextInt(4) != 0;
            case 10 -> namespace.nextErrors = new int[] {5, 28, 0, 5};
            default -> {
                pair.take();
                guest.admin.take();
            }
        }
    }

    private static int register(SplittableRandom random) {
        return random.nextInt(4) == 0 ? random.nextInt(0x4000) : 4 * random.nextInt(20);
    }

    private static int length(SplittableRandom random) {
        return 1 << random.nextInt(4);
    }

    private static int value(SplittableRandom random) {
        return random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(70);
    }

    private static Command garbage(SplittableRandom random) {
        int[] opcodes = {0, 1, 2, 4, 5, 6, 8, 9, 0x0a, 0x0c, 0x7c};
        Command command = new Command(opcodes[random.nextInt(opcodes.length)]);
        command.namespace(random.nextInt(4) == 0 ? random.nextInt() : 1);
        command.prp(address(random), address(random)).commandId(random.nextInt(1 << 16));
        for (int dword = 10; dword < 16; dword++) {
            command.dword(dword, value(random));
        }
        if (random.nextInt(8) == 0) {
            for (int dword = 0; dword < 16; dword++) {
                command.dword(dword, random.nextInt());
            }
        }
        return command;
    }

    private static long address(SplittableRandom random) {
        return switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> FakeFunction.BASE + random.nextInt(RAM);
            case 2 -> FakeFunction.BASE + RAM - random.nextInt(8192);
            default -> FakeFunction.BASE + 4096L * random.nextInt(RAM / 4096);
        };
    }

    /** After a reset a guest that behaves is served as if nothing had been. */
    private static void recover(Guest guest, MemoryNamespace namespace) {
        guest.function.busMaster = true;
        guest.function.unmap(0, 0);
        guest.controller.dmaMapChanged();
        namespace.nextErrors = new int[0];
        guest.function.ram.fill((byte) 0);
        guest.controller.quiesce();
        guest.function.begin();
        guest.controller.reset();
        guest.function.commit();
        guest.forgetLostWrites();
        guest.enable();
        assertThat(guest.read32(Register.CSTS.offset)).isEqualTo(1);
        Guest.Pair pair = guest.pair(1, 16);
        long data = guest.allocate(4096);
        guest.function.ram.set(LE64, data - FakeFunction.BASE, 0x0123_4567_89ab_cdefL);
        namespace.nextErrors = new int[0];
        completes(guest, pair, Command.write(5, 8, data, 0));
        guest.function.ram.set(LE64, data - FakeFunction.BASE, 0);
        completes(guest, pair, Command.read(5, 8, data, 0));
        assertThat(guest.long64(data)).isEqualTo(0x0123_4567_89ab_cdefL);
    }

    /** The namespace finishes when its random source says so. */
    private static void completes(Guest guest, Guest.Pair pair, Command command) {
        pair.put(command.commandId(guest.nextCommandId()));
        pair.ring();
        Guest.Completion completion = pair.take();
        while (completion == null) {
            guest.settle();
            completion = pair.take();
        }
        assertThat(completion.status()).isZero();
    }

    @RepeatedTest(400)
    void noGuestBreaksTheController(RepetitionInfo repetition) {
        attack(repetition.getCurrentRepetition());
    }

    @Test
    @Tag("long")
    void noGuestOfManyBreaksTheController() {
        for (int seed = 0; seed < 100_000; seed++) {
            attack(seed);
        }
    }
}
