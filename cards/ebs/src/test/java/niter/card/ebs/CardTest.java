package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import niter.controller.control.CardConnection;
import niter.controller.control.CardEvents;
import niter.controller.control.ControlChannel;
import niter.controller.control.MetricsText;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.DeleteVolume;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.RemoveFunction;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import niter.pcie.Escrow;
import niter.pcie.FunctionClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The card as the controller and a machine see it. */
class CardTest {
    private static final String ID = "vol-0123456789abcdef0";

    @TempDir Path directory;
    private final HeldHere keeper = new HeldHere();
    private final CardEvents events = new CardEvents();
    private Card card = new Card(new Volumes(Path.of("/nonexistent")), keeper, events);

    private Card card() throws IOException {
        Files.createDirectories(directory.resolve("volumes"));
        card = new Card(new Volumes(directory.resolve("volumes")), keeper, events);
        return card;
    }

    @AfterEach
    void end() {
        card.detach();
        keeper.close();
    }

    private FromCard ask(ToCard.Builder request) throws InterruptedException {
        return card.answer(request.build()).build();
    }

    private void succeed(ToCard.Builder request) throws InterruptedException {
        FromCard answer = ask(request);
        assertThat(answer.hasDone()).describedAs(answer.toString()).isTrue();
    }

    private void refuse(String message, ToCard.Builder request) throws InterruptedException {
        assertThat(ask(request).getFailed().getMessage()).contains(message);
    }

