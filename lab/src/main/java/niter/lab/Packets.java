package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Packets a second of one core, from one ENA function of the VPC card to another and back, beside
 * Open vSwitch. Both have one CPU, and the same generator on another: a figure is what arrived
 * divided by the CPU time that it took, so that neither is blamed for the generator.
 */
final class Packets {
    private static final int CPU = 1;
    private static final int ROUNDS = 5;
    private static final double WARM_SECONDS = 1;
    private static final double SECONDS = 2;
    private static final int[] SIZES = {64, 512, 1500, Shape.TSO};
    private static final int[] FLOWS = {1, 1000, 1_000_000};

    /** Places in the card's table: an interface has an eighth of them at most. */
    private static final int PLACES = 1 << 23;

    private static final Shape FULL_LOAD = new Shape(64, 1000);
    private static final double FULL_LOAD_SECONDS = 60;

    private Packets() {}

    static void measure(Path work, Path dist) throws IOException, InterruptedException {
        List<Shape> shapes = new ArrayList<>();
        for (int size : SIZES) {
            for (int flows : FLOWS) {
                Shape shape = new Shape(size, flows);
                if (!shape.segmented() || flows <= 1000) { // beginning them would take minutes
                    shapes.add(shape);
                }
            }
        }
        Path collections = work.resolve("gc.log");
        List<String> options =
                List.of("-Xlog:gc:file=" + collections, "-Dniter.vpc.flows=" + PLACES);
        try (CardHost card = new CardHost(work, dist, options, CPU)) {
            if (!Files.exists(OpenVSwitch.SWITCH)) {
                System.out.println("ovs: not measured: no openvswitch-switch-dpdk");
                print(shapes, rounds(shapes, List.of(card)));
            } else {
                try (OpenVSwitch peer = new OpenVSwitch(work, CPU)) {
                    peer.pause();
                    print(shapes, rounds(shapes, List.of(card, peer)));
                }
            }
            memory(card);
            collections(card, collections);
            System.out.println("dropped by the card: " + card.drops());
        }
    }

    private static void memory(CardHost card) throws IOException {
        long bytes = card.flowTableBytes();
        System.out.printf(
                "a flow, both directions (goal: at most 256 bytes)  %.0f bytes: the table's %,d by"
                        + " its %,d places%n",
                (double) bytes / PLACES, bytes, PLACES);
    }

    private static void collections(CardHost card, Path log) throws IOException {
        long before = pauses(log);
        try (Link link = new Link(card, FULL_LOAD)) {
            link.traffic.run(FULL_LOAD_SECONDS, 0);
            link.traffic.drain();
        }
        System.out.printf(
                "the card's garbage collections in %.0f s of %s (goal: 0)  %d%n",
                FULL_LOAD_SECONDS, FULL_LOAD.name(), pauses(log) - before);
    }

    private static long pauses(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log)) {
            return lines.filter(line -> line.contains("Pause")).count();
        }
    }

    /** Samples of each side, by side and shape. */
    private static Map<String, Sample> rounds(List<Shape> shapes, List<Side> sides)
            throws IOException {
        Map<String, Sample> samples = new LinkedHashMap<>();
        for (int round = 0; round <= ROUNDS; round++) {
            System.err.println(round == 0 ? "warming up" : "round " + round + " of " + ROUNDS);
            for (Side side : sides) {
                side.resume();
                for (Shape shape : shapes) {
                    double value = measure(side, shape);
                    if (round > 0) { // the first one is our compiler's
                        samples.computeIfAbsent(key(side.name(), shape), key -> new Sample())
                                .add(value);
                    }
                }
                side.pause();
            }
        }
        return samples;
    }

    private static String key(String side, Shape shape) {
        return side + " " + shape.name();
    }

    /** Packets, or bytes where the device cuts them, a CPU second. */
    private static double measure(Side side, Shape shape) throws IOException {
        try (Link link = new Link(side, shape)) {
            Traffic traffic = link.traffic;
            traffic.run(WARM_SECONDS, 2L * shape.flows());
            side.count();
            Traffic.Counted counted = traffic.run(SECONDS, 0);
            double busy = side.busySeconds();
            traffic.drain();
            System.err.printf(
                    "  %s %s: %.0f frames/s, busy %.0f %%%n",
                    side.name(),
                    shape.name(),
                    counted.frames() / counted.seconds(),
                    100 * busy / counted.seconds());
            return (shape.segmented() ? counted.bytes() : counted.frames()) / busy;
        }
    }

    /** Both ends of a side. */
    private static final class Link implements AutoCloseable {
        private final Port first;
        private final Port second;
        private final Traffic traffic;

        Link(Side side, Shape shape) throws IOException {
            Template.End[] ends = CardHost.ENDS;
            first = side.open(0, new Template(shape, ends[0], ends[1]));
            second = side.open(1, new Template(shape, ends[1], ends[0]));
            traffic = new Traffic(first, second, shape);
        }

        @Override
        public void close() throws IOException {
            first.close();
            second.close();
        }
    }

    private static void print(List<Shape> shapes, Map<String, Sample> samples) {
        for (Shape shape : shapes) {
            String unit = shape.segmented() ? "B/s" : "packets/s";
            Sample ours = Objects.requireNonNull(samples.get(key("niter", shape)));
            @Nullable Sample theirs = samples.get(key("ovs", shape));
            String line = "%-26s niter %-34s".formatted(shape.name(), ours.text(unit));
            System.out.println(
                    theirs == null
                            ? line
                            : "%s ovs %-34s ratio (goal: at least 1.5) %s"
                                    .formatted(line, theirs.text(unit), ours.ratioTo(theirs)));
        }
    }
}
