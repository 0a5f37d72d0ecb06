package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A guest that does anything a guest may, served by processes that end between any two stores, and
 * a model of what it must see. It looks at a completion queue only when it was interrupted.
 */
final class MortalGuest {
    /** What it does; each with the same probability, except for I/O. */
    enum Deed {
        CREATE,
        DELETE,
        ASK,
        RESIZE,
        RESET,
        SHUT_DOWN,
        FUNCTION_RESET,
        MASTERING,
        MAPPING
    }

    private static final int QUEUES = 3;
    private static final int EVENT_ID = 0x7777;
    private static final int EVENT_NAMESPACE_CHANGED = 0x0004_0002;
    private static final int PATIENCE = 3_000;
    private static final Deed[] DEEDS = Deed.values();

    final Set<Deed> done = EnumSet.noneOf(Deed.class);

    private final SplittableRandom random;
    private final MortalProcess process;
    private final MemoryNamespace namespace;
    private final FakeFunction function = new FakeFunction(2 << 20);
    private final Guest guest;
    private final Blocks blocks;
    private final List<IoQueue> queues = new ArrayList<>();
    private final long page;
    private final long ringBytes;
    private final long[] rings = new long[QUEUES + 1];
    private boolean shadowed;
    private int adminSeen;

    MortalGuest(long seed, boolean mortal) {
        random = new SplittableRandom(seed);
        namespace = new MemoryNamespace(Arena.ofAuto().allocate(Blocks.BYTES + (1 << 16)), random);
        process = new MortalProcess(random, function, namespace, new NvmeOptions(true, true), 250);
        guest = process.guest;
        guest.process = process::survive;
        for (int id = 1; id <= QUEUES; id++) {
            rings[id] = guest.allocate(8192); // 64 submissions, then 64 completions
        }
        ringBytes = guest.allocate(0) - FakeFunction.BASE;
        page = guest.allocate(4096);
        blocks = new Blocks(guest, namespace);
        if (mortal) {
            process.beMortal();
        }
        start();
    }

    // ---- what the guest does

    /** How many processes have ended. */
    int kills() {
        return process.kills;
    }

    void live(int rounds) {
        for (int round = 0; round < rounds; round++) {
            for (int n = random.nextInt(8); n > 0; n--) {
                submitAndComplete();
            }
            Deed deed = DEEDS[random.nextInt(DEEDS.length)];
            if (random.nextInt(3) == 0) {
                done.add(deed);
                act(deed);
            }
            process.pass(random.nextInt(100_000));
        }
        for (IoQueue queue : queues) {
            drain(queue);
        }
        blocks.checkAll();
        assertThat(function.errors).isEmpty();
    }

    private void submitAndComplete() {
        if (queues.isEmpty()) {
            return;
        }
        IoQueue queue = queues.get(random.nextInt(queues.size()));
        for (int n = random.nextInt(4); n > 0; n--) {
            queue.submit(random, blocks);
        }
        queue.pair.ring();
        process.survive(() -> guest.controller.poll(1 + random.nextInt(8)));
        if (random.nextBoolean()) {
            queue.complete(function, blocks);
        }
    }

    private void act(Deed deed) {
        switch (deed) {
            case CREATE -> create();
            case DELETE -> delete();
            case ASK -> ask();
            case RESIZE -> resize();
            case RESET -> {
                guest.write32(Register.CC.offset, Guest.CC_ENABLE & ~1);
                for (int n = 0; (guest.read32(Register.CSTS.offset) & 1) != 0; n++) {
                    idle(n);
                }
                restart();
            }
            case SHUT_DOWN -> shutDown();
            case FUNCTION_RESET -> {
                process.survive(
                        () -> {
                            guest.controller.quiesce();
                            function.begin();
                            guest.controller.reset();
                            function.commit();
                        });
                restart();
            }
            case MASTERING -> mastering();
            case MAPPING -> mapping();
        }
    }

    private void idle(int n) {
        assertThat(n).as("stalled").isLessThan(PATIENCE);
        guest.settle();
        process.sleep();
    }

    /** The controller has ended everything: what was in flight may have been done or not. */
    private void restart() {
        long from = FakeFunction.BASE + ringBytes;
        byte[] before = memory(from);
        int[] interrupts = function.interrupts.clone();
        guest.settle();
        assertThat(memory(from)).as("DMA after the reset").isEqualTo(before);
        assertThat(function.interrupts).isEqualTo(interrupts);
        blocks.forgetAll();
        queues.clear();
        start();
    }

    private void start() {
        int size = 3 + random.nextInt(30); // an event request stays behind
        clear(guest.admin.submissionBase, 8192);
        guest.admin.restart(size, size);
        adminSeen = function.interrupts[0];
        guest.startAdmin();
        for (int n = 0; guest.read32(Register.CSTS.offset) != 1; n++) {
            idle(n);
        }
        succeed(Command.setFeature(0x0b, 1 << 8));
        guest.admin.put(Command.eventRequest().commandId(EVENT_ID));
        guest.admin.ring();
        shadowed = random.nextBoolean();
        if (shadowed) {
            if (guest.shadow == 0) {
                guest.shadow = guest.allocate(4096);
                guest.eventIndex = guest.allocate(4096);
            }
            clear(guest.shadow, 4096);
            clear(guest.eventIndex, 4096);
            succeed(new Command(0x7c).prp(guest.shadow, guest.eventIndex));
        }
        create();
    }

    private void clear(long at, long bytes) {
        guest.ram(at, bytes).fill((byte) 0);
    }

    private byte[] memory(long from) {
        MemorySegment ram = function.ram;
        return ram.asSlice(from - FakeFunction.BASE).toArray(ValueLayout.JAVA_BYTE);
    }

