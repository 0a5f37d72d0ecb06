package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Counters. */
class EventFdTest {
    /** The most that a counter holds. */
    private static final long LIMIT = -2L; // 2^64 - 2

    @Test
    void drainTakesWhatWasSignalled() {
        try (Descriptor event = EventFd.create()) {
            assertThat(EventFd.drain(event.number())).isZero();
            for (int n = 1; n < 5; n++) {
                for (int i = 0; i < n; i++) {
                    EventFd.signal(event.number());
                }
                assertThat(EventFd.drain(event.number())).isEqualTo(n);
                assertThat(EventFd.drain(event.number())).isZero();
            }
        }
    }

    @Test
    void aFullCounterNeitherBlocksNorFails() {
        try (Descriptor event = EventFd.create();
                Arena arena = Arena.ofConfined()) {
            long limit = arena.allocateFrom(JAVA_LONG, LIMIT).address();
            assertThat(FileIo.write(event.number(), limit, Long.BYTES)).isEqualTo(Long.BYTES);
            EventFd.signal(event.number());
            assertThat(EventFd.drain(event.number())).isEqualTo(LIMIT);
            EventFd.signal(event.number());
            assertThat(EventFd.drain(event.number())).isEqualTo(1);
        }
    }

    /** The other owner may clear O_NONBLOCK at any time: here a write would wait for ever. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aSharedCounterThatIsFullDoesNotBlockEither() {
        try (Descriptor event = EventFd.create();
                Arena arena = Arena.ofConfined()) {
            UnixSocket.setNonBlocking(event.number(), false);
            long limit = arena.allocateFrom(JAVA_LONG, LIMIT).address();
            assertThat(FileIo.write(event.number(), limit, Long.BYTES)).isEqualTo(Long.BYTES);
            for (int n = 0; n < 1000; n++) {
                EventFd.signalShared(event.number());
            }
            assertThat(EventFd.drain(event.number())).as("the kernel's own limit").isEqualTo(-1);
            EventFd.signalShared(event.number());
            assertThat(EventFd.drain(event.number())).isEqualTo(1);
        }
    }

    @Test
    void onlyAnEventfdIsOne() {
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor event = EventFd.create();
                Descriptor reader = pipe[0];
                Descriptor writer = pipe[1];
                Epoll epoll = new Epoll();
                Descriptor memory = MemoryFile.create("anon_inode:[eventfd]", 4096)) {
            assertThat(EventFd.isEventFd(event.number())).isTrue();
            for (Descriptor other : new Descriptor[] {reader, writer, epoll.descriptor(), memory}) {
                assertThat(EventFd.isEventFd(other.number())).isFalse();
                assertThatThrownBy(() -> EventFd.signalShared(other.number()))
                        .hasMessageStartingWith(
                                "io_submit(eventfd " + other.number() + "): EINVAL");
            }
            assertThat(EventFd.isEventFd(1_000_000_000)).isFalse();
        }
    }

    @Test
    void signalsOfManyThreadsAreAllCounted() throws InterruptedException {
        count(EventFd::signal);
    }

    @Test
    void signalsOfManyThreadsToASharedCounterAreAllCounted() throws InterruptedException {
        count(EventFd::signalShared);
    }

    private static void count(IntConsumer signal) throws InterruptedException {
        try (Descriptor event = EventFd.create()) {
            Thread[] threads = new Thread[4];
            for (int t = 0; t < threads.length; t++) {
                threads[t] =
                        Thread.ofPlatform()
                                .start(
                                        () -> {
                                            for (int i = 0; i < 1000; i++) {
                                                signal.accept(event.number());
                                            }
                                        });
            }
            long seen = 0;
            for (Thread thread : threads) {
                seen += EventFd.drain(event.number());
                thread.join();
            }
            assertThat(seen + EventFd.drain(event.number())).isEqualTo(4000);
        }
    }

    @Test
    void otherDescriptorsAreErrors() {
        assertThatThrownBy(() -> EventFd.signal(1_000_000_000))
                .hasMessageStartingWith("write(1000000000, eventfd): EBADF");
        assertThatThrownBy(() -> EventFd.drain(1_000_000_000))
                .hasMessageStartingWith("read(1000000000, eventfd): EBADF");
    }
}