    private static ToCard.Builder create(long bytes) {
        return ToCard.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder().setVolumeId(ID).setSizeBytes(bytes));
    }

    private EnsureFunction.Builder function() {
        return EnsureFunction.newBuilder()
                .setFunctionId(ID)
                .setVolumeId(ID)
                .setSocketPath(socket().toString())
                .setDeviceName("/dev/xvda");
    }

    private static ToCard.Builder ensure(EnsureFunction.Builder function) {
        return ToCard.newBuilder().setEnsureFunction(function);
    }

    private static ToCard.Builder remove() {
        return ToCard.newBuilder().setRemoveFunction(RemoveFunction.newBuilder().setFunctionId(ID));
    }

    private static ToCard.Builder delete() {
        return ToCard.newBuilder().setDeleteVolume(DeleteVolume.newBuilder().setVolumeId(ID));
    }

    private Path socket() {
        return directory.resolve("f.sock");
    }

    @Test
    void aVolumeIsServedUntilItsFunctionIsRemoved() throws Exception {
        card();
        succeed(create(1 << 20));
        succeed(ensure(function()));
        succeed(ensure(function())); // done already
        try (FunctionClient client = FunctionClient.connect(socket())) {
            assertThat(client.read(7, 0, 4)).isEqualTo(0x80611d0fL);
            assertThat(client.read(0, 8, 4)).isEqualTo(0x0001_0400L); // NVMe 1.4
            FromCard list =
                    ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()));
            assertThat(list.getFunctions().getFunction(0).getConnected()).isTrue();
            assertThat(list.getFunctions().getFunction(0).getReady()).isFalse();
        }
        MetricsText metrics = new MetricsText();
        card.measure(metrics);
        assertThat(metrics.toString())
                .contains("\nniter_ebs_reads_total{volume_id=\"" + ID + "\"} 0\n")
                .contains("\nniter_ebs_out_of_service{volume_id=\"" + ID + "\"} 0\n");
        refuse("a function serves it", delete());
        refuse("is served in another way", ensure(function().setDeviceName("/dev/sdf")));
        succeed(remove());
        succeed(remove());
        assertThat(socket()).doesNotExist();
        assertThat(keeper.size()).isZero();
        succeed(delete());
        succeed(delete());
        assertThat(directory.resolve("volumes").resolve(ID)).doesNotExist();
    }

    @Test
    void eachFieldIsChecked() throws Exception {
        card();
        succeed(create(1 << 20));
        refuse("volume_id: expected", ensure(function().setVolumeId("../x")));
        refuse("function_id: expected", ensure(function().setFunctionId("vol-other")));
        refuse("socket_path: expected", ensure(function().setSocketPath("f.sock")));
        refuse("device_name: expected", ensure(function().setDeviceName("x y")));
        refuse("size_bytes: expected", create(4097));
        refuse("exists with 1048576 bytes", create(2 << 20));
        refuse("body: expected", ToCard.newBuilder());
        assertThat(keeper.size()).isZero();
        succeed(delete());
        refuse("open(", ensure(function())); // no such volume
        assertThat(keeper.size()).isZero();
    }

    @Test
    void aNewCardGoesOnWithoutAController() throws Exception {
        card();
        succeed(create(1 << 20));
        succeed(ensure(function().setWriteZeroes(true)));
        try (FunctionClient client = FunctionClient.connect(socket())) {
            client.write(7, 4, 2, 6);
            client.write(0, 0x24, 4, 0x001f_001fL);
            card.detach(); // its process ends; the connection is the keeper's still
            Map<String, Descriptor> given = keeper.given();
            Card next = card();
            next.resume(given, _ -> {});
            assertThat(client.read(0, 0x24, 4)).isEqualTo(0x001f_001fL);
            assertThat(client.read(7, 4, 2)).isEqualTo(6);
            succeed(ensure(function().setWriteZeroes(true)));
            refuse("is served in another way", ensure(function()));
        }
        succeed(remove());
        assertThat(keeper.size()).isZero();
    }

    @Test
    void whatWasNotFinishedToBeMadeIsForgotten() throws Exception {
        card();
        try (Descriptor something = niter.linux.EventFd.create()) {
            keeper.hold(Map.of("fn/" + ID + "/segment", something));
        }
        card.resume(keeper.given(), _ -> {});
        keeper.awaitEmpty();
    }

    @Test
    void whatCannotBeResumedIsTriedAgain() throws Exception {
        card();
        succeed(create(1 << 20));
        succeed(ensure(function()));
        Path volume = directory.resolve("volumes").resolve(ID);
        try (FunctionClient client = FunctionClient.connect(socket())) {
            client.write(7, 4, 2, 6);
            card.detach();
            Files.move(volume, directory.resolve("away"));
            card().resume(keeper.given(), _ -> {});
            refuse("open(", ensure(function())); // the guest is not given a new one
            assertThat(listed()).isOne();
            Files.move(directory.resolve("away"), volume);
            assertThat(client.read(7, 4, 2)).isEqualTo(6);
            succeed(ensure(function()));
            assertThat(listed()).isOne();
        }
        succeed(remove());
        assertThat(keeper.size()).isZero();
    }

    @Test
    void aNewCardTakesBackWhatTheLastOneTold() throws Exception {
        card();
        succeed(create(1 << 20));
        succeed(ensure(function()));
        events.post(ID, "disk-full", "");
        card.detach();
        card().resume(keeper.given(), _ -> {});
        succeed(ensure(function())); // it is resumed by now
        Path path = directory.resolve("control.sock");
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, 4);
                ControlChannel card = ControlChannel.connect(path);
                ControlChannel controller = accept(listener)) {
            events.connected(card);
            assertThat(next(controller).getEvent().getEvent()).isEqualTo("resumed");
        }
    }

    @Test
    void whatCannotBeResumedCanBeRemoved() throws Exception {
        card();
        succeed(create(1 << 20));
        succeed(ensure(function()));
        card.detach();
        Files.delete(directory.resolve("volumes").resolve(ID));
        card().resume(keeper.given(), _ -> {});
        succeed(remove());
        assertThat(keeper.size()).isZero();
        assertThat(listed()).isZero();
    }

    private int listed() throws InterruptedException {
        FromCard list =
                ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()));
        return list.getFunctions().getFunctionCount();
    }

    @Test
    void theControllerMayComeAndGo() throws Exception {
        card();
        Path path = directory.resolve("control.sock");
        CardConnection connection = new CardConnection(path, "ebs", card::answer, events);
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, 4)) {
            Thread thread = Thread.ofPlatform().daemon().start(connection::run);
            for (int id = 1; id < 4; id++) {
                try (ControlChannel controller = accept(listener)) {
                    assertThat(next(controller).getHello().getProcess()).isEqualTo("ebs");
                    if (id > 1) {
                        assertThat(next(controller).getEvent().getEvent()).isEqualTo("disk-full");
                    }
                    controller.send(create(1 << 20).setId(id).build());
                    FromCard answer = next(controller);
                    assertThat(answer.getId()).isEqualTo(id);
                    assertThat(answer.hasDone()).isTrue();
                    if (id == 1) {
                        events.post(ID, "disk-full", "");
                        assertThat(next(controller).getEvent().getFunctionId()).isEqualTo(ID);
                    }
                }
            }
            thread.interrupt();
        }
    }

    private static ControlChannel accept(Descriptor listener) {
        Descriptor socket = UnixSocket.accept(listener);
        if (socket == null) {
            throw new AssertionError("no connection");
        }
        return new ControlChannel(socket);
    }

    private static FromCard next(ControlChannel controller) throws IOException {
        ControlChannel.Received<FromCard> received = controller.receive(FromCard.parser());
        if (received == null) {
            throw new AssertionError("the card ended the connection");
        }
        return received.message();
    }

    /** The keeper is away for a moment when an instance stops, and back when it starts again. */
    @Test
    void whatIsAnsweredAsServedIsServed() throws Exception {
        removeWhileTheKeeperIsAway();
        succeed(ensure(function()));
        try (FunctionClient client = FunctionClient.connect(socket())) {
            assertThat(client.read(7, 0, 4)).isEqualTo(0x80611d0fL);
        }
    }

    @Test
    void aRemovalThatFailedHalfWayIsRepeated() throws Exception {
        removeWhileTheKeeperIsAway();
        assertThat(keeper.size()).isPositive();
        succeed(remove());
        assertThat(keeper.size()).isZero();
        succeed(delete());
    }

    /** A function is served, and then half removed. */
    private void removeWhileTheKeeperIsAway() throws Exception {
        Files.createDirectories(directory.resolve("volumes"));
        AtomicBoolean away = new AtomicBoolean();
        Escrow restarting =
                new Escrow() {
                    @Override
                    public void hold(Map<String, Descriptor> byKey) {
                        keeper.hold(byKey);
                    }

                    @Override
                    public void release(String... keys) throws IOException {
                        if (away.get()) {
                            throw new IOException("the keeper does not answer");
                        }
                        keeper.release(keys);
                    }
                };
        card = new Card(new Volumes(directory.resolve("volumes")), restarting, events);
        succeed(create(1 << 20));
        succeed(ensure(function()));
        away.set(true);
        refuse("the keeper does not answer", remove());
        away.set(false);
    }
}
