package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import niter.controller.control.CardEvents;
import niter.controller.control.ControlChannel;
import niter.controller.control.MetricsText;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.Drops;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.ListDrops;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.RemoveFunction;
import niter.controller.control.protocol.SecurityGroup;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import niter.pcie.Escrow;
import niter.pcie.FunctionClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The card as the controller and a machine see it. */
class CardTest {
    private static final String ID = "eni-0123456789abcdef0";
    private static final int OF_THE_CARD = 1; // descriptors: the flow table

    @TempDir Path directory;
    private final HeldHere keeper = new HeldHere();
    private final CardEvents events = new CardEvents();
    private Card card;

    @BeforeEach
    void begin() throws IOException {
        card = new Card(keeper, Map.of(), events, neighbours());
    }

    @AfterEach
    void end() {
        card.detach();
        keeper.close();
    }

    private Card.Neighbours neighbours() {
        return new Card.Neighbours(
                directory.resolve("services"),
                directory.resolve("uplink"),
                directory.resolve("capture"));
    }

    private FromCard ask(ToCard.Builder request) {
        return card.answer(request.build()).build();
    }

    private void succeed(ToCard.Builder request) {
        FromCard answer = ask(request);
        assertThat(answer.hasDone()).describedAs(answer.toString()).isTrue();
    }

    private void refuse(String message, ToCard.Builder request) {
        assertThat(ask(request).getFailed().getMessage()).contains(message);
    }

    private static NetworkInterface.Builder networkInterface() {
        return NetworkInterface.newBuilder()
                .setInterfaceId(ID)
                .setMac("0e:01:02:03:04:05")
                .setPrivateIpv4("172.31.0.4")
                .setSubnetCidr("172.31.0.0/20")
                .addSecurityGroup("sg-1")
                .setHostName("ip-172-31-0-4")
                .setSourceDestCheck(true);
    }

    private ToCard.Builder ensure(NetworkInterface.Builder of) {
        return ToCard.newBuilder()
                .setEnsureInterface(
                        EnsureInterface.newBuilder()
                                .setFunctionId(ID)
                                .setSocketPath(socket().toString())
                                .setInterface(of));
    }

    private static ToCard.Builder network(IpPermission.Builder rule, String cidr) {
        return ToCard.newBuilder()
                .setSetNetwork(
                        SetNetwork.newBuilder()
                                .setVpcCidr(cidr)
                                .setDomain("ec2.internal")
                                .addSecurityGroup(
                                        SecurityGroup.newBuilder()
                                                .setGroupId("sg-1")
                                                .addIngress(rule))
                                .addInterface(networkInterface()));
    }

    private static IpPermission.Builder ssh() {
        return IpPermission.newBuilder()
                .setProtocol(6)
                .setFromPort(22)
                .setToPort(22)
                .setCidr("0.0.0.0/0");
    }

    private static ToCard.Builder remove() {
        return ToCard.newBuilder().setRemoveFunction(RemoveFunction.newBuilder().setFunctionId(ID));
    }

    /** The build beside it was another version: smaller, and larger but of another layout. */
    @Test
    void aFlowTableOfAnotherVersionIsReplaced() throws IOException {
        for (long bytes : new long[] {64 * 1024, 64L << 20}) {
            card.detach();
            Map<String, Descriptor> held = Map.of("card/flows", MemoryFile.create("flows", bytes));
            card = new Card(keeper, held, events, neighbours());
            succeed(network(ssh(), "172.31.0.0/16"));
            succeed(ensure(networkInterface()));
            succeed(remove());
        }
    }

