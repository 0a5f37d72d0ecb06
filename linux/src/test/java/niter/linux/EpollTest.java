package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Waiting for descriptors. */
@Timeout(60)
class EpollTest {
    private final Epoll epoll = new Epoll();
    private final Descriptor event = EventFd.create();
    private final long[] tokens = new long[Epoll.MAX_EVENTS];

    @AfterEach
    void close() {
        epoll.close();
        event.close();
    }

    @Test
    void deliversTheTokenForAsLongAsItIsReadable() {
        epoll.add(event.number(), 0xfedc_ba98_7654_3210L);
        assertThat(epoll.await(0, tokens)).isZero();
        EventFd.signal(event.number());
        for (int i = 0; i < 3; i++) {
            assertThat(epoll.await(-1, tokens)).isEqualTo(1);
            assertThat(tokens[0]).isEqualTo(0xfedc_ba98_7654_3210L);
            assertThat(epoll.awaitNanos(Long.MAX_VALUE, tokens)).isEqualTo(1);
        }
        EventFd.drain(event.number());
        assertThat(epoll.awaitNanos(0, tokens)).isZero();
    }

    @Test
    void returnsWithNothingAfterTheTime() {
        epoll.add(event.number(), 1);
        assertThat(epoll.await(2, tokens)).isZero();
        assertThat(epoll.awaitNanos(2_000_000, tokens)).isZero();
        assertThat(epoll.awaitNanos(1, tokens)).isZero();
    }

    @Test
    void limitsBeyondWhatTheKernelCountsAreLimitsStill() {
        epoll.add(event.number(), 1);
        EventFd.signal(event.number());
        assertThat(epoll.await(Long.MAX_VALUE, tokens)).isEqualTo(1);
        assertThat(epoll.awaitNanos(Long.MAX_VALUE - 1, tokens)).isEqualTo(1);
    }

    @Test
    void anotherThreadWakesTheOneThatWaits() throws InterruptedException {
        epoll.add(event.number(), 7);
        Thread other = Thread.ofPlatform().start(() -> EventFd.signal(event.number()));
        assertThat(epoll.await(-1, tokens)).isEqualTo(1);
        assertThat(tokens[0]).isEqualTo(7);
        other.join();
    }

    @Test
    void aDescriptorAddedWhileAThreadWaitsWakesIt() throws InterruptedException {
        EventFd.signal(event.number());
        Thread other = Thread.ofPlatform().start(() -> epoll.add(event.number(), 8));
        assertThat(epoll.awaitNanos(Long.MAX_VALUE, tokens)).isEqualTo(1);
        assertThat(tokens[0]).isEqualTo(8);
        other.join();
    }

    @Test
    void whatIsRemovedWakesNobody() {
        epoll.add(event.number(), 1);
        EventFd.signal(event.number());
        epoll.remove(event.number());
        assertThat(epoll.await(0, tokens)).isZero();
        epoll.add(event.number(), 2);
        assertThat(epoll.await(0, tokens)).isEqualTo(1);
        assertThat(tokens[0]).isEqualTo(2);
    }

    @Test
    void anEndIsReportedAsReadable() {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor socket = pair[0];
                Descriptor reader = pipe[0]) {
            epoll.add(socket.number(), 1);
            epoll.add(reader.number(), 2);
            assertThat(epoll.await(0, tokens)).isZero();
            pair[1].close();
            pipe[1].close(); // only EPOLLHUP
            assertThat(epoll.await(0, tokens)).isEqualTo(2);
            assertThat(List.of(tokens[0], tokens[1])).containsExactlyInAnyOrder(1L, 2L);
        }
    }

    @Test
    void moreThanOneWaitDeliversComeWithTheNext() {
        SplittableRandom random = new SplittableRandom(1);
        List<Descriptor> events = new ArrayList<>();
        Set<Long> expected = new HashSet<>();
        for (int i = 0; i < 3 * Epoll.MAX_EVENTS; i++) {
            Descriptor each = EventFd.create();
            events.add(each);
            epoll.add(each.number(), i);
            if (random.nextBoolean()) {
                EventFd.signal(each.number());
                expected.add((long) i);
            }
        }
        Set<Long> seen = new HashSet<>();
        long[] few = new long[10];
        long[] many = new long[1000];
        while (seen.size() < expected.size()) {
            long[] into = random.nextBoolean() ? few : many;
            int count = epoll.await(0, into);
            assertThat(count).isBetween(1, Math.min(into.length, Epoll.MAX_EVENTS));
            for (int i = 0; i < count; i++) {
                assertThat(seen.add(into[i])).isTrue();
                EventFd.drain(events.get((int) into[i]).number());
            }
        }
        assertThat(seen).isEqualTo(expected);
        assertThat(epoll.await(0, many)).isZero();
        events.forEach(Descriptor::close);
    }

    @Test
    void isItselfReadableWhileSomethingIs() {
        epoll.add(event.number(), 1);
        try (Epoll outer = new Epoll()) {
            outer.add(epoll.descriptor().number(), 9);
            assertThat(outer.await(0, tokens)).isZero();
            EventFd.signal(event.number());
            assertThat(outer.await(0, tokens)).isEqualTo(1);
            assertThat(tokens[0]).isEqualTo(9);
        }
    }

    @Test
    void mistakesAreNamed() {
        int self = epoll.descriptor().number();
        int fd = event.number();
        assertThatThrownBy(() -> epoll.remove(fd))
                .hasMessageStartingWith("epoll_ctl(%d, EPOLL_CTL_DEL, %d): ENOENT", self, fd);
        epoll.add(fd, 1);
        assertThatThrownBy(() -> epoll.add(fd, 2))
                .hasMessageStartingWith("epoll_ctl(%d, EPOLL_CTL_ADD, %d): EEXIST", self, fd);
        assertThatThrownBy(() -> epoll.await(0, new long[0]))
                .hasMessageStartingWith("epoll_wait(%d, 0, 0): EINVAL", self);
        assertThatThrownBy(() -> epoll.awaitNanos(-5, tokens))
                .hasMessageStartingWith("epoll_pwait2(%d, 64, -5): EINVAL", self);
        epoll.close();
        assertThatThrownBy(() -> epoll.await(0, tokens)).isInstanceOf(IllegalStateException.class);
    }
}
