package niter.controller;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import niter.controller.control.protocol.IpPermission;

/**
 * Which ports of the host reach an instance: those that its security groups open to callers on the
 * host. Such callers arrive from one address, so that is the source that a rule must contain.
 */
final class PortPlan {
    /** How many are forwarded for one instance; a rule may open 65,536. */
    static final int MAX_PORTS = 128;

    private static final int MOVED =
            10_000; // a port that the user may not bind is moved up by this
    private static final int PORTS = 65_536;
    private static final int CAP_NET_BIND_SERVICE = 10;

    private final int firstFree;

    /**
     * A plan for a host.
     *
     * @param firstFree the lowest port that this user may bind
     */
    PortPlan(int firstFree) {
        this.firstFree = firstFree;
    }

    /** For this user on this host. */
    static PortPlan ofHost() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("CapEff:")) {
                long effective = Long.parseUnsignedLong(line.substring(7).strip(), 16);
                if ((effective >>> CAP_NET_BIND_SERVICE & 1) == 1) {
                    return new PortPlan(0);
                }
            }
        }
        Path setting = Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        try (BufferedReader reader =
                Files.newBufferedReader(setting)) { // one read: a second has none
            return new PortPlan(Integer.parseInt(reader.readLine().strip()));
        }
    }

    /**
     * The ports of an instance, ascending for each protocol, at most {@link #MAX_PORTS}: those of
     * the narrowest rules, and of one rule the lowest, so SSH is among them however wide it is.
     *
     * @param publicAddress of the host
     * @param permissions of all its groups, inwards
     */
    List<Forward> forwards(
            String publicAddress, String privateAddress, List<IpPermission> permissions) {
        List<Forward> forwards = new ArrayList<>();
        for (Map.Entry<Forward.Protocol, BitSet> open : open(permissions).entrySet()) {
            Forward.Protocol protocol = open.getKey();
            int[] ports = open.getValue().stream().toArray();
            BitSet used = new BitSet(PORTS); // what is beyond the limit takes no port of the host
            for (int port : ports) {
                if (port >= firstFree) {
                    used.set(port);
                }
            }
            for (int port : ports) {
                int hostPort = port >= firstFree ? port : moved(port, used);
                forwards.add(new Forward(protocol, publicAddress, hostPort, privateAddress, port));
            }
        }
        return forwards;
    }

    /** A port that the user may bind and nothing else is to be; taken. */
    private int moved(int port, BitSet used) {
        for (int other = port + MOVED; other < PORTS; other += MOVED) {
            if (other >= firstFree && !used.get(other)) {
                used.set(other);
                return other;
            }
        }
        int other = used.nextClearBit(Math.max(1, firstFree));
        if (other >= PORTS) {
            return Forward.NO_PORT;
        }
        used.set(other);
        return other;
    }

    /** What is named singly comes before what a wide range has, and low ports before high ones. */
    private static Map<Forward.Protocol, BitSet> open(List<IpPermission> permissions) {
        Map<Forward.Protocol, BitSet> open = new EnumMap<>(Forward.Protocol.class);
        for (Forward.Protocol protocol : Forward.Protocol.values()) {
            open.put(protocol, new BitSet(PORTS));
        }
        int room = MAX_PORTS;
        for (IpPermission one : narrowestFirst(permissions)) {
            for (Map.Entry<Forward.Protocol, BitSet> ports : open.entrySet()) {
                // "All protocols" is not a list of services; what is to be forwarded is named.
                boolean named = one.getProtocol() == ports.getKey().number;
                int port = Math.max(1, one.getFromPort()); // a rule may say 0, but it is no port
                for (; named && port <= one.getToPort() && room > 0; port++) {
                    if (!ports.getValue().get(port)) {
                        ports.getValue().set(port);
                        room--;
                    }
                }
            }
        }
        return open;
    }

    private static List<IpPermission> narrowestFirst(List<IpPermission> permissions) {
        return permissions.stream()
                .filter(one -> Uplink.isCaller(one.getCidr()))
                .sorted(Comparator.comparingInt(one -> one.getToPort() - one.getFromPort()))
                .toList();
    }
}
