package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.Drops;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A card's end of the connection, as its controller sees it. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // no answer is a failure
class CardConnectionTest {
    @TempDir Path directory;

    @Test
    void aDefectIsAnAnswerToo() throws IOException {
        CardConnection.Requests broken =
                request -> {
                    throw new IllegalStateException("broken");
                };
        assertThat(failure(broken)).contains("a defect of the card");
    }

    @Test
    void anAnswerThatNoPacketTakesIsAFailureWithItsReason() throws IOException {
        Drops.Builder drops = Drops.newBuilder();
        while (drops.build().getSerializedSize() <= ControlChannel.MAX_PACKET_BYTES) {
            drops.addDrop(Drop.newBuilder().setInterfaceId("eni-0123456789abcdef0").setPackets(1));
        }
        assertThat(failure(request -> FromCard.newBuilder().setDrops(drops)))
                .matches("the answer takes 65[0-9]{3} bytes, a message at most 65536");
    }

    /** Why a card does not do what it is asked for. */
    private String failure(CardConnection.Requests card) throws IOException {
        Path socket = directory.resolve("control.sock");
        try (Descriptor listener = UnixSocket.listen(socket, UnixSocket.Type.SEQPACKET, 1)) {
            CardConnection connection = new CardConnection(socket, "card", card, new CardEvents());
            Thread thread = Thread.ofPlatform().daemon().start(connection::run);
            Descriptor accepted = Objects.requireNonNull(UnixSocket.accept(listener));
            try (ControlChannel controller = new ControlChannel(accepted)) {
                assertThat(next(controller).getHello().getProcess()).isEqualTo("card");
                controller.send(
                        ToCard.newBuilder()
                                .setId(7)
                                .setListFunctions(ListFunctions.getDefaultInstance())
                                .build());
                FromCard answer = next(controller);
                assertThat(answer.getId()).isEqualTo(7);
                return answer.getFailed().getMessage();
            } finally {
                thread.interrupt();
            }
        }
    }

    private static FromCard next(ControlChannel controller) throws IOException {
        return Objects.requireNonNull(controller.receive(FromCard.parser())).message();
    }
}
