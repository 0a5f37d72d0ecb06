package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A card's end of the connection, as its controller sees it. */
class CardConnectionTest {
    @TempDir Path directory;

    @Test
    void aDefectIsAnAnswerToo() throws IOException {
        CardConnection.Requests broken =
                request -> {
                    throw new IllegalStateException("broken");
                };
        Path socket = directory.resolve("control.sock");
        try (Descriptor listener = UnixSocket.listen(socket, UnixSocket.Type.SEQPACKET, 1)) {
            CardConnection connection =
                    new CardConnection(socket, "card", broken, new CardEvents());
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
                assertThat(answer.getFailed().getMessage()).contains("a defect of the card");
            }
            thread.interrupt();
        }
    }

    private static FromCard next(ControlChannel controller) throws IOException {
        return Objects.requireNonNull(controller.receive(FromCard.parser())).message();
    }
}
