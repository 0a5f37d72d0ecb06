package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import niter.controller.control.ControlChannel;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.ListDrops;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.SecurityGroup;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.Spawn;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.Signals;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * A VPC card under a keeper, with two interfaces in one subnet. The controller makes way, so that
 * this stands in its place and says what the card is to do; nothing else of Niter runs.
 */
final class CardHost implements Side {
    static final Template.End[] ENDS = {
        new Template.End(0x0e00_0000_0001L, 0xac1f_0004), // 172.31.0.4
        new Template.End(0x0e00_0000_0002L, 0xac1f_0005)
    };

    private static final String CONTROLLER = "controller";
    private static final String CARD = "vpc";
    private static final String GROUP = "sg-0123456789abcdef0";
    private static final int UDP = 17;
    private static final int TCP = 6;

    private final StateDirectory state;
    private final KeeperClient keeper;
    private final ControlChannel card;
    private final int pid;
    private long asked;
    private double before;

    /**
     * Starts it.
     *
     * @param options more of the card's JVM
     * @param cpu the one that all its threads share
     */
    CardHost(List<String> options, int cpu) throws IOException, InterruptedException {
        try {
            state = StateDirectory.fromEnvironment().open();
        } catch (StateDirectoryException e) {
            throw new IOException(e.getMessage(), e);
        }
        KeeperStarter starter = KeeperStarter.fromEnvironment(state);
        keeper = KeeperClient.connect(state.keeperSocket(), "lab", starter::start);
        boolean started = false;
        try {
            endController();
            try (Descriptor listener =
                    UnixSocket.listen(state.controlSocket(), UnixSocket.Type.SEQPACKET, 1)) {
                pid = keeper.spawn(spawn(options, cpu));
                @Nullable Descriptor socket = UnixSocket.accept(listener);
                if (socket == null) {
                    throw new IOException("the card does not come");
                }
                card = new ControlChannel(socket);
                receive().getHello();
            }
            for (int i = 0; i < ENDS.length; i++) {
                ask(
                        ToCard.newBuilder()
                                .setEnsureInterface(
                                        EnsureInterface.newBuilder()
                                                .setFunctionId(id(i))
                                                .setSocketPath(socket(i).toString())
                                                .setInterface(networkInterface(i))));
            }
            ask(ToCard.newBuilder().setSetNetwork(network()));
            started = true;
        } finally {
            if (!started) {
                keeper.shutDown();
                keeper.close();
            }
        }
    }

    private void endController() throws IOException, InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        keeper.watch(
                end -> {
                    if (end.getProcess().equals(CONTROLLER)) {
                        ended.countDown();
                    }
                });
        keeper.kill(CONTROLLER, Signals.SIGKILL, true);
        if (!ended.await(20, TimeUnit.SECONDS)) {
            throw new IOException("the controller does not end");
        }
    }

    private Spawn spawn(List<String> options, int cpu) throws IOException {
        Path dist = Path.of(System.getenv("NITER_DIST"));
        List<String> lines = new ArrayList<>(Files.readAllLines(dist.resolve("vpc.args")));
        lines.addAll(lines.indexOf("-p"), options); // before the main class
        Path arguments = state.run().resolve("vpc.args");
        Files.write(arguments, lines);
        return Spawn.newBuilder()
                .setProcess(CARD)
                .setExecutable("/usr/bin/taskset")
                .addArguments("taskset")
                .addArguments("--cpu-list")
                .addArguments(Integer.toString(cpu))
                .addArguments(System.getenv("NITER_JAVA"))
                .addArguments("@" + arguments)
                .addArguments("--state")
                .addArguments(state.root().toString())
                .setLogFile(state.log(CARD).toString())
                .setRestart(RestartPolicy.RESTART_NEVER)
                .build();
    }

    private static String id(int end) {
        return "eni-0123456789abcdef" + end;
    }

    private Path socket(int end) {
        return state.functionSocket(id(end));
    }

    /** Of the mapping as a whole: keys of both address families, index and all. */
    long flowTableBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/maps"))) {
            if (line.contains("/memfd:flows")) {
                String[] range = line.substring(0, line.indexOf(' ')).split("-");
                return Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16);
            }
        }
        throw new IOException("the card has no flow table");
    }

    @Override
    public String name() {
        return "niter";
    }

    @Override
    public Port open(int end, Template template) throws IOException {
        return new EnaPort(socket(end), template);
    }

    @Override
    public void count() throws IOException {
        before = Footprint.cpuSeconds(pid);
    }

    /** All of the process: it sleeps when there is nothing to do. */
    @Override
    public double busySeconds() throws IOException {
        return Footprint.cpuSeconds(pid) - before;
    }

    private static NetworkInterface networkInterface(int end) {
        return NetworkInterface.newBuilder()
                .setInterfaceId(id(end))
                .setMac("0e:00:00:00:00:0" + (end + 1))
                .setPrivateIpv4("172.31.0." + (end + 4))
                .setSubnetCidr("172.31.0.0/20")
                .addSecurityGroup(GROUP)
                .setHostName("ip-172-31-0-" + (end + 4))
                .setSourceDestCheck(true)
                .build();
    }

    /** Everything out, and in from members: what EC2's default group says. */
    private static SetNetwork network() {
        SecurityGroup.Builder group = SecurityGroup.newBuilder().setGroupId(GROUP);
        for (int protocol : new int[] {UDP, TCP}) {
            IpPermission.Builder ports =
                    IpPermission.newBuilder()
                            .setProtocol(protocol)
                            .setFromPort(0)
                            .setToPort(65_535);
            group.addIngress(ports.clone().setGroupId(GROUP));
            group.addEgress(ports.clone().setCidr("0.0.0.0/0"));
        }
        SetNetwork.Builder network =
                SetNetwork.newBuilder()
                        .setVpcCidr("172.31.0.0/16")
                        .setDomain("ec2.internal")
                        .setUplinkCidr("192.0.0.0/29")
                        .addSecurityGroup(group);
        for (int i = 0; i < ENDS.length; i++) {
            network.addInterface(networkInterface(i));
        }
        return network.build();
    }

    private FromCard ask(ToCard.Builder request) throws IOException {
        card.send(request.setId(++asked).build());
        FromCard answer = receive();
        while (answer.getId() != asked) {
            answer = receive(); // an event
        }
        if (answer.hasFailed()) {
            throw new IOException("the card refuses: " + answer.getFailed().getMessage());
        }
        return answer;
    }

    private FromCard receive() throws IOException {
        ControlChannel.@Nullable Received<FromCard> received = card.receive(FromCard.parser());
        if (received == null) {
            throw new IOException("the card has ended: " + Files.readString(state.log(CARD)));
        }
        received.discard();
        return received.message();
    }

    /** Packets that it dropped, by reason; nothing in a measurement that counts. */
    List<Drop> drops() throws IOException {
        return ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance()))
                .getDrops()
                .getDropList();
    }

    @Override
    public void close() throws IOException {
        card.close();
        keeper.shutDown();
        keeper.close();
    }
}
