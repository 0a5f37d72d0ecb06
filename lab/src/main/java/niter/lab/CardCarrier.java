package niter.lab;

import java.io.IOException;
import niter.lab.NvmeDriver.Shape;

/** The EBS card; its CPU time is all of its process. */
final class CardCarrier implements Carrier {
    private static final int ENTRIES = 1024; // as Linux takes them
    private static final int MEMORY_BYTES = 8 << 20; // beside the buffers

    private final EbsHost host;
    private final NvmeOptions options;
    private final Findings findings = new Findings();
    private long seed;

    CardCarrier(EbsHost host, NvmeOptions options) {
        this.host = host;
        this.options = options;
    }

    @Override
    public String name() {
        return "niter";
    }

    /** Errors, and what a check found. */
    Findings findings() {
        return findings;
    }

    @Override
    public Counted run(Job job, double seconds) throws IOException {
        int pid = host.card.process().getPid();
        Shape shape = new Shape(job.queues(), ENTRIES, options.shadow(), options.poll(), false);
        if (job.verify()) {
            host.clear(); // what an earlier run wrote is not this one's
        }
        try (GuestMemory memory =
                        new GuestMemory(
                                MEMORY_BYTES + job.queues() * 128L * 1024 + NvmeLoad.bytes(job));
                NvmeDriver driver = new NvmeDriver(host.socket(), memory, shape, () -> {})) {
            Contents contents =
                    new Contents((int) (driver.sizeBytes() / job.blockBytes()), job.blockBytes());
            host.direct(job.direct());
            NvmeLoad load = new NvmeLoad(driver, memory, job, contents, findings, ++seed);
            load.run(seconds / 4);
            load.latency.reset();
            long commands = load.completed();
            long messages = driver.doorbellMessages();
            long interrupts = driver.interrupts();
            double cpu = Footprint.cpuSeconds(pid);
            long start = System.nanoTime();
            load.run(seconds);
            double took = (System.nanoTime() - start) / 1e9;
            Counted counted =
                    new Counted(
                            load.completed() - commands,
                            took,
                            Footprint.cpuSeconds(pid) - cpu,
                            load.latency.copy(),
                            driver.doorbellMessages() - messages,
                            driver.interrupts() - interrupts);
            load.drain();
            if (job.verify()) {
                load.readBack();
            }
            return counted;
        }
    }
}
