package niter.controller;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import niter.controller.control.ControlChannel;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Function;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.ListDrops;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.RemoveFunction;
import niter.controller.control.protocol.ToCard;
import niter.controller.northbound.Drop;
import niter.controller.northbound.Drops;
import niter.controller.northbound.Port;
import niter.controller.northbound.Ports;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;

/**
 * The default VPC and the instances' interfaces in it, as the VPC card is asked for them. The card
 * starts when needed.
 */
final class Network {
    private static final System.Logger LOG = System.getLogger(Network.class.getName());

    static final String CARD = "vpc";

    static final String VPC = "172.31.0.0/16"; // EC2's default VPC
    static final String SUBNET = "172.31.0.0/20";
    static final String VPC_IPV6 = "fd6e:6974:6572::/56"; // unique local, RFC 4193
    static final String SUBNET_IPV6 = "fd6e:6974:6572::/64";
    static final String DOMAIN = "ec2.internal";

    /** Of the subnet: below are the router, the resolver and one that EC2 reserves. */
    private static final int FIRST_HOST = 4;

    private static final int HOSTS = 4095; // the last one is the broadcast address

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Card card;
    private final CardProcess process;
    private final StateDirectory state;
    private final Metadata metadata;
    private final Uplink uplink;
    private final SecurityGroups groups;
    private final PrefixLists prefixLists;
    private final PublicRange publicRange;
    private final PortPlan ports;
    private final Supplier<Collection<InstanceRecord>> records;

    /**
     * A VPC whose interfaces are those of the records.
     *
     * @param records all instances' that are not terminated
     */
    Network(
            Card card,
            CardProcess process,
            Outside outside,
            SecurityGroups groups,
            PrefixLists prefixLists,
            StateDirectory state,
            Supplier<Collection<InstanceRecord>> records)
            throws IOException {
        this.card = card;
        this.process = process;
        metadata = outside.metadata;
        uplink = outside.uplink;
        this.groups = groups;
        this.prefixLists = prefixLists;
        this.state = state;
        publicRange = PublicRange.of(state);
        ports = uplink.isRouted() ? new PortPlan(0) : PortPlan.ofHost();
        this.records = records;
    }

    /** Processes beside the VPC card. */
    record Outside(Metadata metadata, Uplink uplink) {}

    SecurityGroups groups() {
        return groups;
    }

    PrefixLists prefixLists() {
        return prefixLists;
    }

    /**
     * Gives a new instance its interface.
     *
     * @param others all records, whose addresses are taken
     * @throws ApiException if the subnet has no address left
     */
    InstanceRecord withInterface(InstanceRecord record, Collection<InstanceRecord> others)
            throws ApiException {
        Set<String> taken = new HashSet<>();
        for (InstanceRecord other : others) {
            taken.add(other.getPrivateIpv4());
            taken.add(other.getPublicIpv4());
        }
        for (int host = FIRST_HOST; host < HOSTS; host++) {
            String address = Ipv4.text(Ipv4.Range.of(SUBNET).base() + host);
            if (!taken.contains(address)) {
                return record.toBuilder()
                        .setInterfaceId(Ids.make("eni"))
                        .setMac(mac())
                        .setPrivateIpv4(address)
                        .setPublicIpv4(publicAddress(taken))
                        .build();
            }
        }
        throw ApiException.exhausted("subnet: all addresses of " + SUBNET + " are taken");
    }

    /**
     * Checks that the card can be told of all these.
     *
     * @throws ApiException InstanceLimitExceeded
     */
    void checkRoom(Collection<InstanceRecord> all) throws ApiException {
        if (!CardNetwork.fits(groups.record(), all)) {
            throw ApiException.exhausted(
                    ("InstanceLimitExceeded: the VPC card is told of all instances and rules in one"
                                    + " message of at most %d bytes, which takes no %d instances"
                                    + " beside the rules that there are: terminate some, or delete"
                                    + " rules")
                            .formatted(ControlChannel.MAX_PACKET_BYTES, all.size()));
        }
    }

    /** Empty where there is none left: the instance reaches the VPC only. */
    private String publicAddress(Set<String> taken) {
        for (int host = 1; host < PublicRange.HOSTS; host++) {
            if (!taken.contains(publicRange.address(host))) {
                return publicRange.address(host);
            }
        }
        return "";
    }

    /** Locally administered, as EC2's are. */
    private static String mac() {
        byte[] bytes = new byte[5];
        RANDOM.nextBytes(bytes);
        StringBuilder text = new StringBuilder("0e");
        for (byte part : bytes) {
            text.append(":%02x".formatted(part));
        }
        return text.toString();
    }

    /** Whether an instance has an interface: those that an older version made have none. */
    static boolean has(InstanceRecord record) {
        return !record.getInterfaceId().isEmpty();
    }

    /** Makes the interface a function that a machine can be plugged into, and tells its rules. */
    void serve(InstanceRecord record) throws Card.RefusedException, IOException {
        String id = record.getInterfaceId();
        process.start();
        uplink.serve(record);
        metadata.serve(record);
        card.ask(
                ToCard.newBuilder()
                        .setEnsureInterface(
                                EnsureInterface.newBuilder()
                                        .setFunctionId(id)
                                        .setSocketPath(state.functionSocket(id).toString())
                                        .setInterface(
                                                CardNetwork.networkInterface(
                                                        record, groups.all()))));
        configure();
    }

