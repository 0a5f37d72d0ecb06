package niter.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What {@code niter lab nvme} can be told. Without a word about the job it runs all of a table. */
final class NvmeOptions {
    private static final int MOST_BLOCK_BYTES = 256 * 1024;
    private static final int SMALL = 4096;
    private static final int LARGE = 128 * 1024;
    private static final int LARGE_DEPTH = 8;
    private static final int[] DEPTHS = {1, 32, 128};

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--queues", paramLabel = "N", description = "Queue pairs, 1 to 32 (1).")
    private @Nullable Integer queues;

    @Option(names = "--depth", paramLabel = "N", description = "In flight on each (32).")
    private @Nullable Integer depth;

    @Option(
            names = "--block",
            paramLabel = "BYTES",
            converter = Bytes.class,
            description = "Of each read and write, at most 256K (4K).")
    private @Nullable Long block;

    @Option(
            names = "--mix",
            paramLabel = "R:W:F",
            description = "Parts of reads, writes and flushes (1:0:0).")
    private @Nullable String mix;

    @Option(names = "--fua", paramLabel = "PERCENT", description = "Of the writes, durable ones.")
    private @Nullable Integer fua;

    @Option(names = "--sequential", description = "Block after block, not anywhere.")
    private boolean sequential;

    @Option(names = "--direct", description = "Past the page cache (O_DIRECT), on both sides.")
    private boolean direct;

    @Option(
            names = "--verify",
            description = "Each block carries number, generation and checksum, and is checked.")
    private boolean verify;

    @Option(names = "--rate", paramLabel = "N", description = "Commands a second; 0: all that go.")
    private @Nullable Double rate;

    @Option(
            names = "--size",
            paramLabel = "BYTES",
            defaultValue = "256M",
            converter = Bytes.class,
            description = "Of the volume (${DEFAULT-VALUE}).")
    private long size;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "5",
            description = "Of each side, in turn (${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "3",
            description = "Of a job in a round (${DEFAULT-VALUE}).")
    private double seconds;

    @Option(
            names = "--observe",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description =
                    "For collections, allocation and system calls at the end; 0: not at all"
                            + " (${DEFAULT-VALUE}).")
    private double observe;

    @Option(names = "--no-shadow", description = "Doorbells are written, not shadowed.")
    private boolean written;

    @Option(names = "--poll", description = "Looks for completions without interrupts.")
    private boolean poll;

    /** Bytes, with a unit of 1024 or none. */
    static final class Bytes implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            String upper = text.toUpperCase(Locale.ROOT);
            int unit = upper.isEmpty() ? -1 : "KMG".indexOf(upper.charAt(upper.length() - 1));
            String digits = unit < 0 ? upper : upper.substring(0, upper.length() - 1);
            if (!digits.matches("[0-9]{1,12}")) {
                throw new CommandLine.TypeConversionException(
                        "expected bytes, or with K, M or G, got " + text);
            }
            return Long.parseLong(digits) << 10 * (unit + 1);
        }
    }

    /** What is to be run; wrong values are told by the option's name. */
    List<Job> jobs() {
        expect(
                size > 0 && size % 4096 == 0 && size <= 1L << 40,
                "--size",
                "a multiple of 4096",
                size);
        expect(rounds >= 1, "--rounds", "1 or more", rounds);
        expect(seconds > 0 && seconds < 1e6, "--seconds", "more than 0", seconds);
        expect(observe >= 0 && observe < 1e6, "--observe", "0 or more", observe);
        boolean own =
                queues != null
                        || depth != null
                        || block != null
                        || mix != null
                        || fua != null
                        || rate != null
                        || sequential
                        || direct
                        || verify;
        List<Job> jobs = own ? List.of(own()) : table();
        for (Job job : jobs) {
            expect(
                    size / job.blockBytes() >= job.inFlight(),
                    "--size",
                    "a block for each of %d commands".formatted(job.inFlight()),
                    size);
        }
        return jobs;
    }

    private static List<Job> table() {
        List<Job> jobs = new ArrayList<>();
        for (boolean write : new boolean[] {false, true}) {
            for (int depth : DEPTHS) {
                jobs.add(Job.of(SMALL, depth, false, write));
            }
            jobs.add(Job.of(LARGE, LARGE_DEPTH, true, write));
        }
        List<Job> all = new ArrayList<>(jobs); // what the page cache holds goes first
        jobs.forEach(job -> all.add(job.directly()));
        return all;
    }

    private Job own() {
        int pairs = queues == null ? 1 : queues;
        int inFlight = depth == null ? 32 : depth;
        long bytes = block == null ? SMALL : block;
        int durable = fua == null ? 0 : fua;
        double perSecond = rate == null ? 0 : rate;
        int[] parts = parts(mix == null ? "1:0:0" : mix);
        expect(pairs >= 1 && pairs <= 32, "--queues", "1 to 32", pairs);
        expect(inFlight >= 1 && inFlight <= 1023, "--depth", "1 to 1023", inFlight);
        expect(
                bytes > 0 && bytes % NvmeDriver.BLOCK_BYTES == 0 && bytes <= MOST_BLOCK_BYTES,
                "--block",
                "a multiple of 512, at most 256K",
                bytes);
        expect(durable >= 0 && durable <= 100, "--fua", "0 to 100", durable);
        expect(perSecond >= 0 && perSecond <= 1e9, "--rate", "0 or more", perSecond);
        return new Job(
                pairs,
                inFlight,
                (int) bytes,
                parts[0],
                parts[1],
                parts[2],
                durable,
                sequential,
                direct,
                verify,
                perSecond);
    }

    private int[] parts(String text) {
        boolean wellFormed = text.matches("[0-9]{1,6}:[0-9]{1,6}:[0-9]{1,6}");
        int[] parts = new int[3];
        int sum = 0;
        for (int i = 0; i < 3 && wellFormed; i++) {
            parts[i] = Integer.parseInt(text.split(":", -1)[i]);
            sum += parts[i];
        }
        expect(sum > 0, "--mix", "READS:WRITES:FLUSHES, one of them above 0", text);
        return parts;
    }

    private void expect(boolean fulfilled, String option, String expected, Object got) {
        if (!fulfilled) {
            throw new ParameterException(
                    spec.commandLine(), "%s: expected %s, got %s".formatted(option, expected, got));
        }
    }

    long sizeBytes() {
        return size;
    }

    int rounds() {
        return rounds;
    }

    double seconds() {
        return seconds;
    }

    double observeSeconds() {
        return observe;
    }

    boolean shadow() {
        return !written;
    }

    boolean poll() {
        return poll;
    }
}
