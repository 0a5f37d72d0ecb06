package niter.lab;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import niter.linux.LinuxException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry point of {@code lab/run} and {@code niter lab}. */
@Command(
        name = "niter lab",
        description = "Measures Niter, and kills its parts under load. See lab/README.md.",
        synopsisSubcommandLabel = "COMMAND")
public final class LabMain implements Runnable {
    private static final int WRONG_USAGE = 2;

    private final Niter niter;
    private final Path work;
    private final Path dist;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Says this.")
    private boolean help;

    @Spec private CommandSpec spec = CommandSpec.create();

    LabMain(Niter niter, Path work, Path dist) {
        this.niter = niter;
        this.work = work;
        this.dist = dist;
    }

    /**
     * Runs one command.
     *
     * @param args the niter command, a directory for what it makes, that of the built program, then
     *     what the user wrote. Ends with 0, with 1 where something was found or cannot be measured,
     *     with 2 after wrong arguments.
     */
    public static void main(String[] args) {
        LabMain main = new LabMain(new Niter(args[0]), Path.of(args[1]), Path.of(args[2]));
        System.exit(main.commandLine().execute(Arrays.copyOfRange(args, 3, args.length)));
    }

    CommandLine commandLine() {
        CommandLine line = new CommandLine(this);
        line.setExpandAtFiles(false);
        line.setUsageHelpAutoWidth(false);
        line.setParameterExceptionHandler(LabMain::usage);
        line.setExecutionExceptionHandler(LabMain::failure);
        return line;
    }

    private static int usage(ParameterException error, String[] arguments) {
        CommandLine at = error.getCommandLine();
        PrintWriter err = at.getErr();
        String message = String.valueOf(error.getMessage()).lines().findFirst().orElse("");
        err.print("niter lab: " + message);
        if (error instanceof UnmatchedArgumentException unmatched
                && !unmatched.getSuggestions().isEmpty()) {
            err.print(", did you mean " + String.join(", ", unmatched.getSuggestions()) + "?");
        }
        err.println(": " + at.getCommandSpec().qualifiedName() + " --help");
        err.flush();
        return WRONG_USAGE;
    }

    private static int failure(Exception error, CommandLine at, CommandLine.ParseResult parsed)
            throws Exception {
        if (error instanceof IOException || error instanceof LinuxException) {
            boolean missing = error instanceof NoSuchFileException;
            at.getErr()
                    .println(
                            "niter lab: " + error.getMessage() + (missing ? ": no such file" : ""));
            at.getErr().flush();
            return 1;
        }
        throw error; // a defect
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command?");
    }

    @Command(description = "The time to a guest's first output.")
    void start() throws IOException, InterruptedException {
        StartTime.measure(niter, work);
    }

    @Command(description = "fio in a guest, beside QEMU's NVMe.")
    void disk() throws IOException, InterruptedException {
        DiskSpeed.measure(niter, work);
    }

    @Command(description = "Seconds of --help and up, memory, CPU time while idle.")
    void footprint() throws IOException, InterruptedException {
        Footprint.measure(niter);
    }

    @Command(description = "iperf3 between guests, beside QEMU's virtio-net; the pause of a kill.")
    void streams() throws IOException, InterruptedException {
        Streams.measure(niter, work);
    }

    @Command(description = "Packets through the VPC card, beside Open vSwitch.")
    void packets() throws IOException, InterruptedException {
        Packets.measure(work, dist);
    }

    @Command(
            description = {
                "I/Os of the EBS card, driven without a guest, beside io_uring on the same file.",
                "Without options of a job it runs a table of them."
            })
    int nvme(@Mixin NvmeOptions options) throws IOException {
        return NvmeSpeed.measure(work, dist, options) ? 0 : 1;
    }

    @Command(
            description = {
                "Kills the EBS card, or its keeper, at moments that a seed chooses.",
                "Ends with 1 after an error, a lost write or a lost flush."
            })
    int kills(
            @Option(
                            names = "--kills",
                            paramLabel = "N",
                            defaultValue = "50",
                            description = "How many (${DEFAULT-VALUE}).")
                    int kills,
            @Option(
                            names = "--seed",
                            paramLabel = "N",
                            description = "Of what is killed, and when; otherwise any.")
                    Long seed,
            @Option(names = "--no-shadow", description = "Doorbells are written, not shadowed.")
                    boolean written,
            @Option(
                            names = "--detachable",
                            description = "The function is one: it interrupts by messages.")
                    boolean detachable)
            throws IOException {
        if (kills < 1) {
            throw new ParameterException(
                    spec.subcommands().get("kills"), "--kills: expected 1 or more, got " + kills);
        }
        long chosen = seed == null ? System.nanoTime() & 0xffff_ffffL : seed;
        try (Kills all = new Kills(work, dist, chosen, !written, detachable)) {
            System.err.println("seed " + chosen);
            try {
                all.run(kills);
            } finally {
                System.out.println(all.text());
            }
            return all.findings().isEmpty() ? 0 : 1;
        }
    }
}
