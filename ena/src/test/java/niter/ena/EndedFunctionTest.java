package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import niter.linux.Descriptor;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import niter.pcie.Core;
import niter.pcie.Escrow;
import niter.pcie.FunctionClient;
import niter.pcie.FunctionServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * An adapter behind a function that is served, with a guest that waits for frames; the function
 * ends, and its neighbours go on sending: what they would write to is not mapped any more.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EndedFunctionTest {
    private static final int RAM_BYTES = 1 << 20;
    private static final int COMMANDS = 0x1000;
    private static final int ANSWERS = 0x2000;
    private static final int COMPLETIONS = 0x3000;
    private static final int DESCRIPTORS = 0x4000;
    private static final int BUFFERS = 0x10000;
    private static final int BUFFER_BYTES = 2048;

    @TempDir Path directory;
    private final Core core = new Core("core");
    private final Descriptor memory = MemoryFile.create("ram", RAM_BYTES);
    private final Mapping mapping = Mapping.map(memory.number(), 0, RAM_BYTES, true);
    private final MemorySegment ram = mapping.segment();
    private final Frame frame = new Frame().wrap(Arena.ofAuto().allocate(100), 100);
    private volatile boolean defective; // the adapter throws at its next store
    private EnaController adapter;
    private FunctionServer server;
    private FunctionClient client;
    private int submitted;

    /** Nobody succeeds it. */
    private static final class Nobody implements Escrow {
        @Override
        public void hold(Map<String, Descriptor> byKey) {}

        @Override
        public void release(String... keys) {}
    }

    private void step() {
        if (defective) {
            throw new IllegalStateException("a defect");
        }
    }

    @BeforeEach
    void listen() throws IOException {
        adapter =
                new EnaController(
                        EnaIdentity.of("0e:01:02:03:04:05", 9001),
                        new Silence(),
                        System::nanoTime,
                        live -> new DyingLiveState(live, this::step));
        core.start();
        server =
                FunctionServer.start(
                        "eni-1", adapter, directory.resolve("f"), new Nobody(), Map.of(), core);
        client = FunctionClient.connect(directory.resolve("f"));
        client.map(memory, 0, 0, RAM_BYTES, 3);
        client.write(7, 4, 2, 6);
        client.write(0, 0x10, 4, COMMANDS);
        client.write(0, 0x14, 4, 0);
        client.write(0, 0x20, 4, ANSWERS);
        client.write(0, 0x24, 4, 0);
        client.write(0, 0x18, 4, 32 | 64 << 16);
        client.write(0, 0x28, 4, 32 | 64 << 16);
        MemorySegment completion = command(3);
        completion.set(ValueLayout.JAVA_BYTE, 5, (byte) 4);
        completion.set(LE16, 6, (short) 32);
        completion.set(LE32, 8, 1);
        completion.set(LE32, 12, COMPLETIONS);
        submit();
        MemorySegment submission = command(1);
        submission.set(ValueLayout.JAVA_BYTE, 4, (byte) (2 << 5));
        submission.set(ValueLayout.JAVA_BYTE, 6, (byte) 1);
        submission.set(LE16, 10, (short) 32);
        submission.set(LE32, 12, DESCRIPTORS);
        submit();
        for (int i = 0; i < 16; i++) {
            MemorySegment descriptor = ram.asSlice(DESCRIPTORS + 16L * i, 16);
            descriptor.set(LE16, 0, (short) BUFFER_BYTES);
            descriptor.set(LE16, 4, (short) i);
            descriptor.set(LE32, 8, BUFFERS + BUFFER_BYTES * i);
        }
        client.write(0, Register.RX_DOORBELLS, 4, 16);
        assertThat(arrives()).isTrue();
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
        core.close();
        mapping.close();
        memory.close();
    }

    private MemorySegment command(int opcode) {
        MemorySegment slot = ram.asSlice(COMMANDS + 64L * submitted, 64);
        slot.set(LE16, 0, (short) submitted);
        slot.set(ValueLayout.JAVA_BYTE, 2, (byte) opcode);
        slot.set(ValueLayout.JAVA_BYTE, 3, (byte) 1);
        return slot;
    }

    private void submit() throws IOException {
        MemorySegment answer = ram.asSlice(ANSWERS + 64L * submitted, 64);
        submitted++;
        client.write(0, Register.AQ_DOORBELL, 4, submitted);
        while ((answer.get(ValueLayout.JAVA_BYTE, 3) & 1) == 0) {
            client.read(0, 0x58, 4); // it is polled between two messages
        }
        assertThat(answer.get(ValueLayout.JAVA_BYTE, 2)).as("status").isZero();
    }

    /** A neighbour sends it a frame; whether it was taken. */
    private boolean arrives() {
        return core.ask(
                () -> {
                    boolean taken = adapter.receive(frame);
                    adapter.flush();
                    return taken;
                });
    }

    /** All orders are obeyed between two rounds, and a function ends within one. */
    private void awaitEnd() {
        while (!server.isOver()) {
            core.ask(() -> true);
        }
    }

    @Test
    void aFunctionThatWasRemovedReceivesNothing() {
        server.close();
        assertThat(arrives()).isFalse();
    }

    @Test
    void aFunctionThatEndedByADefectReceivesNothing() throws IOException {
        defective = true;
        client.post(0, Register.AQ_DOORBELL, 4, submitted);
        awaitEnd();
        defective = false;
        assertThat(arrives()).isFalse();
        assertThat(adapter.traffic().receivedPackets()).isEqualTo(1);
    }

    /** The sender's turn goes on; the function whose code it was ends, and says so. */
    @Test
    void aDefectInReceiveEndsTheReceiver() {
        defective = true;
        arrives();
        awaitEnd();
        defective = false;
        assertThat(server.failure().toCompletableFuture())
                .isCompletedWithValueMatching(bug -> "a defect".equals(bug.getMessage()));
        assertThatThrownBy(() -> client.read(0, 0x58, 4)).isInstanceOf(IOException.class);
        assertThat(arrives()).isFalse();
    }

    @Test
    void betweenADefectAndTheEndNothingIsReceived() {
        boolean taken =
                core.ask(
                        () -> {
                            defective = true;
                            adapter.receive(frame);
                            adapter.flush();
                            defective = false;
                            return adapter.receive(frame);
                        });
        awaitEnd();
        assertThat(taken).isFalse();
    }
}
