package niter.controller;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.function.Consumer;
import niter.linux.Descriptor;

/**
 * A guest's serial console: all output goes to the log, and to whoever watches; input comes from
 * anybody.
 */
final class SerialConsole implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SerialConsole.class.getName());
    private static final int CHUNK = 4096;

    private final String instance;
    private final Path directory;
    private final SocketStream socket;
    private final Set<Consumer<byte[]>> watchers = new CopyOnWriteArraySet<>();
    private final Object order = new Object(); // a watcher sees each byte once
    private final Thread thread;
    private boolean logFails; // guarded by order

    /**
     * Takes over the descriptor and begins to read it.
     *
     * @param directory the instance's, for the log
     */
    SerialConsole(String instance, Path directory, Descriptor socket) {
        this.instance = instance;
        this.directory = directory;
        this.socket = new SocketStream(socket);
        thread = Thread.ofPlatform().daemon().name("console-" + instance).start(this::receive);
    }

    private void receive() {
        byte[] chunk = new byte[CHUNK];
        try (InputStream input = socket.input();
                ConsoleLog log = ConsoleLog.open(directory)) {
            for (int got = input.read(chunk); got >= 0; got = input.read(chunk)) {
                deliver(log, chunk, got);
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: console: {1}", instance, e.getMessage());
        }
    }

    private void deliver(ConsoleLog log, byte[] chunk, int length) {
        synchronized (order) {
            try {
                log.write(chunk, length);
                logFails = false;
            } catch (IOException e) {
                if (!logFails) { // once until it works again: a guest prints as fast as it likes
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "{0}: console log: {1}",
                            instance,
                            e.getMessage());
                }
                logFails = true;
            }
            byte[] bytes = Arrays.copyOf(chunk, length);
            watchers.forEach(watcher -> watcher.accept(bytes));
        }
    }

    /** Hands over what was printed so far, then what is printed, as it comes. Must not wait. */
    void watch(Consumer<byte[]> watcher) throws IOException {
        synchronized (order) {
            watcher.accept(ConsoleLog.read(directory));
            watchers.add(watcher);
        }
    }

    void unwatch(Consumer<byte[]> watcher) {
        watchers.remove(watcher);
    }

    /** Types something. */
    void type(byte[] bytes) throws IOException {
        socket.write(bytes);
    }

    /** Reads to the end of what a machine printed that has ended. */
    void drain() throws InterruptedException {
        thread.join();
    }

    @Override
    public void close() {
        socket.close();
    }
}
