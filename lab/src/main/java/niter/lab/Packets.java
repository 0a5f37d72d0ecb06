package niter.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Packets a second from one ENA function of the VPC card to another, on one core. */
final class Packets {
    private static final int CARD_CPU = 1;
    private static final double WARM_SECONDS = 1;
    private static final double SECONDS = 3;

    private Packets() {}

    static void measure(Path work) throws IOException, InterruptedException {
        List<Shape> shapes =
                List.of(
                        new Shape(64, 1),
                        new Shape(512, 1),
                        new Shape(1500, 1),
                        new Shape(64, 1000),
                        new Shape(Shape.TSO, 1));
        try (CardHost card =
                new CardHost(List.of("-Xlog:gc*:file=" + work.resolve("gc.log")), CARD_CPU)) {
            for (int round = 0; round < 3; round++) {
                for (Shape shape : shapes) {
                    measure(card, shape);
                }
            }
            System.out.println(card.drops());
        }
    }

    private static void measure(CardHost card, Shape shape) throws IOException {
        Template.End[] ends = CardHost.ENDS;
        try (EnaPort first = new EnaPort(card.socket(0), new Template(shape, ends[0], ends[1]));
                EnaPort second =
                        new EnaPort(card.socket(1), new Template(shape, ends[1], ends[0]))) {
            Traffic traffic = new Traffic(first, second, shape);
            traffic.run(WARM_SECONDS, 2L * shape.flows());
            double cpu = Footprint.cpuSeconds(card.pid());
            Traffic.Counted counted = traffic.run(SECONDS, 0);
            cpu = Footprint.cpuSeconds(card.pid()) - cpu;
            traffic.drain();
            System.out.printf(
                    "%s: %.0f packets/s, %.3f GB/s, %.0f packets a CPU second%n",
                    shape.name(),
                    counted.frames() / counted.seconds(),
                    counted.bytes() / counted.seconds() / 1e9,
                    counted.frames() / cpu);
        }
    }
}
