package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import niter.controller.control.CardEvents;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.PublicKey;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.FileIo;
import niter.linux.UnixSocket;

/** Real services over their real socket, and the card's end of it. */
final class Lab implements AutoCloseable {
    static final String ID = "eni-0123456789abcdef0";
    static final String MAC = "0e:01:02:03:04:05";
    static final long PATIENCE = 20_000_000_000L;

    /** An HTTP answer as it came. */
    record Answer(String head, byte[] body, int ttl) {
        int status() {
            return Integer.parseInt(head.split(" ", 3)[1]);
        }

        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        String header(String name) {
            for (String line : head.split("\r\n")) {
                if (line.regionMatches(true, 0, name + ":", 0, name.length() + 1)) {
                    return line.substring(name.length() + 1).strip();
                }
            }
            return "";
        }
    }

    private final Path path;
    private final HeldHere keeper = new HeldHere();
    private final List<InetSocketAddress> upstream;
    private final MemorySegment memory = Arena.ofAuto().allocate(Packet.MAX_FRAME);
    private final byte[] frame = new byte[Packet.MAX_FRAME];
    private Services services;
    private Descriptor card;
    private int port = 30_000;

    Lab(Path directory, List<InetSocketAddress> upstream) throws IOException {
        path = directory.resolve("services.sock");
        this.upstream = upstream;
        begin();
    }

    private void begin() throws IOException {
        services = new Services(path, keeper, keeper.given(), new CardEvents(), () -> upstream);
        card = UnixSocket.connect(path, UnixSocket.Type.SEQPACKET);
        UnixSocket.setNonBlocking(card.number(), true);
    }

    /** As after kill -9, with what the keeper holds. */
    void restart() throws IOException {
        card.close();
        services.close();
        begin();
    }

    HeldHere keeper() {
        return keeper;
    }

    static EnsureMetadata.Builder metadata() {
        return EnsureMetadata.newBuilder()
                .setInterfaceId(ID)
                .setMac(MAC)
                .setPrivateIpv4("172.31.0.4")
                .setSubnetCidr("172.31.0.0/20")
                .setVpcCidr("172.31.0.0/16")
                .setDomain("ec2.internal")
                .setHostName("ip-172-31-0-4")
                .setInstanceId("i-0123456789abcdef0")
                .setInstanceType("m5.large")
                .setImageId("ami-0123456789abcdef0")
                .setReservationId("r-0123456789abcdef0")
                .setLaunchedUnixMs(1_790_000_000_123L)
                .setRootDevice("xvda")
                .setVpcId("vpc-1")
                .setSubnetId("subnet-1")
                .setOwnerId("123456789012")
                .setAvailabilityZone("us-east-1a")
                .setAvailabilityZoneId("use1-az1")
                .setRegion("us-east-1")
                .addSecurityGroup("default")
                .addSecurityGroupId("sg-1")
                .addPublicKey(
                        PublicKey.newBuilder()
                                .setName("my-key")
                                .setOpensshKey("ssh-ed25519 AAAA me@here"))
                .setUserData(ByteString.copyFromUtf8("#!/bin/sh\necho hello\n"))
                .setHopLimit(2);
    }

    /** Another interface of the same VPC. */
    static EnsureMetadata.Builder other() {
        return metadata()
                .setInterfaceId("eni-0fedcba9876543210")
                .setMac("0e:01:02:03:04:06")
                .setPrivateIpv4("172.31.0.5")
                .setHostName("ip-172-31-0-5")
                .setInstanceId("i-0fedcba9876543210");
    }

    FromCard ask(ToCard.Builder request) {
        return services.answer(request.build()).build();
    }

    void ensure(EnsureMetadata.Builder metadata) {
        FromCard answer = ask(ToCard.newBuilder().setEnsureMetadata(metadata));
        assertThat(answer.hasDone()).describedAs(answer.toString()).isTrue();
    }

    /** Sends a frame; what the services cannot take now is lost. */
    void send(byte[] bytes, int length) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, length);
        UnixSocket.send(card.number(), memory.address(), length, 0);
    }

    /** The next frame, or 0 bytes after a while. */
    int receive(byte[] into, long millis) {
        try (Epoll epoll = new Epoll()) {
            epoll.add(card.number(), 1);
            if (epoll.await(millis, new long[1]) == 0) {
                return 0;
            }
        }
        long bytes = FileIo.read(card.number(), memory.address(), into.length);
        assertThat(bytes).isPositive();
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, into, 0, (int) bytes);
        return (int) bytes;
    }

    /** A connection that sends so much, run until the other side ends it. */
    GuestTcp converse(long mac, int address, int destination, int to, byte[] output, int least) {
        GuestTcp tcp =
                new GuestTcp(
                        this::send,
                        mac,
                        address,
                        port++,
                        destination,
                        to,
                        port * 7919,
                        output,
                        false);
        long end = System.nanoTime() + PATIENCE;
        while (!tcp.isEnded() && !tcp.isReset() && tcp.input().length < least) {
            assertThat(System.nanoTime()).describedAs("time").isLessThan(end);
            tcp.poll(System.nanoTime());
            int bytes = receive(frame, 20);
            if (bytes > 0) {
                tcp.receive(frame, bytes, System.nanoTime());
            }
        }
        return tcp;
    }

    GuestTcp http(long mac, int address, String request) {
        byte[] bytes = request.getBytes(StandardCharsets.ISO_8859_1);
        return converse(mac, address, LinkLocal.METADATA, 80, bytes, Integer.MAX_VALUE);
    }

    /** Asks as the first interface. */
    Answer http(String method, String target, String... headers) {
        return http(GuestTcp.MAC, GuestTcp.ADDRESS, method, target, headers);
    }

    Answer http(long mac, int address, String method, String target, String... headers) {
        List<String> lines = new ArrayList<>();
        lines.add(method + " " + target + " HTTP/1.1");
        lines.add("Host: 169.254.169.254");
        lines.addAll(List.of(headers));
        GuestTcp tcp = http(mac, address, String.join("\r\n", lines) + "\r\n\r\n");
        assertThat(tcp.isReset()).isFalse();
        return answer(tcp);
    }

    static Answer answer(GuestTcp tcp) {
        String all = new String(tcp.input(), StandardCharsets.ISO_8859_1);
        int end = all.indexOf("\r\n\r\n");
        assertThat(end).describedAs(all).isPositive();
        return new Answer(
                all.substring(0, end),
                all.substring(end + 4).getBytes(StandardCharsets.ISO_8859_1),
                tcp.lastTtl());
    }

    String token() {
        Answer answer =
                http("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60");
        assertThat(answer.status()).isEqualTo(200);
        return answer.text();
    }

    Answer get(String token, String target) {
        return http("GET", target, "X-aws-ec2-metadata-token: " + token);
    }

    Map<DropReason, Long> drops() {
        var counts = new java.util.EnumMap<DropReason, Long>(DropReason.class);
        ask(ToCard.newBuilder()
                        .setListDrops(
                                niter.controller.control.protocol.ListDrops.getDefaultInstance()))
                .getDrops()
                .getDropList()
                .forEach(
                        drop ->
                                counts.put(
                                        DropReason.valueOf(drop.getReason()), drop.getPackets()));
        return counts;
    }

    @Override
    public void close() {
        card.close();
        services.close();
        keeper.close();
    }
}
