package niter.controller;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
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
     * The ports of an instance, ascending for each protocol, at most {@link #MAX_PORTS}: a rule's
     * lowest come first, so SSH is among them however wide it is.
     *
     * @param publicAddress of the host
     * @param permissions of all its groups, inwards
     */
    List<Forward> forwards(
            String publicAddress, String privateAddress, List<IpPermission> permissions) {
        List<Forward> forwards = new ArrayList<>();
        for (Forward.Protocol protocol : Forward.Protocol.values()) {
            int[] ports =
                    open(protocol, permissions).stream()
                            .limit(MAX_PORTS - forwards.size())
                            .toArray();
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

    private static BitSet open(Forward.Protocol protocol, List<IpPermission> permissions) {
        BitSet open = new BitSet(PORTS);
        for (IpPermission one : permissions) {
            // "All protocols" is not a list of services; what is to be forwarded is named.
            if (one.getProtocol() == protocol.number && Uplink.isCaller(one.getCidr())) {
                open.set(one.getFromPort(), one.getToPort() + 1);
            }
        }
        open.clear(0); // a rule may say so, but it is no port
        return open;
    }
}
