package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What niter costs: seconds of {@code --help} and {@code up}, memory, CPU time while idle. */
final class Footprint {
    private static final int ROUNDS = 5;
    private static final double TICKS_PER_SECOND = 100; // USER_HZ, part of Linux's ABI
    private static final int IDLE_SECONDS = 30;

    private Footprint() {}

    static void measure(Niter niter) throws IOException, InterruptedException {
        niter.output("run", "--", "true"); // fetches and builds what is missing
        Sample help = new Sample();
        Sample up = new Sample();
        for (int round = 0; round < ROUNDS; round++) {
            help.add(niter.seconds("--help"));
            niter.output("down");
            up.add(niter.seconds("up"));
        }
        System.out.println("niter --help (goal: at most 0.25 s)  " + help.text("s"));
        System.out.println("niter up                             " + up.text("s"));
        Map<String, Sample> idle = new LinkedHashMap<>();
        Instance instance = new Instance(niter);
        instance.arguments(); // its hypervisor runs
        System.out.print(niter.output("processes"));
        for (int round = 0; round < ROUNDS; round++) {
            idle(niter, idle);
        }
        instance.terminate();
        System.out.println("CPU while one instance idles, % of a core (goal: below 0.5 for JVMs)");
        idle.forEach(
                (part, sample) -> System.out.printf("  %-36s %.2f%n", part, 100 * sample.median()));
    }

    private static void idle(Niter niter, Map<String, Sample> samples)
            throws IOException, InterruptedException {
        Map<Long, Double> before = new LinkedHashMap<>();
        for (long pid : Instance.processes(niter)) {
            before.put(pid, cpuSeconds(pid));
        }
        long start = System.nanoTime();
        Thread.sleep(IDLE_SECONDS * 1000L); // the measurement itself
        for (Map.Entry<Long, Double> process : before.entrySet()) {
            double used = cpuSeconds(process.getKey()) - process.getValue();
            samples.computeIfAbsent(name(process.getKey()), name -> new Sample())
                    .add(used / ((System.nanoTime() - start) / 1e9));
        }
    }

    private static String name(long pid) throws IOException {
        return Files.readString(Path.of("/proc/" + pid + "/comm")).strip() + " " + pid;
    }

    static double cpuSeconds(long pid) throws IOException {
        return cpuSeconds(Path.of("/proc/" + pid + "/stat"));
    }

    /** Of a process or a thread, by its file in /proc. */
    static double cpuSeconds(Path file) throws IOException {
        String stat = Files.readString(file);
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
    }
}
