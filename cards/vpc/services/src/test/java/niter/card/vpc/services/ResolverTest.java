package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import niter.controller.control.Ipv4;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/** The resolver over frames, with a real DNS server as the host's. */
class ResolverTest {
    private static final int VPC_RESOLVER = Ipv4.address("172.31.0.2");

    @TempDir Path directory;
    private DatagramSocket upstream;
    private Lab lab;
    private int port = 20_000;
    private final List<String> asked = new CopyOnWriteArrayList<>();

    @BeforeEach
    void begin() throws IOException {
        upstream = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().start(this::serve);
        InetSocketAddress dead = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        InetSocketAddress live =
                new InetSocketAddress(InetAddress.getLoopbackAddress(), upstream.getLocalPort());
        lab = new Lab(directory, List.of(dead, live));
        lab.ensure(Lab.metadata());
        lab.ensure(Lab.other());
    }

    @AfterEach
    void end() {
        lab.close();
        upstream.close();
    }

    /** Knows example.com and a long text; refuses the rest. */
    private void serve() {
        byte[] bytes = new byte[4096];
        DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
        try {
            while (true) {
                packet.setLength(bytes.length);
                upstream.receive(packet);
                Message query = new Message(java.util.Arrays.copyOf(bytes, packet.getLength()));
                Record question = query.getQuestion();
                asked.add(question.getName().toString());
                Message answer = new Message(query.getHeader().getID());
                answer.getHeader().setFlag(Flags.QR);
                answer.addRecord(question, Section.QUESTION);
                String name = question.getName().toString(true).toLowerCase(java.util.Locale.ROOT);
                if (name.equals("example.com")) {
                    answer.addRecord(
                            new ARecord(
                                    question.getName(),
                                    DClass.IN,
                                    5,
                                    InetAddress.getByName("192.0.2.1")),
                            Section.ANSWER);
                } else if (name.equals("long.example.com")) {
                    for (int i = 0; i < 4; i++) {
                        answer.addRecord(
                                new TXTRecord(
                                        question.getName(), DClass.IN, 5, i + "x".repeat(200)),
                                Section.ANSWER);
                    }
                } else if (name.equals("silent.example.com")) {
                    continue;
                } else {
                    answer.getHeader().setRcode(Rcode.NXDOMAIN);
                }
                byte[] wire = answer.toWire(1232);
                upstream.send(new DatagramPacket(wire, wire.length, packet.getSocketAddress()));
            }
        } catch (IOException e) {
            return; // the test is over
        }
    }

    private Message query(String name, int type) throws IOException {
        return Message.newQuery(Record.newRecord(Name.fromString(name + "."), type, DClass.IN));
    }

    private Message ask(Message query, int resolver) throws IOException {
        return new Message(ask(query.toWire(), resolver));
    }

    /** The payload of the answer; empty where there is none. */
    private byte[] ask(byte[] query, int resolver) {
        port++;
        Packet.Path path =
                new Packet.Path(GuestTcp.MAC, GuestTcp.ROUTER, resolver, GuestTcp.ADDRESS);
        Packet.Path there =
                new Packet.Path(path.from(), path.to(), path.destination(), path.source());
        new Datagram(there, LinkLocal.DNS, port, query).answer(query, lab::send);
        byte[] frame = new byte[Packet.MAX_FRAME];
        int bytes = lab.receive(frame, 15_000);
        if (bytes == 0) {
            return new byte[0];
        }
        Drops drops = new Drops();
        Datagram answer =
                Objects.requireNonNull(Datagram.read(GuestTcp.packet(frame, bytes), drops));
        assertThat(answer.destinationPort()).isEqualTo(port);
        assertThat(answer.sourcePort()).isEqualTo(LinkLocal.DNS);
        assertThat(answer.path().destination()).isEqualTo(resolver);
        return answer.payload();
    }

    private Message ask(String name, int type) throws IOException {
        return ask(query(name, type), VPC_RESOLVER);
    }

