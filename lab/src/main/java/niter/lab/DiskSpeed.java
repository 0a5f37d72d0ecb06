package niter.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * fio in a guest on a file of its root disk, past the guest's page cache: operations a second
 * through our card and through QEMU's NVMe, both on a sparse file with the host's page cache.
 */
final class DiskSpeed {
    private static final int ROUNDS = 5;
    private static final String[] OPTIONS = {"--image", "tools", "--type", "niter.medium"};
    private static final String LAYOUT =
            "fio --name=layout --filename=/root/fio --size=256M --rw=write --bs=1M --direct=1"
                    + " --minimal >/dev/null && ";
    private static final int READ_IOPS = 7; // fields of fio's terse format, version 3
    private static final int WRITE_IOPS = 48;

    /** What fio does. */
    enum Job {
        RANDREAD_4K_QD1("randread", "4k", 1, READ_IOPS, "1.0"),
        RANDWRITE_4K_QD1("randwrite", "4k", 1, WRITE_IOPS, "1.0"),
        RANDREAD_4K_QD32("randread", "4k", 32, READ_IOPS, "1.0"),
        RANDWRITE_4K_QD32("randwrite", "4k", 32, WRITE_IOPS, "1.0"),
        READ_128K_QD8("read", "128k", 8, READ_IOPS, "0.9"),
        WRITE_128K_QD8("write", "128k", 8, WRITE_IOPS, "0.9");

        final String command;
        final int field;
        final String goal;

        Job(String direction, String block, int depth, int field, String goal) {
            command =
                    "fio --name=job --filename=/root/fio --size=256M --direct=1 --ioengine=libaio"
                            + " --minimal --terse-version=3 --time_based --runtime=4 --ramp_time=1"
                            + " --rw="
                            + direction
                            + " --bs="
                            + block
                            + " --iodepth="
                            + depth;
            this.field = field;
            this.goal = goal;
        }
    }

    private DiskSpeed() {}

    static void measure(Niter niter, Path work) throws IOException, InterruptedException {
        Peer peer = new Peer(niter, work, OPTIONS);
        List<Sample> ours = samples();
        List<Sample> theirs = samples();
        List<String> script = new ArrayList<>();
        for (Job job : Job.values()) {
            script.add(job.command);
        }
        String[] command = {"sh", "-c", LAYOUT + String.join(" && ", script)};
        List<String> run = new ArrayList<>(List.of("run"));
        run.addAll(List.of(OPTIONS));
        run.add("--");
        run.addAll(List.of(command));
        for (int round = 1; round <= ROUNDS; round++) {
            System.err.println("round " + round + " of " + ROUNDS);
            record(ours, niter.output(run.toArray(String[]::new)));
            peer.prepare();
            try (PlainQemu machine = peer.boot()) {
                record(theirs, machine.output(command));
            }
        }
        for (Job job : Job.values()) {
            Sample our = ours.get(job.ordinal());
            Sample their = theirs.get(job.ordinal());
            System.out.printf(
                    "%-18s niter %-32s qemu %-32s ratio (goal: at least %s) %s%n",
                    job, our.text("IOPS"), their.text("IOPS"), job.goal, our.ratioTo(their));
        }
    }

    private static List<Sample> samples() {
        List<Sample> samples = new ArrayList<>();
        for (int n = 0; n < Job.values().length; n++) {
            samples.add(new Sample());
        }
        return samples;
    }

    private static void record(List<Sample> samples, String output) throws IOException {
        List<String> lines = output.lines().filter(line -> line.startsWith("3;")).toList();
        if (lines.size() != samples.size()) {
            throw new IOException("fio printed: " + output);
        }
        for (Job job : Job.values()) {
            String[] fields = lines.get(job.ordinal()).split(";");
            samples.get(job.ordinal()).add(Double.parseDouble(fields[job.field]));
        }
    }
}