    private FromCard list() {
        return ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()));
    }

    private Path socket() {
        return directory.resolve("f.sock");
    }

    @Test
    void anInterfaceIsServedUntilItsFunctionIsRemoved() throws Exception {
        succeed(ensure(networkInterface()));
        succeed(ensure(networkInterface())); // done already
        succeed(network(ssh(), "172.31.0.0/16"));
        try (FunctionClient client = FunctionClient.connect(socket())) {
            assertThat(client.read(7, 0, 4)).isEqualTo(0xec20_1d0fL);
            assertThat(client.read(0, 0x58, 4)).as("ready").isEqualTo(1);
            assertThat(list().getFunctions().getFunction(0).getConnected()).isTrue();
        }
        refuse("is served in another way", ensure(networkInterface().setHostName("x")));
        assertThat(ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance())).hasDrops())
                .isTrue();
        succeed(remove());
        succeed(remove());
        assertThat(socket()).doesNotExist();
        assertThat(keeper.size()).isEqualTo(OF_THE_CARD + 1); // and the network
    }

    @Test
    void eachFieldIsChecked() {
        refuse("mac: expected", ensure(networkInterface().setMac("0e:01")));
        refuse("mac: expected", ensure(networkInterface().setMac("01:01:02:03:04:05")));
        refuse("expected an IPv4 address", ensure(networkInterface().setPrivateIpv4("1.2.3")));
        refuse("expected an address of the", ensure(networkInterface().setPrivateIpv4("10.0.0.1")));
        refuse("function_id: expected", ensure(networkInterface().setInterfaceId("eni-other")));
        refuse("body: expected", ToCard.newBuilder());
        refuse("ports: expected", network(ssh().setFromPort(23), "172.31.0.0/16"));
        refuse("either cidr or group_id", network(ssh().setGroupId("sg-1"), "172.31.0.0/16"));
        refuse("host bits", network(ssh().setCidr("10.0.0.1/8"), "172.31.0.0/16"));
        refuse("expected an IPv4 address", ensure(networkInterface().setPublicIpv4("127.42.1")));
        refuse("subnet: expected a part", network(ssh(), "10.0.0.0/16"));
        assertThat(keeper.size()).isEqualTo(OF_THE_CARD);
    }

    @Test
    void aNewCardGoesOnWithoutAController() throws Exception {
        succeed(ensure(networkInterface()));
        succeed(network(ssh(), "172.31.0.0/16"));
        try (FunctionClient client = FunctionClient.connect(socket())) {
            client.write(7, 4, 2, 6);
            client.write(0, 0x4c, 4, 1);
            card.detach(); // its process ends; the connection is the keeper's still
            card = new Card(keeper, keeper.given(), events, neighbours());
            assertThat(client.read(0, 0x4c, 4)).as("the mask it set").isEqualTo(1);
            assertThat(list().getFunctions().getFunction(0).getConnected()).isTrue();
            succeed(ensure(networkInterface())); // done already
        }
    }

    /** What the operator hears of a function that an exception ended. */
    @Test
    void aDefectIsTold() throws Exception {
        card.detach();
        card = new Card(new NoMemory(keeper), Map.of(), events, neighbours());
        succeed(ensure(networkInterface()));
        try (FunctionClient client = FunctionClient.connect(socket());
                Descriptor ram = MemoryFile.create("ram", 4096)) {
            assertThatThrownBy(() -> client.map(ram, 0, 0, 4096, 3))
                    .isInstanceOf(IOException.class);
        }
        assertThat(list().getFunctions().getFunction(0).getConnected()).isFalse();
        Path path = directory.resolve("control.sock");
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, 4);
                ControlChannel told = ControlChannel.connect(path);
                ControlChannel controller = accept(listener)) {
            events.connected(told);
            FunctionEvent event = next(controller).getEvent();
            assertThat(event.getFunctionId()).isEqualTo(ID);
            assertThat(event.getEvent()).isEqualTo("failed");
        }
        MetricsText text = new MetricsText();
        card.measure(text);
        assertThat(text.toString()).contains("niter_vpc_received_packets_total");
        succeed(remove());
    }

    /** Where the operator sees what a services' process that was broken into sends. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void whatTheServicesMayNotSendIsListed() {
        byte[] nowhere = Packet.ipv4(1, 2, 3, 17, Packet.udp(1, 2, 0));
        MemorySegment memory = Arena.ofAuto().allocate(nowhere.length);
        memory.copyFrom(MemorySegment.ofArray(nowhere));
        Path path = directory.resolve("services");
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, 4);
                Descriptor services = Objects.requireNonNull(UnixSocket.accept(listener))) {
            FileIo.write(services.number(), memory.address(), nowhere.length);
            Drops drops;
            do { // until the card has read it
                drops =
                        ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance()))
                                .getDrops();
            } while (drops.getDropCount() == 0);
            assertThat(drops.getDropList())
                    .containsExactly(
                            Drop.newBuilder()
                                    .setInterfaceId("services")
                                    .setReason("NO_ROUTE")
                                    .setPackets(1)
                                    .build());
        }
        MetricsText text = new MetricsText();
        card.measure(text);
        assertThat(text.toString())
                .contains(
                        "niter_vpc_dropped_packets_total{interface_id=\"services\",reason=\"no-route\"} 1");
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

    /** A defect: it throws where guest memory is to be held. */
    private record NoMemory(Escrow keeper) implements Escrow {
        @Override
        public void hold(Map<String, Descriptor> byKey) throws IOException {
            if (byKey.keySet().stream().anyMatch(key -> key.contains("/fd/"))) {
                throw new IllegalStateException("a defect");
            }
            keeper.hold(byKey);
        }

        @Override
        public void release(String... keys) throws IOException {
            keeper.release(keys);
        }
    }
}
