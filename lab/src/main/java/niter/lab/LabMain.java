package niter.lab;

import java.nio.file.Path;

/** Entry point of {@code lab/run}. */
public final class LabMain {
    private LabMain() {}

    /**
     * Runs one benchmark.
     *
     * @param args the niter command, a directory for what it makes, the benchmark's name
     * @throws Exception where a command fails: a benchmark has no result then
     */
    public static void main(String[] args) throws Exception {
        Niter niter = new Niter(args[0]);
        Path work = Path.of(args[1]);
        switch (args.length == 3 ? args[2] : "") {
            case "start" -> StartTime.measure(niter, work);
            case "disk" -> DiskSpeed.measure(niter, work);
            case "footprint" -> Footprint.measure(niter);
            case "streams" -> Streams.measure(niter, work);
            case "packets" -> Packets.measure(work);
            default -> {
                System.err.println("usage: lab/run start|disk|footprint|streams|packets");
                System.exit(2);
            }
        }
    }
}