    @Test
    void theVpcsNamesAreKnown() throws IOException {
        Message query = query("IP-172-31-0-5.ec2.INTERNAL", Type.A);
        for (int resolver : new int[] {VPC_RESOLVER, LinkLocal.RESOLVER}) {
            Message answer = ask(query, resolver);
            assertThat(answer.getHeader().getID()).isEqualTo(query.getHeader().getID());
            assertThat(answer.getQuestion().getName().toString())
                    .isEqualTo("IP-172-31-0-5.ec2.INTERNAL.");
            Record record = answer.getSection(Section.ANSWER).getFirst();
            assertThat(record.rdataToString()).isEqualTo("172.31.0.5");
        }
        Message reverse = ask("5.0.31.172.in-addr.arpa", Type.PTR);
        assertThat(reverse.getSection(Section.ANSWER).getFirst().rdataToString())
                .isEqualTo("ip-172-31-0-5.ec2.internal.");
        Message none = ask("ip-172-31-0-5.ec2.internal", Type.AAAA);
        assertThat(none.getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(none.getSection(Section.ANSWER)).isEmpty();
        for (String unknown :
                List.of(
                        "ip-172-31-0-6.ec2.internal",
                        "6.0.31.172.in-addr.arpa",
                        "1.0.168.192.in-addr.arpa",
                        "1.0.0.127.in-addr.arpa",
                        "localhost",
                        "printer.local",
                        "intranet")) {
            assertThat(ask(unknown, Type.PTR).getRcode())
                    .describedAs(unknown)
                    .isEqualTo(Rcode.NXDOMAIN);
        }
    }

    @Test
    void othersAreAskedForOtherNames() throws IOException {
        Message query = query("ExAmPlE.com", Type.A);
        Message answer = ask(query, VPC_RESOLVER);
        assertThat(answer.getHeader().getID()).isEqualTo(query.getHeader().getID());
        assertThat(answer.getQuestion().getName().toString()).isEqualTo("ExAmPlE.com.");
        assertThat(answer.getHeader().getFlag(Flags.RA)).isTrue();
        assertThat(answer.getSection(Section.ANSWER).getFirst().rdataToString())
                .isEqualTo("192.0.2.1");
        assertThat(ask("nothing.example.com", Type.A).getRcode()).isEqualTo(Rcode.NXDOMAIN);
        assertThat(ask("silent.example.com", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void whatDoesNotFitIsCutUnlessThereIsRoom() throws IOException {
        Message cut = ask("long.example.com", Type.TXT);
        assertThat(cut.getHeader().getFlag(Flags.TC)).isTrue();
        assertThat(cut.getOPT()).isNull();
        Message query = query("long.example.com", Type.TXT);
        query.addRecord(new OPTRecord(1232, 0, 0, ExtendedFlags.DO), Section.ADDITIONAL);
        Message whole = ask(query, VPC_RESOLVER);
        assertThat(whole.getHeader().getFlag(Flags.TC)).isFalse();
        assertThat(whole.getSection(Section.ANSWER)).hasSize(4);
        assertThat(whole.getOPT().getFlags() & ExtendedFlags.DO).isNotZero();
        byte[] wire = query("long.example.com", Type.TXT).toWire();
        byte[] twice =
                ByteBuffer.allocate(2 * (2 + wire.length))
                        .putShort((short) wire.length)
                        .put(wire)
                        .putShort((short) wire.length)
                        .put(wire)
                        .array();
        GuestTcp tcp =
                lab.converse(
                        GuestTcp.MAC, GuestTcp.ADDRESS, LinkLocal.RESOLVER, 53, twice, 2 * 800);
        ByteBuffer stream = ByteBuffer.wrap(tcp.input());
        for (int i = 0; i < 2; i++) {
            byte[] one = new byte[stream.getShort() & 0xffff];
            stream.get(one);
            assertThat(new Message(one).getSection(Section.ANSWER)).hasSize(4);
        }
    }

    @Test
    void whatIsNoQuestionIsRefused() throws IOException {
        Message update = query("example.com", Type.A);
        update.getHeader().setOpcode(Opcode.UPDATE);
        assertThat(ask(update, VPC_RESOLVER).getRcode()).isEqualTo(Rcode.NOTIMP);
        assertThat(ask("example.com", Type.AXFR).getRcode()).isEqualTo(Rcode.REFUSED);
        Message snooping = query("example.com", Type.A);
        snooping.getHeader().unsetFlag(Flags.RD);
        assertThat(ask(snooping, VPC_RESOLVER).getRcode()).isEqualTo(Rcode.REFUSED);
        Message chaos =
                Message.newQuery(
                        Record.newRecord(Name.fromString("version.bind."), Type.TXT, DClass.CHAOS));
        assertThat(ask(chaos, VPC_RESOLVER).getRcode()).isEqualTo(Rcode.REFUSED);
        Message future = query("example.com", Type.A);
        future.addRecord(new OPTRecord(1232, 0, 1), Section.ADDITIONAL);
        assertThat(ask(future, VPC_RESOLVER).getRcode()).isEqualTo(Rcode.BADVERS);
        byte[] broken = query("example.com", Type.A).toWire();
        broken[12] = (byte) 0xff; // a pointer to nowhere
        assertThat(new Message(ask(broken, VPC_RESOLVER)).getRcode()).isEqualTo(Rcode.FORMERR);
    }

    /** Who has which address near the host is no more told of IPv6 than of IPv4. */
    @Test
    void whatLiesNearTheHostIsAskedForByNobodyWithIpv6Either() throws IOException {
        asked.clear();
        String rest = "0.".repeat(27);
        for (String near :
                List.of(
                        "1." + rest + "0.0.d.f.ip6.arpa", // fd00::1, unique local
                        "1." + rest + "0.0.c.F.IP6.arpa", // fc00::1
                        "d.f.ip6.arpa",
                        "1." + rest + "0.8.e.f.ip6.arpa", // fe80::1, on the link
                        "1." + rest + "f.b.e.f.ip6.arpa", // febf::1
                        "0." + rest + "0.0.0.0.ip6.arpa", // ::
                        "1." + rest + "0.0.0.0.ip6.arpa")) { // ::1
            Message answer = ask(near, Type.PTR);
            assertThat(answer.getRcode()).as(near).isEqualTo(Rcode.NXDOMAIN);
            assertThat(answer.getSection(Section.AUTHORITY)).as(near).hasSize(1);
        }
        assertThat(asked).as("what the host's resolver was asked").isEmpty();
        String far = "1." + rest + "0.0.0.2.ip6.arpa"; // 2000::1
        ask(far, Type.PTR);
        ask("2." + rest + "0.0.0.0.ip6.arpa", Type.PTR); // ::2
        assertThat(asked).containsExactly(far + ".", "2." + rest + "0.0.0.0.ip6.arpa.");
    }
}
