package niter.controller.control;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.ToCard;
import niter.controller.control.protocol.ToKeeper;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * A target for coverage-guided fuzzing: an input is one packet on the control channel, with
 * descriptors beside it. It is a message, or an IOException for its receiver; either way nothing
 * stays open.
 */
public final class ChannelFuzz {
    private static final List<Parser<? extends MessageLite>> PARSERS =
            List.of(ToKeeper.parser(), FromKeeper.parser(), ToCard.parser(), FromCard.parser());
    private static final int INPUTS_A_COUNT = 256;

    private static @Nullable ChannelFuzz target;
    private static long inputs;

    private final Descriptor peer;
    private final ControlChannel channel;
    private final ControlChannel back;
    private final Descriptor event = EventFd.create();
    private final MemorySegment packet =
            Arena.global().allocate(ControlChannel.MAX_PACKET_BYTES + 16, 8);
    private final long openAtRest;

    private ChannelFuzz() throws IOException {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
        peer = pair[0];
        channel = new ControlChannel(pair[1]);
        back = new ControlChannel(peer);
        run(new byte[] {4, 1, 2, 3});
        openAtRest = open();
    }

    /** Called with each input. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException {
        ChannelFuzz running = target;
        if (running == null) {
            running = new ChannelFuzz();
            target = running;
        }
        if (input.length > 1) {
            running.run(input);
        }
        if (++inputs % INPUTS_A_COUNT == 0 && open() > running.openAtRest) {
            throw new AssertionError("a descriptor stays open");
        }
    }

    /** A form, then the message; its length is before it, or is not. */
    private void run(byte[] input) throws IOException {
        int form = input[0];
        int length = input.length - 1;
        int at = 0;
        if ((form & 4) == 0) {
            int announced = length;
            while (announced > 0x7f) {
                packet.set(ValueLayout.JAVA_BYTE, at++, (byte) (announced | 0x80));
                announced >>>= 7;
            }
            packet.set(ValueLayout.JAVA_BYTE, at++, (byte) announced);
        }
        MemorySegment.copy(input, 1, packet, ValueLayout.JAVA_BYTE, at, length);
        int[] beside = new int[(form >>> 3 & 3) * 6]; // 18 are more than a receiver takes
        java.util.Arrays.fill(beside, event.number());
        UnixSocket.send(peer.number(), packet.address(), at + length, 0, beside);
        receive(PARSERS.get(form & 3));
    }

    private <T extends MessageLite> void receive(Parser<T> parser) throws IOException {
        ControlChannel.Received<T> received;
        try {
            received = channel.poll(parser);
        } catch (IOException e) {
            return; // the receiver closes the channel
        }
        if (received == null) {
            throw new AssertionError("the packet is lost");
        }
        received.discard();
        channel.send(received.message());
        ControlChannel.Received<T> again = back.poll(parser);
        if (again == null || !again.message().equals(received.message())) {
            throw new AssertionError("not the same again: " + received.message());
        }
    }

    private static long open() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }
}
