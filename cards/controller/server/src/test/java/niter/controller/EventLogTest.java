package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Served;
import niter.controller.northbound.Event;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log of events and what becomes one. */
class EventLogTest {
    private static final String VOLUME = "vol-0123456789abcdef0";
    private static final String INSTANCE = "i-0123456789abcdef0";

    @TempDir Path directory;
    private Path file;

    @BeforeEach
    void path() {
        file = directory.resolve("events");
    }

    private static Event event(long unixMs, String reason) {
        return Event.newBuilder()
                .setUnixMs(unixMs)
                .setSubject("ebs")
                .setEvent("ended")
                .setReason(reason)
                .build();
    }

    private static List<Event> all(EventLog log) {
        List<Event> all = new ArrayList<>();
        log.read(0, false, all::add);
        return all;
    }

    @Test
    void whatWasAddedIsThereInTheNextProcessByTime() throws IOException {
        EventLog log = EventLog.open(file);
        Event later = event(2, "killed by SIGKILL: \"é\"\n").toBuilder().setPauseMs(7).build();
        log.add(later);
        log.add(event(1, ""));
        log.add(event(1, ""));
        assertThat(all(log)).containsExactly(event(1, ""), later);
        assertThat(all(EventLog.open(file))).containsExactly(event(1, ""), later);
    }

    @Test
    void aLineThatAKillToreAtAnyByteIsSkippedAndTheNextIsNot() throws IOException {
        EventLog.open(file).add(event(1, "first"));
        EventLog.open(file).add(event(2, "é second"));
        byte[] whole = Files.readAllBytes(file);
        int first = 1;
        while (whole[first - 1] != '\n') {
            first++;
        }
        for (int length = first; length < whole.length - 1; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            EventLog log = EventLog.open(file);
            assertThat(all(log)).containsExactly(event(1, "first"));
            log.add(event(3, "third"));
            assertThat(all(EventLog.open(file)))
                    .describedAs("torn after %d bytes", length)
                    .containsExactly(event(1, "first"), event(3, "third"));
        }
    }

    @Test
    void neitherFilesNorMemoryGrowWithoutEnd() throws IOException {
        EventLog log = EventLog.open(file);
        for (int i = 1; i <= 2 * EventLog.MAX_EVENTS; i++) {
            log.add(event(i, "x".repeat(200)));
        }
        assertThat(all(log)).hasSize(EventLog.MAX_EVENTS).endsWith(log.latest("ebs", ended()));
        assertThat(Files.size(file)).isLessThanOrEqualTo(EventLog.MAX_BYTES);
        assertThat(Files.size(directory.resolve("events.1")))
                .isLessThanOrEqualTo(EventLog.MAX_BYTES);
        try (var files = Files.list(directory)) {
            assertThat(files).hasSize(2);
        }
        List<Event> reread = all(EventLog.open(file));
        assertThat(reread.getLast().getUnixMs()).isEqualTo(2 * EventLog.MAX_EVENTS);
        assertThat(reread)
                .hasSizeGreaterThan(1000)
                .isSortedAccordingTo(Comparator.comparingLong(Event::getUnixMs));
    }

    private static Set<String> ended() {
        return Set.of("ended");
    }

    @Test
    void aReaderThatFollowsGetsEachEventOnceAndNothingAfterItsEnd() throws IOException {
        EventLog log = EventLog.open(file);
        log.add(event(1, "before"));
        log.add(event(5, "then"));
        List<Event> seen = new ArrayList<>();
        Consumer<Event> reader = seen::add;
        log.read(5, true, reader);
        log.add(event(6, "now"));
        log.add(event(6, "now"));
        log.unfollow(reader);
        log.add(event(7, "after"));
        assertThat(seen).containsExactly(event(5, "then"), event(6, "now"));
    }

    @Test
    void aPauseIsFromTheEndOfTheCardToTheFunction() throws IOException {
        HostEvents events = new HostEvents(EventLog.open(file));
        KeeperEvent end =
                KeeperEvent.newBuilder()
                        .setExited(
                                Exited.newBuilder()
                                        .setProcess("ebs")
                                        .setExitStatus(-1)
                                        .setSignal(9)
                                        .setUnixMs(1000))
                        .build();
        FunctionEvent resumed =
                FunctionEvent.newBuilder()
                        .setFunctionId(VOLUME)
                        .setEvent("resumed")
                        .setUnixMs(1400)
                        .build();
        events.keeper(end);
        events.function("ebs", resumed);
        events.keeper(
                KeeperEvent.newBuilder()
                        .setServed(
                                Served.newBuilder()
                                        .setProcess("ebs")
                                        .setUnixMs(1401)
                                        .setPauseMs(401))
                        .build());
        events.keeper(end); // the next controller hears all of it again
        events.function("ebs", resumed);
        List<Event> all = all(events.log());
        assertThat(all).hasSize(3);
        assertThat(all.get(0).getReason()).isEqualTo("killed by SIGKILL");
        assertThat(all.get(1).getSubject()).isEqualTo(VOLUME);
        assertThat(all.get(1).getPauseMs()).isEqualTo(400);
        assertThat(all.get(2).getEvent()).isEqualTo("serving");
        assertThat(all.get(2).getPauseMs()).isEqualTo(401);
    }

    @Test
    void aDiskThatIsFullIsAnEvent() throws IOException {
        HostEvents events = new HostEvents(EventLog.open(file));
        events.function(
                "ebs",
                FunctionEvent.newBuilder()
                        .setFunctionId(VOLUME)
                        .setEvent("disk-full")
                        .setUnixMs(1)
                        .build());
        assertThat(all(events.log()).getFirst().getEvent()).isEqualTo("disk-full");
        assertThat(all(events.log()).getFirst().hasPauseMs()).isFalse();
    }

    @Test
    void anInstanceIsToldOnceInEachState() throws IOException {
        HostEvents events = new HostEvents(EventLog.open(file));
        for (InstanceState state :
                List.of(
                        InstanceState.PENDING,
                        InstanceState.RUNNING,
                        InstanceState.RUNNING,
                        InstanceState.STOPPED,
                        InstanceState.RUNNING)) {
            events.instance(Instance.newBuilder().setInstanceId(INSTANCE).setState(state).build());
        }
        HostEvents next = new HostEvents(EventLog.open(file));
        next.instance(
                Instance.newBuilder()
                        .setInstanceId(INSTANCE)
                        .setState(InstanceState.RUNNING)
                        .build());
        assertThat(all(next.log()))
                .extracting(Event::getEvent)
                .containsExactly("pending", "running", "stopped", "running");
    }
}
