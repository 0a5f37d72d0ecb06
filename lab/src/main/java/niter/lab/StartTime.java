package niter.lab;

import java.io.IOException;
import java.nio.file.Path;

/**
 * From the start of {@code niter run -- echo up}, after {@code up} and with the image cached, to
 * the first byte of the command's output; the peer from the start of QEMU to the same byte. Niter's
 * time includes the command's JVM, a volume made and a card attached.
 */
final class StartTime {
    private static final int ROUNDS = 5;

    private StartTime() {}

    static void measure(Niter niter, Path work) throws IOException, InterruptedException {
        niter.output("run", "--", "true"); // fetches and builds what is missing, and is up then
        Peer peer = new Peer(niter, work, "--image", "micro");
        Sample ours = new Sample();
        Sample theirs = new Sample();
        peerSeconds(peer); // as ours above: files are in the page cache then
        for (int round = 0; round < ROUNDS; round++) {
            ours.add(niterSeconds(niter));
            theirs.add(peerSeconds(peer));
        }
        System.out.println("start, niter run -- echo up      " + ours.text("s"));
        System.out.println("start, qemu-system-x86_64        " + theirs.text("s"));
        System.out.println("ratio (goal: at most 1.2)        " + ours.ratioTo(theirs));
    }

    private static double niterSeconds(Niter niter) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Process run = niter.start("run", "--", "echo", "up");
        int first = run.getInputStream().read();
        long end = System.nanoTime();
        run.getInputStream().readAllBytes();
        niter.finish(run, "run");
        if (first != 'u') {
            throw new IOException("niter run printed something else");
        }
        return (end - start) / 1e9;
    }

    private static double peerSeconds(Peer peer) throws IOException, InterruptedException {
        peer.prepare();
        long start = System.nanoTime();
        try (PlainQemu machine = peer.boot()) {
            machine.output("echo", "up");
            return (System.nanoTime() - start) / 1e9;
        }
    }
}
