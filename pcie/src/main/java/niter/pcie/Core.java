package niter.pcie;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.EventFd;

/**
 * A thread that serves functions run-to-completion: it polls them while there is work, arms their
 * wake-ups, polls once more and sleeps. Functions of one core may call each other directly; that is
 * how a frame gets from one guest to the other with one copy.
 *
 * <p>An {@link Error} is not the core's to survive: it ends the thread. The process is to end with
 * it and leave the functions to a successor.
 */
public final class Core implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Core.class.getName());
    private static final long WAKE = 0;

    /** While there is work, events are looked for only so often: each look is a system call. */
    private static final int LOOK_EVERY = 4;

    private final Thread thread;
    private final Epoll epoll = new Epoll();
    private final Descriptor wake = EventFd.create(); // guarded by this once it may be closed
    private final Queue<Runnable> orders = new ConcurrentLinkedQueue<>(); // any thread adds
    private final List<FunctionLoop> loops = new ArrayList<>(); // the core's thread
    private final List<Watch> watches = new ArrayList<>(); // the core's thread
    private final long[] tokens = new long[Epoll.MAX_EVENTS]; // the core's thread
    private final Turns turns = new Turns(); // the core's thread
    private long lastToken = WAKE; // the core's thread
    private int busyRounds; // the core's thread; since the last look
    private volatile boolean closing;

    /** A descriptor that is none of a function's, and what to do when it is readable. */
    private record Watch(long token, Descriptor descriptor, Runnable readable) {}

    /**
     * A core whose functions wait for {@link #start}: several that go on from another process begin
     * together, so that none sends to one that is not back yet.
     */
    public Core(String name) {
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
        epoll.add(wake.number(), WAKE);
    }

    /** Begins to serve, once. */
    public void start() {
        thread.start();
    }

    /**
     * One round on the caller's thread, without sleeping. It takes the place of {@link #start}
     * where a simulation decides what happens when; an Error goes through to the caller.
     */
    public void step() {
        round(false);
    }

    /**
     * Runs an order between two rounds, on the core's thread. It must be short and must not block.
     * Orders run in the sequence in which one thread gave them; none does after {@link #close}.
     */
    public void execute(Runnable order) {
        orders.add(order);
        wake();
    }

    /**
     * Asks something on the core's thread and waits for the answer. Any thread but the core's.
     *
     * @throws java.util.concurrent.CompletionException with what the question threw
     */
    public <T> T ask(Supplier<T> question) {
        return CompletableFuture.supplyAsync(question, this::execute).join();
    }

    /**
     * Runs something on the core's thread whenever a descriptor is readable (or at its end), until
     * {@link #unwatch}. It must be short and must not block. On the core's thread.
     */
    public void watch(Descriptor descriptor, Runnable readable) {
        watches.add(new Watch(++lastToken, descriptor, readable));
        epoll.add(descriptor.number(), lastToken);
    }

    /** Ends a watch; before the descriptor is closed. On the core's thread. */
    public void unwatch(Descriptor descriptor) {
        epoll.remove(descriptor.number());
        watches.removeIf(watch -> watch.descriptor == descriptor);
    }

    /** Serves a function from now on, until it is over. */
    void add(FunctionLoop loop) {
        execute(() -> begin(loop));
    }

    /** Makes the core look at its functions: one of them is to stop. Any thread may call this. */
    synchronized void wake() {
        if (!closing) {
            EventFd.signal(wake.number());
        }
    }

    private void begin(FunctionLoop loop) {
        loops.add(loop); // first: whatever happens, it is ended
        loop.start(++lastToken, turns);
        epoll.add(loop.descriptor().number(), lastToken);
    }

    private void run() {
        try {
            while (!closing) {
                round(true);
            }
        } finally {
            end();
        }
    }

    private void end() {
        obey(); // a function that was added meanwhile is to end in order too
        loops.forEach(FunctionLoop::end);
        epoll.close();
    }

    private void round(boolean maySleep) {
        obey();
        boolean idle = true;
        for (int i = 0; i < loops.size(); i++) {
            idle &= loops.get(i).poll() == 0;
        }
        long sleepNanos = Long.MAX_VALUE;
        for (int i = 0; i < loops.size() && idle; i++) {
            idle = loops.get(i).arm();
            sleepNanos = Math.min(sleepNanos, loops.get(i).sleepNanos());
        }
        if (!idle && maySleep && ++busyRounds < LOOK_EVERY) {
            return;
        }
        busyRounds = 0;
        boolean sleep = idle && maySleep;
        int ready = sleep ? epoll.awaitNanos(sleepNanos, tokens) : epoll.await(0, tokens);
        if (isReady(WAKE, ready)) {
            EventFd.drain(wake.number());
        }
        for (int i = loops.size() - 1; i >= 0; i--) {
            FunctionLoop loop = loops.get(i);
            loop.events(isReady(loop.token(), ready));
            if (loop.isToEnd()) {
                epoll.remove(loop.descriptor().number());
                loops.remove(i);
                loop.end();
            }
        }
        for (int i = watches.size() - 1; i >= 0; i--) { // one may end itself meanwhile
            Watch watch = watches.get(i);
            if (isReady(watch.token, ready)) {
                attempt(watch.readable);
            }
        }
    }

    private void obey() {
        Runnable order = orders.poll();
        while (order != null) {
            attempt(order);
            order = orders.poll();
        }
    }

    private void attempt(Runnable order) {
        try {
            order.run();
        } catch (RuntimeException e) { // the order's bug; the functions go on
            LOG.log(System.Logger.Level.ERROR, thread.getName() + ": an order failed", e);
        }
    }

    private boolean isReady(long token, int ready) {
        for (int i = 0; i < ready; i++) {
            if (tokens[i] == token) {
                return true;
            }
        }
        return false;
    }

    /** Ends the thread; its functions are left to a successor. */
    @Override
    public void close() {
        synchronized (this) {
            if (closing) {
                return;
            }
            closing = true;
            EventFd.signal(wake.number()); // after it: a core that looks now sees it
        }
        if (thread.getState() == Thread.State.NEW) {
            end(); // stepped through
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // the end is near: nothing in a round waits for long
            }
        }
        wake.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
