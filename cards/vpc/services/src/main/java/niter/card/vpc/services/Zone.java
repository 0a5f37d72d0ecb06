package niter.card.vpc.services;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import niter.controller.control.Ipv4;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * The names that are answered here: those of the VPC, and those that must not leave the host,
 * because they would tell guests about its network (as the rules that Amazon's resolver has by
 * itself).
 */
final class Zone {
    /**
     * An answer of ours.
     *
     * @param code one of {@link Rcode}
     * @param records no more than one
     * @param authority who says so, where there is nothing
     */
    record Answer(int code, List<Record> records, @Nullable Record authority) {}

    private static final long TTL = 60;
    private static final String REVERSE = ".in-addr.arpa";
    private static final int METADATA = Ipv4.address("169.254.169.254");
    private static final List<Ipv4.Range> PRIVATE =
            List.of(
                    Ipv4.Range.of("10.0.0.0/8"),
                    Ipv4.Range.of("172.16.0.0/12"),
                    Ipv4.Range.of("192.168.0.0/16"),
                    Ipv4.Range.of("100.64.0.0/10"),
                    Ipv4.Range.of("169.254.0.0/16"),
                    Ipv4.Range.of("127.0.0.0/8"),
                    Ipv4.Range.of("0.0.0.0/8"));

    /**
     * RFC 6303, sections 4.3 to 4.5: ::, ::1, fd00::/8 and fe80::/10; and fc00::/8 beside them,
     * which is as private (RFC 4193).
     */
    private static final List<String> PRIVATE_IPV6 =
            List.of(
                    "0.".repeat(32) + "ip6.arpa",
                    "1." + "0.".repeat(31) + "ip6.arpa",
                    "c.f.ip6.arpa",
                    "d.f.ip6.arpa",
                    "8.e.f.ip6.arpa",
                    "9.e.f.ip6.arpa",
                    "a.e.f.ip6.arpa",
                    "b.e.f.ip6.arpa");

    /** RFC 6761 and 6762: a stub on the host would answer them with what is near it. */
    private static final Set<String> HERE = Set.of("localhost", "local");

    /** Single labels that exist in the DNS are asked for with these only. */
    private static final Set<Integer> OF_A_TOP = Set.of(Type.NS, Type.SOA, Type.DS, Type.DNSKEY);

    private Zone() {}

    /** The answer to a question of a guest; null where others have to be asked. */
    static @Nullable Answer answer(Guests guests, Guest asks, Record question) {
        Name name = question.getName();
        String text = name.toString(true).toLowerCase(Locale.ROOT);
        String domain = asks.domain();
        if (text.equals(domain)) {
            return new Answer(Rcode.NOERROR, List.of(), authority(domain));
        }
        if (text.endsWith("." + domain)) {
            String host = text.substring(0, text.length() - domain.length() - 1);
            return forward(guests, asks, question, host);
        }
        if (text.endsWith(REVERSE)) {
            return reverse(guests, asks, question, text);
        }
        for (String zone : PRIVATE_IPV6) { // the VPC's too: its names have no IPv6 addresses
            if (text.equals(zone) || text.endsWith("." + zone)) {
                return new Answer(Rcode.NXDOMAIN, List.of(), authority(zone));
            }
        }
        String last = text.substring(text.lastIndexOf('.') + 1);
        boolean single = name.labels() == 2 && !OF_A_TOP.contains(question.getType());
        return single || HERE.contains(last)
                ? new Answer(Rcode.NXDOMAIN, List.of(), authority(last))
                : null;
    }

    private static Answer forward(Guests guests, Guest asks, Record question, String host) {
        @Nullable Guest known = guests.named(asks, host);
        boolean metadata = host.equals("instance-data");
        if (known == null && !metadata) {
            return new Answer(Rcode.NXDOMAIN, List.of(), authority(asks.domain()));
        }
        if (question.getType() != Type.A && question.getType() != Type.ANY) {
            return new Answer(Rcode.NOERROR, List.of(), authority(asks.domain()));
        }
        int address = known == null ? METADATA : known.address();
        byte[] bytes = new byte[Integer.BYTES];
        Packet.u32(bytes, 0, address);
        try {
            InetAddress inet = InetAddress.getByAddress(bytes);
            Record record = new ARecord(question.getName(), DClass.IN, TTL, inet);
            return new Answer(Rcode.NOERROR, List.of(record), null);
        } catch (UnknownHostException e) {
            throw new AssertionError("four bytes are an address", e);
        }
    }

    private static @Nullable Answer reverse(
            Guests guests, Guest asks, Record question, String text) {
        String[] labels = text.substring(0, text.length() - REVERSE.length()).split("\\.", -1);
        String[] four = {"0", "0", "0", "0"};
        for (int i = 0; i < labels.length && i < four.length; i++) {
            four[i] = labels[labels.length - 1 - i];
        }
        int address;
        try {
            address = Ipv4.address(String.join(".", four));
        } catch (IllegalArgumentException e) {
            return new Answer(Rcode.NXDOMAIN, List.of(), authority(text));
        }
        if (!asks.vpc().contains(address)
                && PRIVATE.stream().noneMatch(range -> range.contains(address))) {
            return null;
        }
        @Nullable Guest known = labels.length == four.length ? guests.at(asks, address) : null;
        if (known == null) {
            return new Answer(Rcode.NXDOMAIN, List.of(), authority(text));
        }
        if (question.getType() != Type.PTR && question.getType() != Type.ANY) {
            return new Answer(Rcode.NOERROR, List.of(), authority(text));
        }
        Name target = name(known.name() + "." + known.domain());
        Record record = new PTRRecord(question.getName(), DClass.IN, TTL, target);
        return new Answer(Rcode.NOERROR, List.of(record), null);
    }

    /** So that whoever was told "no" knows for how long: RFC 2308. */
    private static @Nullable Record authority(String zone) {
        try {
            Name name = Name.fromString(zone + ".");
            return new SOARecord(
                    name,
                    DClass.IN,
                    TTL,
                    name,
                    name("hostmaster.amazonaws.com"),
                    1,
                    3600,
                    900,
                    604_800,
                    TTL);
        } catch (TextParseException e) { // of a guest's making
            return null;
        }
    }

    private static Name name(String text) {
        try {
            return Name.fromString(text + ".");
        } catch (TextParseException e) {
            throw new IllegalStateException("it was checked: " + text, e);
        }
    }
}
