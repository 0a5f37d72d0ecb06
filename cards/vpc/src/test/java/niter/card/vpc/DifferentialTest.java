package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random groups, rules, flows and packets: each verdict equals that of a model of EC2's security
 * groups that knows nothing of tables, keys or segments. 50,000 packets of each seed; {@code
 * -Dniter.seeds} says how many seeds.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DifferentialTest {
    /** Of each seed. */
    private static final int PACKETS = 50_000;

    private static LongStream seeds() {
        return LongStream.rangeClosed(1, Integer.getInteger("niter.seeds", 20));
    }

    private static final int INTERFACES = 6;
    private static final int RECENT = 64;
    private static final int ERROR = 3; // unreachable, or time exceeded: an error of both ICMPs
    private static final long NETWORK = 0xfd00_0000_0000_0001L;
    private static final Ipv4.Range RANGE = Ipv4.Range.of("10.0.0.0/16");

    /** What EC2 says: a connection that was allowed stays so; else both sides' rules. */
    private static final class Model {
        final Map<String, SecurityGroup> groups = new HashMap<>();
        final List<Interface> interfaces = new ArrayList<>();

        /** Which of its sides EC2 does not track: 1 the one that began, 2 the other. */
        final Map<List<Integer>, Integer> connections = new HashMap<>();

        /**
         * Whether a packet passes.
         *
         * @param icmp type of a message
         * @param begins whether it is the first of a TCP connection
         */
        boolean allows(
                int from,
                int to,
                int protocol,
                int source,
                int destination,
                int icmp,
                boolean begins,
                boolean six) {
            boolean ping = protocol == 1 || protocol == 58;
            boolean request = ping && icmp == (six ? 128 : 8);
            boolean reply = ping && icmp == (six ? 129 : 0);
            int a = request ? source : reply ? -1 : ping ? -2 - icmp : source;
            int b = request ? -1 : reply ? source : ping ? -2 : destination;
            int family = six ? 6 : 4;
            List<Integer> there = List.of(from, to, protocol, a, b, family);
            List<Integer> back = List.of(to, from, protocol, b, a, family);
            boolean goesOn = connections.containsKey(there);
            boolean answers = connections.containsKey(back) && !request;
            if (!begins && (goesOn || answers)) {
                return true;
            }
            int port = ping ? icmp << 8 : destination;
            boolean allowed =
                    side(from, to, protocol, port, true, six)
                            && side(to, from, protocol, port, false, six);
            if (allowed) {
                int untracked = untracked(from, to, protocol, port, true, six) ? 1 : 0;
                untracked |= untracked(to, from, protocol, port, false, six) ? 2 : 0;
                connections.remove(back);
                connections.put(there, untracked);
            }
            return allowed;
        }

        /** The rules have changed. */
        void review() {
            connections
                    .entrySet()
                    .removeIf(
                            entry -> {
                                List<Integer> key = entry.getKey();
                                int from = key.get(0);
                                int to = key.get(1);
                                int protocol = key.get(2);
                                int port = key.get(4);
                                boolean six = key.get(5) == 6;
                                int before = entry.getValue();
                                boolean ended =
                                        (before & 1) != 0
                                                        && !side(
                                                                from, to, protocol, port, true, six)
                                                || (before & 2) != 0
                                                        && !side(
                                                                to, from, protocol, port, false,
                                                                six);
                                int now = untracked(from, to, protocol, port, true, six) ? 1 : 0;
                                now |= untracked(to, from, protocol, port, false, six) ? 2 : 0;
                                entry.setValue(before & now);
                                return ended;
                            });
        }

        private boolean untracked(
                int own, int other, int protocol, int port, boolean out, boolean six) {
            if (protocol != 6 && protocol != 17) {
                return false;
            }
            boolean there = false;
            boolean back = false;
            for (String id : interfaces.get(own).groups()) {
                SecurityGroup group = Objects.requireNonNull(groups.get(id));
                for (Rule rule : out ? group.out() : group.in()) {
                    there |= isOpen(rule, six) && fits(rule, protocol, port);
                }
                for (Rule rule : out ? group.in() : group.out()) {
                    back |=
                            isOpen(rule, six)
                                    && (rule.protocol() == -1
                                            || rule.protocol() == protocol
                                                    && rule.from() == 0
                                                    && rule.to() == 65_535);
                }
            }
            return there && back;
        }

        /** Whether an error passes: its receiver sent what it is about, to its sender. */
        boolean allowsError(int from, int to, Quote quote, boolean six) {
            List<Integer> there = quote.flow(false);
            boolean known =
                    connections.containsKey(there) || connections.containsKey(quote.flow(true));
            return known && quote.from == to && quote.to == from && quote.six == six
                    || allows(from, to, six ? 58 : 1, 0, 0, ERROR, false, six);
        }

        private static boolean isOpen(Rule rule, boolean six) {
            return rule.peer().toString().contains(six ? "range=::/0" : "range=0.0.0.0/0");
        }

        private boolean side(int own, int other, int protocol, int port, boolean out, boolean six) {
            Interface far = interfaces.get(other);
            for (String id : interfaces.get(own).groups()) {
                SecurityGroup group = Objects.requireNonNull(groups.get(id));
                for (Rule rule : out ? group.out() : group.in()) {
                    boolean who =
                            switch (rule.peer()) {
                                case Rule.Addresses(Ipv4.Range range) ->
                                        !six
                                                && (range.bits() == 0
                                                        || far.address() >>> 32 - range.bits()
                                                                == range.base()
                                                                        >>> 32 - range.bits());
                                case Rule.Addresses6(Ipv6.Range range) ->
                                        six
                                                && (range.bits() == 0
                                                        || far.ipv6().low() >>> 128 - range.bits()
                                                                == range.base().low()
                                                                        >>> 128 - range.bits());
                                case Rule.Members(String named) -> far.groups().contains(named);
                            };
                    if (who && fits(rule, protocol, port)) {
                        return true;
                    }
                }
            }
            return false;
        }
    }

    /** A packet that an error is about. */
    private record Quote(int from, int to, int protocol, int source, int target, boolean six) {
        List<Integer> flow(boolean back) {
            return back
                    ? List.of(to, from, protocol, target, source, six ? 6 : 4)
                    : List.of(from, to, protocol, source, target, six ? 6 : 4);
        }

        byte[] error(List<Interface> interfaces) {
            Interface sender = interfaces.get(from);
            Interface receiver = interfaces.get(to);
            byte[] payload = Packet.udp(source, target, 4);
            byte[] about =
                    six
                            ? Packet.ipv6(
                                    sender.mac(),
                                    sender.ipv6(),
                                    receiver.ipv6(),
                                    protocol,
                                    64,
                                    payload)
                            : Packet.ipv4(
                                    sender.mac(),
                                    sender.address(),
                                    receiver.address(),
                                    protocol,
                                    payload);
            byte[] error = Arrays.copyOf(Packet.icmp(ERROR, 0, 0), 8 + about.length - 14);
            System.arraycopy(about, 14, error, 8, about.length - 14);
            return error;
        }
    }

    /** Of ICMP only code 0 is sent. */
    private static boolean fits(Rule rule, int protocol, int port) {
        if (rule.protocol() == -1) {
            return true;
        }
        if (rule.protocol() != protocol) {
            return false;
        }
        return switch (protocol) {
            case 1, 58 -> rule.from() == -1 || rule.from() == port >> 8 && rule.to() <= 0;
            case 6, 17 -> rule.from() <= port && port <= rule.to();
            default -> true;
        };
    }

    // Of all seeds: the rules of one may let nothing through, or no flow that has errors.
    private long packets;
    private long passed;
    private long errorsPassed;

    @AfterAll
    void somePassAndSomeDoNot() {
        System.out.printf(
                "%,d packets, %,d passed, %,d errors about flows among them%n",
                packets, passed, errorsPassed);
        assertThat(passed).isBetween(1L, packets - 1);
        assertThat(errorsPassed).isPositive();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void theVerdictIsTheModels(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Model model = new Model();
        int flows = 1 << 17; // never too few for an interface
        Vpc vpc =
                new Vpc(
                        FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(flows), 64)),
                        flows,
                        () -> 0,
                        new Surroundings());
        boolean[] got = new boolean[INTERFACES];
        List<Attachment> attachments = new ArrayList<>();
        rules(model, random);
        for (int i = 0; i < INTERFACES; i++) {
            int index = i;
            attachments.add(
                    attach(
                            vpc,
                            model.interfaces.get(i),
                            frame -> {
                                got[index] = true;
                                return true;
                            }));
        }
        vpc.apply(Plan.of(RANGE, model.groups, model.interfaces));
        List<Quote> quotes = new ArrayList<>(); // of the latest packets
        for (int n = 0; n < PACKETS; n++) {
            if (random.nextInt(5000) == 0) {
                rules(model, random);
                model.review();
                vpc.apply(Plan.of(RANGE, model.groups, model.interfaces));
            }
            int from = random.nextInt(INTERFACES);
            int to = (from + 1 + random.nextInt(INTERFACES - 1)) % INTERFACES;
            boolean six = random.nextInt(3) == 0;
            int protocol = new int[] {six ? 58 : 1, 6, 17, 47}[random.nextInt(4)];
            int source = protocol == 47 ? 0 : random.nextInt(40);
            int destination = protocol == 47 ? 0 : random.nextInt(40);
            int icmp =
                    (six ? new int[] {128, 129, 3, 13} : new int[] {0, 8, 3, 13})
                            [random.nextInt(4)];
            boolean begins = protocol == 6 && random.nextInt(4) == 0;
            boolean ping = protocol == 1 || protocol == 58;
            @Nullable Quote quote = null;
            if (ping && icmp == ERROR && quotes.size() == RECENT && random.nextBoolean()) {
                quote = quotes.get(random.nextInt(RECENT));
                if (random.nextInt(3) != 0) { // to its sender, mostly from its receiver
                    to = quote.from;
                    from = random.nextInt(4) == 0 ? (to + 1) % INTERFACES : quote.to;
                }
                // Its addresses, or those of the other family under the same numbers.
                six = random.nextInt(8) == 0 ? six : quote.six;
                protocol = six ? 58 : 1;
            } else if (protocol == 6 || protocol == 17) {
                quotes.add(new Quote(from, to, protocol, source, destination, six));
                if (quotes.size() > RECENT) {
                    quotes.removeFirst();
                }
            }
            byte[] payload =
                    switch (protocol) {
                        case 1, 58 ->
                                quote == null
                                        ? Packet.icmp(icmp, 0, source)
                                        : quote.error(model.interfaces);
                        case 6 -> Packet.tcp(source, destination, begins ? 2 : 16);
                        default -> Packet.udp(source, destination, 4);
                    };
            Interface sender = model.interfaces.get(from);
            Interface target = model.interfaces.get(to);
            got[to] = false;
            attachments
                    .get(from)
                    .sent(
                            Packet.frame(
                                    six
                                            ? Packet.ipv6(
                                                    sender.mac(),
                                                    sender.ipv6(),
                                                    target.ipv6(),
                                                    protocol,
                                                    64,
                                                    payload)
                                            : Packet.ipv4(
                                                    sender.mac(),
                                                    sender.address(),
                                                    target.address(),
                                                    protocol,
                                                    payload)));
            boolean expected =
                    quote != null
                            ? model.allowsError(from, to, quote, six)
                            : model.allows(
                                    from, to, protocol, source, destination, icmp, begins, six);
            errorsPassed += quote != null && expected ? 1 : 0;
            assertThat(got[to])
                    .as("packet %d, %d to %d, protocol %d", n, from, to, protocol)
                    .isEqualTo(expected);
            passed += expected ? 1 : 0;
        }
        packets += PACKETS;
    }

    private static Attachment attach(Vpc vpc, Interface config, Port port) {
        Attachment attachment = new Attachment(vpc, config, port);
        vpc.attach(attachment);
        return attachment;
    }

    private static void rules(Model model, SplittableRandom random) {
        model.groups.clear();
        for (int g = 0; g < 4; g++) {
            String id = "sg-" + g;
            model.groups.put(id, new SecurityGroup(id, some(random, 3), some(random, 6)));
        }
        model.interfaces.clear();
        for (int i = 0; i < INTERFACES; i++) {
            Set<String> groups = new HashSet<>();
            for (int g = 0; g < 4; g++) {
                if (random.nextInt(3) == 0) {
                    groups.add("sg-" + g);
                }
            }
            model.interfaces.add(
                    new Interface(
                            "eni-" + i,
                            0x0e01_0000_0000L + i,
                            RANGE.base() + 16 + 3 * i,
                            RANGE,
                            groups,
                            "h",
                            true,
                            0,
                            new Ipv6(NETWORK, 16 + 3 * i)));
        }
    }

    private static List<Rule> some(SplittableRandom random, int most) {
        List<Rule> rules = new ArrayList<>();
        for (int n = random.nextInt(most); n > 0; n--) {
            int protocol = new int[] {-1, 1, 6, 17, 47, 58}[random.nextInt(6)];
            boolean ping = protocol == 1 || protocol == 58;
            int type = random.nextInt(-1, 14);
            int from =
                    ping ? protocol == 58 && type > 3 ? 124 + type % 6 : type : random.nextInt(30);
            int to = ping ? random.nextInt(-1, 2) : from + random.nextInt(12);
            int peer = random.nextInt(6);
            if (!ping && random.nextInt(4) == 0) {
                from = 0;
                to = 65_535;
            }
            int bits = 26 + random.nextInt(6);
            int base = RANGE.base() + 16 + random.nextInt(20) & -1 << 32 - bits;
            rules.add(
                    new Rule(
                            protocol,
                            from,
                            to,
                            switch (peer) {
                                case 0, 1 -> new Rule.Members("sg-" + random.nextInt(4));
                                case 2 -> new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0"));
                                case 3 -> new Rule.Addresses6(Ipv6.Range.of("::/0"));
                                case 4 -> new Rule.Addresses(new Ipv4.Range(base, bits));
                                default ->
                                        new Rule.Addresses6(
                                                Ipv6.Range.around(
                                                        new Ipv6(NETWORK, 16 + base % 20),
                                                        96 + bits));
                            }));
        }
        return rules;
    }
}
