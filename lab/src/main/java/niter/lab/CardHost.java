package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.ListDrops;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.SecurityGroup;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;

/** A VPC card under a keeper, with two interfaces in one subnet. */
final class CardHost implements Side {
    static final Template.End[] ENDS = {
        new Template.End(0x0e00_0000_0001L, 0xac1f_0004), // 172.31.0.4
        new Template.End(0x0e00_0000_0002L, 0xac1f_0005)
    };

    private static final String GROUP = "sg-0123456789abcdef0";
    private static final int UDP = 17;
    private static final int TCP = 6;

    private final KeptCard card;
    private final int pid;
    private double before;

    /**
     * Starts it.
     *
     * @param home as {@link KeptCard} has it
     * @param options more of the card's JVM
     * @param cpu the one that all its threads share
     */
    CardHost(Path home, Path dist, List<String> options, int cpu) throws IOException {
        RestartPolicy restart = RestartPolicy.RESTART_NEVER;
        card = new KeptCard(home, dist, new KeptCard.Start("vpc", options, cpu, restart));
        boolean started = false;
        try {
            pid = card.process().getPid();
            for (int i = 0; i < ENDS.length; i++) {
                EnsureInterface ensure =
                        EnsureInterface.newBuilder()
                                .setFunctionId(id(i))
                                .setSocketPath(socket(i).toString())
                                .setInterface(networkInterface(i))
                                .build();
                card.ask(ToCard.newBuilder().setEnsureInterface(ensure));
            }
            card.ask(ToCard.newBuilder().setSetNetwork(network()));
            started = true;
        } finally {
            if (!started) {
                card.close();
            }
        }
    }

    private static String id(int end) {
        return "eni-0123456789abcdef" + end;
    }

    private Path socket(int end) {
        return card.state().functionSocket(id(end));
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

    /** Packets that it dropped, by reason; nothing in a measurement that counts. */
    List<Drop> drops() throws IOException {
        return card.ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance()))
                .getDrops()
                .getDropList();
    }

    @Override
    public void close() throws IOException {
        card.close();
    }
}