    /**
     * Brings a change of the groups into force. A card that has ended comes back with the rules
     * that it was told last, so its next start is waited for; one that was never needed asks when
     * it starts.
     */
    void changed() throws IOException {
        try {
            if (process.isKept()) {
                configure();
            }
        } catch (Card.RefusedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Tells the card the whole VPC. One at a time: the last one told is the newest. */
    synchronized void configure() throws Card.RefusedException, IOException {
        card.ask(CardNetwork.message(groups.record(), records.get()));
        List<Forward> forwards = new ArrayList<>();
        forwardsOf(records.get()).values().forEach(forwards::addAll);
        uplink.forward(forwards);
    }

    private Map<String, List<Forward>> forwardsOf(Collection<InstanceRecord> all) {
        Map<String, List<Forward>> forwards = new LinkedHashMap<>();
        List<niter.controller.northbound.SecurityGroup> inForce = groups.inForce();
        for (InstanceRecord record : all) {
            if (!record.getPublicIpv4().isEmpty() && record.getWish() == Wish.RUN) {
                forwards.put(
                        record.getInstanceId(),
                        ports.forwards(
                                uplink.isRouted()
                                        ? record.getPrivateIpv4()
                                        : record.getPublicIpv4(),
                                record.getPrivateIpv4(),
                                permissions(record, inForce)));
            }
        }
        return forwards;
    }

    /** What the instance's groups let in. */
    private static List<IpPermission> permissions(
            InstanceRecord record, List<niter.controller.northbound.SecurityGroup> inForce) {
        List<IpPermission> permissions = new ArrayList<>();
        for (niter.controller.northbound.SecurityGroup group : SecurityGroups.of(record, inForce)) {
            permissions.addAll(Permissions.forCard(group.getRuleList(), false));
        }
        return permissions;
    }

    /** The host's ports that reach instances. */
    Ports ports() {
        Ports.Builder all = Ports.newBuilder();
        forwardsOf(records.get())
                .forEach(
                        (instance, forwards) -> {
                            for (Forward one : forwards) {
                                all.addPort(
                                        Port.newBuilder()
                                                .setInstanceId(instance)
                                                .setProtocol(one.protocol().word())
                                                .setPort(one.port())
                                                .setHostAddress(one.hostAddress())
                                                .setHostPort(one.hostPort())
                                                .setProblem(uplink.problem(one)));
                            }
                        });
        return all.build();
    }

    /**
     * Made from the IPv4 address, so that it is the same for as long; empty where there is none.
     */
    static String ipv6(InstanceRecord record) {
        if (!has(record)) {
            return "";
        }
        Ipv6 subnet = Ipv6.Range.of(SUBNET_IPV6).base();
        long host = Ipv4.address(record.getPrivateIpv4()) & 0xffff_ffffL;
        return new Ipv6(subnet.high(), subnet.low() | host).toString();
    }

    /** As EC2 names its instances: ip-172-31-0-4. */
    static String hostName(InstanceRecord record) {
        return "ip-" + record.getPrivateIpv4().replace('.', '-');
    }

    /** Tells the services about all interfaces: those that an earlier one was not told of too. */
    void tell() throws Card.RefusedException, IOException {
        for (InstanceRecord record : records.get()) {
            if (has(record) && record.getWish() == Wish.RUN) {
                metadata.serve(record);
            }
        }
    }

    /** Ends the function; the interface keeps its address. */
    void withdraw(String interfaceId) throws Card.RefusedException, IOException {
        process.start();
        card.ask(
                ToCard.newBuilder()
                        .setRemoveFunction(RemoveFunction.newBuilder().setFunctionId(interfaceId)));
        metadata.withdraw(interfaceId);
        try {
            configure();
        } catch (Card.RefusedException e) { // what is too large without it ends one by one
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", interfaceId, e.getMessage());
        }
    }

    /** Packets that the card and its services dropped; none of a process that does not run. */
    Drops drops() throws Card.RefusedException, IOException {
        Map<String, String> instances = new HashMap<>();
        for (InstanceRecord record : records.get()) {
            instances.put(record.getInterfaceId(), record.getInstanceId());
        }
        Drops.Builder drops = Drops.newBuilder();
        if (process.isRunning()) {
            var answer = card.ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance()));
            for (niter.controller.control.protocol.Drop one : answer.getDrops().getDropList()) {
                drops.addDrop(
                        drop(one, one.getInterfaceId())
                                .setInstanceId(instances.getOrDefault(one.getInterfaceId(), "")));
            }
        }
        for (niter.controller.control.protocol.Drop one : metadata.drops()) {
            drops.addDrop(drop(one, Metadata.CARD));
        }
        return drops.build();
    }

    private static Drop.Builder drop(niter.controller.control.protocol.Drop one, String where) {
        return Drop.newBuilder()
                .setNetworkInterfaceId(where)
                .setReason(one.getReason())
                .setPackets(one.getPackets());
    }

    /** Ids of the interfaces that the card serves now. */
    Set<String> served() throws Card.RefusedException, IOException {
        FromCard answer =
                card.ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()));
        Set<String> ids = new HashSet<>();
        for (Function function : answer.getFunctions().getFunctionList()) {
            ids.add(function.getFunctionId());
        }
        return ids;
    }
}
