package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Type;

/** Whatever a guest sends: no thread dies of it, nothing stays, and the next guest is served. */
class FuzzTest {
    private static final int ROUNDS = 4000;

    @TempDir Path directory;

    static LongStream seeds() {
        return LongStream.range(1, 5);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void framesAreSurvived(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        AtomicReference<Throwable> uncaught = new AtomicReference<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.set(error));
        try (Lab lab = new Lab(directory, List.of())) {
            lab.ensure(Lab.metadata());
            lab.ensure(Lab.other());
            byte[] answers = new byte[Packet.MAX_FRAME];
            for (int i = 0; i < ROUNDS; i++) {
                byte[] frame = frame(random);
                lab.send(frame, frame.length);
                while (lab.receive(answers, 0) > 0) {
                    assertThat(Packet.read(answers, answers.length, new Drops())).isNotNull();
                }
            }
            assertThat(lab.drops())
                    .containsKeys(DropReason.MALFORMED, DropReason.CHECKSUM)
                    .doesNotContainKey(DropReason.DEFECT);
            Lab.Answer token =
                    lab.http(
                            GuestTcp.MAC + 1,
                            GuestTcp.ADDRESS + 1,
                            "PUT",
                            "/latest/api/token",
                            "X-aws-ec2-metadata-token-ttl-seconds: 60");
            assertThat(token.status()).isEqualTo(200);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
        assertThat(uncaught.get()).isNull();
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void requestsAreAnsweredOrEnded(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        try (Lab lab = new Lab(directory, List.of())) {
            lab.ensure(Lab.metadata());
            for (int i = 0; i < 150; i++) {
                byte[] request = mutated(request(random), random);
                byte[] whole = Arrays.copyOf(request, request.length + 4);
                System.arraycopy(
                        "\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
                        0,
                        whole,
                        request.length,
                        4);
                GuestTcp tcp =
                        lab.converse(
                                GuestTcp.MAC,
                                GuestTcp.ADDRESS,
                                LinkLocal.METADATA,
                                80,
                                whole,
                                Integer.MAX_VALUE);
                assertThat(new String(tcp.input(), StandardCharsets.ISO_8859_1))
                        .doesNotContain("Exception", "eclipse");
            }
            assertThat(lab.token()).hasSize(56);
        }
    }

    /** A frame that looks right but for what random does to it. */
    private static byte[] frame(SplittableRandom random) throws IOException {
        int other = random.nextInt(2);
        int destination = random.nextBoolean() ? LinkLocal.METADATA : LinkLocal.RESOLVER;
        Packet.Path path =
                new Packet.Path(
                        GuestTcp.ROUTER,
                        GuestTcp.MAC + other,
                        GuestTcp.ADDRESS + other,
                        destination);
        byte[] frame = new byte[Packet.MAX_FRAME];
        int bytes;
        switch (random.nextInt(3)) {
            case 0 -> {
                bytes = random.nextInt(1, Packet.MAX_FRAME);
                random.nextBytes(frame);
            }
            case 1 -> {
                byte[][] sent = new byte[1][];
                byte[] query = mutated(query(random), random);
                Packet.Path back =
                        new Packet.Path(path.to(), path.from(), path.source(), LinkLocal.RESOLVER);
                new Datagram(back, 53, random.nextInt(65_536), query)
                        .answer(query, (all, length) -> sent[0] = Arrays.copyOf(all, length));
                return random.nextInt(4) == 0 ? mutated(sent[0], random) : sent[0];
            }
            default -> {
                int payload = random.nextInt(100);
                byte[] text = request(random);
                System.arraycopy(
                        text,
                        0,
                        frame,
                        Packet.HEADERS + Segment.HEADER,
                        Math.min(payload, text.length));
                bytes =
                        Segment.write(
                                frame,
                                path,
                                random.nextInt(1, 60),
                                random.nextBoolean() ? 80 : 53,
                                random.nextInt(3),
                                random.nextInt(),
                                random.nextInt(64),
                                random.nextInt(3) * 1000,
                                64,
                                Segment.HEADER,
                                payload);
            }
        }
        byte[] exact = Arrays.copyOf(frame, bytes);
        return random.nextInt(4) == 0 ? mutated(exact, random) : exact;
    }

    private static byte[] query(SplittableRandom random) throws IOException {
        String[] names = {"ip-172-31-0-4.ec2.internal.", "4.0.31.172.in-addr.arpa.", "a.b.", "."};
        Name name = Name.fromString(names[random.nextInt(names.length)]);
        int type = random.nextInt(1, 300);
        return Message.newQuery(
                        Record.newRecord(name, random.nextBoolean() ? type : Type.A, DClass.IN))
                .toWire();
    }

    private static byte[] request(SplittableRandom random) {
        String[] lines = {
            "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 5",
            "GET /latest/meta-data/%2e%2e/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked",
            "POST /latest/user-data HTTP/1.0\r\nContent-Length: 99999999999\r\nExpect: 100-continue",
            "OPTIONS * HTTP/1.1\r\nHost: [::\r\nConnection: upgrade, keep-alive",
            "GET http://u:p@h:1/latest/ HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token: AAAA"
        };
        return lines[random.nextInt(lines.length)].getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] mutated(byte[] bytes, SplittableRandom random) {
        byte[] copy = bytes.clone();
        for (int n = random.nextInt(4); n > 0; n--) {
            copy[random.nextInt(copy.length)] = (byte) random.nextInt(256);
        }
        return random.nextInt(8) == 0 ? Arrays.copyOf(copy, 1 + random.nextInt(copy.length)) : copy;
    }
}