    private void create() {
        for (int id = 1; id <= QUEUES; id++) {
            int wanted = id;
            if (queues.stream().noneMatch(queue -> queue.pair.id == wanted)) {
                int submissions = 2 + random.nextInt(63);
                int completions = 2 + random.nextInt(63);
                clear(rings[id], 8192);
                Guest.Pair pair =
                        guest.new Pair(id, submissions, completions, rings[id], rings[id] + 4096);
                pair.shadowed = shadowed;
                if (shadowed) { // a host's duty at each creation
                    clear(guest.shadow + 8L * id, 8);
                    clear(guest.eventIndex + 8L * id, 8);
                }
                succeed(Command.createCompletion(pair, id, 3));
                succeed(Command.createSubmission(pair, id));
                queues.add(new IoQueue(pair, function));
                return;
            }
        }
    }

    private void delete() {
        if (queues.isEmpty()) {
            return;
        }
        IoQueue queue = queues.remove(random.nextInt(queues.size()));
        succeed(Command.deleteSubmission(queue.pair.id));
        queue.takeAll(blocks); // what was fetched completed before
        queue.forgetUntouched(blocks); // and the rest was never begun
        succeed(Command.deleteCompletion(queue.pair.id));
        if (random.nextBoolean()) {
            create();
        }
    }

    private void ask() {
        succeed(Command.identify(1, 0, page));
        assertThat(guest.ram(page, 4096).get(LE32, 0)).isEqualTo(0x1d0f_1d0f);
        int value = random.nextInt(1 << 16);
        succeed(Command.setFeature(4, value));
        assertThat(admin(Command.getFeature(4)).dword()).isEqualTo(value);
        assertThat(admin(new Command(0xc0)).status()).isEqualTo(Status.INVALID_OPCODE);
    }

    private void resize() {
        namespace.sizeBytes = Blocks.BYTES + 512L * random.nextInt(128);
        guest.settle();
        succeed(Command.identify(0, 1, page));
        assertThat(guest.long64(page)).isEqualTo(namespace.sizeBytes / 512);
    }

    private void shutDown() {
        guest.write32(Register.CC.offset, Guest.CC_ENABLE | 1 << 14);
        for (int n = 0; guest.read32(Register.CSTS.offset) != 9; n++) {
            idle(n);
            for (IoQueue queue : queues) {
                queue.complete(function, blocks);
            }
        }
        for (IoQueue queue : queues) {
            queue.complete(function, blocks);
            queue.forgetUntouched(blocks);
        }
        blocks.checkAll(); // complete means that nothing is under way
        guest.write32(Register.CC.offset, 0);
        for (int n = 0; (guest.read32(Register.CSTS.offset) & 1) != 0; n++) {
            idle(n);
        }
        restart();
    }

    private void mastering() {
        process.survive(() -> function.busMaster(guest.controller, false));
        byte[] before = memory(FakeFunction.BASE);
        int[] interrupts = function.interrupts.clone();
        for (int n = 0; n < 4; n++) {
            guest.settle();
            process.pass(50_000);
        }
        assertThat(memory(FakeFunction.BASE)).isEqualTo(before);
        assertThat(function.interrupts).isEqualTo(interrupts);
        process.survive(() -> function.busMaster(guest.controller, true));
    }

    /** Rings go away and come back: a pause, and nothing is written there meanwhile. */
    private void mapping() {
        long from = FakeFunction.BASE + 4096L * random.nextInt((int) (ringBytes / 4096));
        long bytes = FakeFunction.BASE + ringBytes - from;
        map(from, bytes);
        MemorySegment hole = guest.ram(from, bytes);
        MemorySegment before = Arena.ofAuto().allocate(bytes).copyFrom(hole);
        for (int n = 0; n < 4; n++) {
            guest.settle();
            process.pass(50_000);
        }
        assertThat(hole.mismatch(before)).isEqualTo(-1);
        map(0, 0);
    }

    private void map(long hole, long bytes) {
        process.survive(
                () -> {
                    guest.controller.quiesce();
                    function.unmap(hole, bytes);
                    guest.controller.dmaMapChanged();
                });
    }

    // ---- the admin queue

    private void succeed(Command command) {
        assertThat(admin(command).status()).as("%s", command).isZero();
    }

    private Guest.Completion admin(Command command) {
        int id = guest.nextCommandId() & 0x3fff;
        guest.admin.put(command.commandId(id));
        guest.admin.ring();
        for (int n = 0; ; n++) {
            Guest.Completion completion = adminCompletion();
            if (completion != null) {
                assertThat(completion.commandId()).isEqualTo(id);
                return completion;
            }
            idle(n);
        }
    }

    private Guest.@org.jspecify.annotations.Nullable Completion adminCompletion() {
        while (function.interrupts[0] != adminSeen || guest.admin.peek() != null) {
            assertThat(function.interrupts[0]).as("never interrupted").isNotEqualTo(adminSeen);
            Guest.Completion completion = guest.admin.take();
            if (completion == null) {
                adminSeen = function.interrupts[0];
            } else if (completion.commandId() == EVENT_ID) {
                event(completion);
            } else {
                return completion;
            }
        }
        return null;
    }

    private void event(Guest.Completion completion) {
        assertThat(completion.status()).isZero();
        assertThat(completion.dword()).isEqualTo(EVENT_NAMESPACE_CHANGED);
    }

    private void drain(IoQueue queue) {
        for (int n = 0; !queue.isIdle(); n++) {
            idle(n);
            queue.complete(function, blocks);
        }
    }
}
