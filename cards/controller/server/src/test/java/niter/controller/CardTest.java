package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.Done;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is asked of a card, over connections that end. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CardTest {
    private static final long PATIENCE_SECONDS = 10;

    private final Card card = new Card("vpc", event -> {});

    /** A card's connection: its end, and the thread that serves the controller's. */
    private record Connection(ControlChannel peer, Thread served) {
        ToCard next() throws IOException {
            return Objects.requireNonNull(peer.receive(ToCard.parser())).message();
        }

        void answer(ToCard question) throws IOException {
            peer.send(
                    FromCard.newBuilder()
                            .setId(question.getId())
                            .setDone(Done.getDefaultInstance())
                            .build());
        }

        void end() throws InterruptedException {
            peer.close();
            served.join();
        }
    }

    private Connection connect() {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
        ControlChannel ours = new ControlChannel(pair[0]);
        Thread served = Thread.ofPlatform().daemon().start(() -> card.serve(ours, () -> {}));
        return new Connection(new ControlChannel(pair[1]), served);
    }

    private CompletableFuture<FromCard> ask() {
        CompletableFuture<FromCard> answer = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try {
                                answer.complete(card.ask(functions()));
                            } catch (IOException | Card.RefusedException e) {
                                answer.completeExceptionally(e);
                            }
                        });
        return answer;
    }

    private static ToCard.Builder functions() {
        return ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance());
    }

    @Test
    void whatNoPacketTakesIsRefusedAndTheNextCardIsHeard() throws Exception {
        Connection first = connect();
        String tooLong = "a".repeat(ControlChannel.MAX_PACKET_BYTES);
        ToCard.Builder network =
                ToCard.newBuilder().setSetNetwork(SetNetwork.newBuilder().setDomain(tooLong));
        assertThatThrownBy(() -> card.ask(network))
                .isInstanceOf(Card.RefusedException.class)
                .hasMessageMatching("set_network takes 65[0-9]{3} bytes: .* of at most 65536");
        first.end();

        Connection second = connect();
        CompletableFuture<FromCard> answer = ask();
        ToCard question = second.next();
        assertThat(question.hasListFunctions()).isTrue();
        second.answer(question);
        assertThat(answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).hasDone()).isTrue();
        second.end();
    }

    @Test
    void whatWasNotAnsweredIsAskedOfTheNextCard() throws Exception {
        Connection first = connect();
        CompletableFuture<FromCard> answer = ask();
        ToCard question = first.next();
        first.end();

        Connection second = connect();
        assertThat(second.next()).isEqualTo(question);
        second.answer(question);
        assertThat(answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).getId())
                .isEqualTo(question.getId());
        second.end();
    }
}
