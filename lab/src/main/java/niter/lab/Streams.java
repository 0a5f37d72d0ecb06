package niter.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * iperf3 with four streams from one guest to another, MTU 9001: two instances through the VPC card
 * with its security groups, and two of the same machines with QEMU's virtio-net, joined by a socket
 * and nothing else. All four stand all the time; the pair that does not send is idle. Then the
 * longest time without an answer to a ping, 100 a second, while the card is killed.
 */
final class Streams {
    private static final int ROUNDS = 5;
    private static final String[] OPTIONS = {"--image", "tools", "--type", "niter.medium"};
    private static final String SERVE =
            "iperf3 -s -D; until grep -q ':1451 ' /proc/net/tcp6; do sleep 0.1; done"; // 5201
    private static final String SEND = "iperf3 -P 4 -t 5 -O 1 -f k -c ";
    private static final Pattern RECEIVED =
            Pattern.compile("\\[SUM\\].* ([0-9]+) Kbits/sec +receiver");
    private static final Pattern ADDRESS = Pattern.compile("inet ([0-9.]+)");

    /** The image's DHCP client begins by taking addresses away, and then the link up. */
    private static final String JOIN =
            "modprobe failover && modprobe net_failover && modprobe virtio_net"
                    + " && until /usr/bin/ip link show ens5 2>/dev/null | grep -q ,UP;"
                    + " do sleep 0.1; done && kill $(cat /run/udhcpc.ens5)"
                    + " && /usr/bin/ip address add 10.0.0.%d/24 dev ens5"
                    + " && /usr/bin/ip link set ens5 mtu 9001 up";

    private static final String PING = "/bin/ping -D -i 0.01 -w 8 ";
    private static final Pattern ANSWERED = Pattern.compile("\\[([0-9.]+)\\] [0-9]+ bytes from");

    private Streams() {}

    static void measure(Niter niter, Path work) throws IOException, InterruptedException {
        Instance server = new Instance(niter, OPTIONS);
        Instance client = new Instance(niter, OPTIONS);
        Matcher address = ADDRESS.matcher(server.output("/usr/bin/ip -4 address show ens5"));
        if (!address.find()) {
            throw new IOException("the instance has no address");
        }
        String wire = "type=unix,addr.path=" + work.resolve("wire");
        Peer first = new Peer(server, work.resolve("peer1"), "stream,server=on,addr." + wire);
        Peer second = new Peer(client, work.resolve("peer2"), "stream,server=off,addr." + wire);
        first.prepare();
        second.prepare();
        Sample ours = new Sample();
        Sample theirs = new Sample();
        try (PlainQemu peerServer = first.boot();
                PlainQemu peerClient = second.boot()) {
            peerServer.output("sh", "-c", JOIN.formatted(1));
            peerClient.output("sh", "-c", JOIN.formatted(2));
            server.output(SERVE);
            peerServer.output("sh", "-c", SERVE);
            for (int round = 0; round <= ROUNDS; round++) {
                System.err.println(round == 0 ? "warming up" : "round " + round + " of " + ROUNDS);
                double our = bytes(client.output(SEND + address.group(1)));
                double their = bytes(peerClient.output("sh", "-c", SEND + "10.0.0.1"));
                if (round > 0) {
                    ours.add(our);
                    theirs.add(their);
                }
            }
        }
        System.out.printf(
                "iperf3, four streams: niter %s, qemu %s, ratio (goal: at least 1.0) %s%n",
                ours.text("B/s"), theirs.text("B/s"), ours.ratioTo(theirs));
        Sample pauses = new Sample();
        for (int round = 0; round < ROUNDS; round++) {
            pauses.add(pause(niter, client, address.group(1)));
        }
        System.out.println("pause where the card is killed: " + pauses.text("s"));
        server.terminate();
        client.terminate();
    }

    /** Kills the card once the first answer is there. */
    private static double pause(Niter niter, Instance client, String address)
            throws IOException, InterruptedException {
        Process ping = client.start(PING + address);
        double last = 0;
        double longest = 0;
        try (BufferedReader answers = ping.inputReader()) {
            for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                Matcher answered = ANSWERED.matcher(line);
                if (answered.find()) {
                    double now = Double.parseDouble(answered.group(1));
                    if (last == 0) {
                        Instance.kill(niter, "vpc");
                    } else {
                        longest = Math.max(longest, now - last);
                    }
                    last = now;
                }
            }
        }
        niter.finish(ping, "ssh");
        return longest;
    }

    private static double bytes(String report) throws IOException {
        Matcher sum = RECEIVED.matcher(report);
        if (!sum.find()) {
            throw new IOException("iperf3 printed: " + report);
        }
        return Double.parseDouble(sum.group(1)) * 1000 / 8;
    }
}
