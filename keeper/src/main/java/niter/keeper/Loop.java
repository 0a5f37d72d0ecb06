package niter.keeper;

import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * One thread that waits for descriptors and for time, and runs what belongs to them. Everything in
 * the keeper happens here; only {@link #post} may be called by other threads.
 */
final class Loop implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Loop.class.getName());

    private final Epoll epoll = new Epoll();
    private final Descriptor wakeUp = EventFd.create();
    private final Queue<Runnable> posted = new ConcurrentLinkedQueue<>();
    private final Map<Long, Watched> watched = new HashMap<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private final long[] tokens = new long[Epoll.MAX_EVENTS];
    private long lastToken;
    private boolean stopped;

    private record Watched(Descriptor descriptor, Runnable readable) {}

    /** Something to do later; it can be cancelled until then. */
    final class Timer implements Comparable<Timer> {
        private final long atNanos;
        private final Runnable task;

        private Timer(long atNanos, Runnable task) {
            this.atNanos = atNanos;
            this.task = task;
        }

        void cancel() {
            timers.remove(this);
        }

        @Override
        public int compareTo(Timer other) {
            return Long.compare(atNanos - other.atNanos, 0);
        }
    }

    Loop() {
        watch(wakeUp, this::runPosted);
    }

    /**
     * Runs a task whenever a descriptor is readable.
     *
     * @return for {@link #unwatch}; never used twice, so a late event finds nothing
     */
    long watch(Descriptor descriptor, Runnable readable) {
        long token = ++lastToken;
        epoll.add(descriptor.number(), token);
        watched.put(token, new Watched(descriptor, readable));
        return token;
    }

    /** Call it before the descriptor is closed. */
    void unwatch(long token) {
        @Nullable Watched gone = watched.remove(token);
        if (gone != null) {
            epoll.remove(gone.descriptor.number());
        }
    }

    Timer after(long delayNanos, Runnable task) {
        Timer timer = new Timer(System.nanoTime() + delayNanos, task);
        timers.add(timer);
        return timer;
    }

    /** From any thread: runs a task soon. */
    void post(Runnable task) {
        posted.add(task);
        EventFd.signal(wakeUp.number());
    }

    /** Runs until {@link #stop}. */
    void run() {
        while (!stopped) {
            int count = epoll.await(millisToNextTimer(), tokens);
            for (int i = 0; i < count; i++) {
                @Nullable Watched event = watched.get(tokens[i]);
                if (event != null) { // not gone since, by an earlier event of this round
                    guarded(event.readable);
                }
            }
            runTimers();
        }
    }

    void stop() {
        stopped = true;
    }

    private void runPosted() {
        EventFd.drain(wakeUp.number());
        for (Runnable task = posted.poll(); task != null; task = posted.poll()) {
            guarded(task);
        }
    }

    private void runTimers() {
        long now = System.nanoTime();
        Timer next = timers.peek();
        while (next != null && next.atNanos - now <= 0) {
            timers.poll();
            guarded(next.task);
            next = timers.peek();
        }
    }

    /** Whatever one event leads to, the others are served: no one else holds their descriptors. */
    private static void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "an event failed", e);
        }
    }

    private long millisToNextTimer() {
        @Nullable Timer next = timers.peek();
        if (next == null) {
            return -1;
        }
        long nanos = Math.max(0, next.atNanos - System.nanoTime());
        return TimeUnit.NANOSECONDS.toMillis(nanos + 999_999); // not before it is due
    }

    @Override
    public void close() {
        epoll.close();
        wakeUp.close();
    }
}
