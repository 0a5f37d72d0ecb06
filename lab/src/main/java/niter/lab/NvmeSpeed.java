package niter.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * I/Os a CPU second of the card's process, driven by the load generator, beside io_uring on the
 * same file; and how long each takes.
 */
final class NvmeSpeed {
    private static final int CPU = 1;
    private static final String GOAL = " (goal: at least 0.8)";
    private static final int GOAL_DEPTH = 32;

    /** One side's figures of one job. */
    private static final class Figures {
        private final Sample perCpuSecond = new Sample();
        private final Sample perSecond = new Sample();
        private final Histogram latency = new Histogram(60_000_000_000L, 3);
        private long commands;
        private long messages;
        private long interrupts;

        void add(Carrier.Counted counted) {
            perCpuSecond.add(counted.commands() / counted.cpuSeconds());
            perSecond.add(counted.commands() / counted.seconds());
            latency.add(counted.latency());
            commands += counted.commands();
            messages += counted.messages();
            interrupts += counted.interrupts();
        }

        String text(String name) {
            String text =
                    String.format(
                            Locale.ROOT,
                            "  %-8s %-44s %8.0f I/Os/s, p50 %.1f p99 %.1f p99.9 %.1f µs",
                            name,
                            perCpuSecond.text("I/Os/CPU s"),
                            perSecond.median(),
                            latency.getValueAtPercentile(50) / 1e3,
                            latency.getValueAtPercentile(99) / 1e3,
                            latency.getValueAtPercentile(99.9) / 1e3);
            return messages == 0
                    ? text
                    : text
                            + String.format(
                                    Locale.ROOT,
                                    "; an I/O has %.3f messages, %.3f interrupts",
                                    (double) messages / commands,
                                    (double) interrupts / commands);
        }
    }

    private NvmeSpeed() {}

    /** Runs all jobs; false where something was found. */
    static boolean measure(Path work, Path dist, NvmeOptions options) throws IOException {
        List<Job> jobs = options.jobs();
        Path collections = work.resolve("gc.log");
        List<String> logged = List.of("-Xlog:gc:file=" + collections);
        try (EbsHost host = new EbsHost(work, dist, options.sizeBytes(), false, logged, CPU)) {
            host.fill();
            CardCarrier card = new CardCarrier(host, options);
            List<Figures> ours = figures(jobs);
            List<Figures> theirs = figures(jobs);
            RingCarrier ring = new RingCarrier(host.file());
            for (int round = 0; round <= options.rounds(); round++) {
                System.err.println(
                        round == 0 ? "warming up" : "round " + round + " of " + options.rounds());
                for (boolean direct : new boolean[] {false, true}) {
                    host.warm();
                    run(card, direct, options, ours, round > 0);
                    run(ring, direct, options, theirs, round > 0);
                }
            }
            print(jobs, ours, theirs);
            if (options.observeSeconds() > 0) {
                new CardCosts(host, card, collections).print(options.observeSeconds());
            }
            System.out.println(card.findings().text());
            return card.findings().isEmpty();
        }
    }

    private static List<Figures> figures(List<Job> jobs) {
        List<Figures> all = new ArrayList<>();
        jobs.forEach(job -> all.add(new Figures()));
        return all;
    }

    private static void run(
            Carrier side, boolean direct, NvmeOptions options, List<Figures> to, boolean counts)
            throws IOException {
        List<Job> jobs = options.jobs();
        for (int i = 0; i < jobs.size(); i++) {
            boolean compared = side instanceof CardCarrier || isCompared(jobs.get(i));
            if (jobs.get(i).direct() != direct || !compared) {
                continue;
            }
            Carrier.Counted counted = side.run(jobs.get(i), options.seconds());
            if (counts) { // the first round is the compilers'
                to.get(i).add(counted);
            }
        }
    }

    /** Whether io_uring does the same: it checks nothing, and is not slowed down. */
    private static boolean isCompared(Job job) {
        return !job.verify() && job.perSecond() == 0;
    }

    private static void print(List<Job> jobs, List<Figures> ours, List<Figures> theirs) {
        for (int i = 0; i < jobs.size(); i++) {
            Job job = jobs.get(i);
            System.out.println(job.name());
            System.out.println(ours.get(i).text("niter"));
            if (isCompared(job)) {
                System.out.println(theirs.get(i).text("io_uring"));
                System.out.printf(
                        "  ratio%s %s%n",
                        job.depth() == GOAL_DEPTH ? GOAL : "",
                        ours.get(i).perCpuSecond.ratioTo(theirs.get(i).perCpuSecond));
            }
        }
    }
}
