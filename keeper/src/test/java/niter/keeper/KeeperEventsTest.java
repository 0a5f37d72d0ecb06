package niter.keeper;

import static niter.controller.control.protocol.RestartPolicy.RESTART_ALWAYS;
import static niter.controller.control.protocol.RestartPolicy.RESTART_NEVER;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import niter.controller.control.KeeperClient;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Served;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a keeper remembers of ends and pauses. */
class KeeperEventsTest {
    @TempDir Path directory;
    private TestKeeper keeper;
    private KeeperClient client;

    @BeforeEach
    void start() throws Exception {
        keeper = new TestKeeper(directory);
        client = keeper.connect("controller");
    }

    @AfterEach
    void stop() {
        keeper.close();
    }

    private static KeeperEvent next(BlockingQueue<KeeperEvent> events) throws InterruptedException {
        KeeperEvent event = events.poll(30, TimeUnit.SECONDS);
        assertThat(event).isNotNull();
        return event;
    }

    @Test
    void aPauseIsFromTheFirstEndToTheProcessThatServes() throws Exception {
        BlockingQueue<KeeperEvent> events = new LinkedBlockingQueue<>();
        client.watch(events::add, () -> {});
        TestKeeper.kill(client.spawn(keeper.sleeper("ebs", RESTART_ALWAYS)));
        Exited first = next(events).getExited();
        TestKeeper.kill(TestKeeper.row(client, "ebs").getPid()); // before it said anything
        Exited second = next(events).getExited();
        assertThat(second.getUnixMs()).isGreaterThanOrEqualTo(first.getUnixMs()).isPositive();

        KeeperClient card = keeper.connect("ebs");
        card.serving();
        Served served = next(events).getServed();
        assertThat(served.getProcess()).isEqualTo("ebs");
        assertThat(served.getPid()).isEqualTo(TestKeeper.row(client, "ebs").getPid());
        assertThat(served.getPauseMs()).isEqualTo(served.getUnixMs() - first.getUnixMs());

        card.serving(); // no end since: no event
        List<KeeperEvent> remembered = client.events();
        assertThat(remembered).hasSize(3);
        assertThat(remembered.getFirst().getExited()).isEqualTo(first);
        assertThat(remembered.getLast().getServed()).isEqualTo(served);
    }

    @Test
    void theNextKeeperRemembersAndTellsThatTheOneBeforeItEnded() throws Exception {
        client.spawn(keeper.shell("i-1", RESTART_NEVER, "exit 3"));
        while (client.events().isEmpty()) {
            Thread.onSpinWait();
        }
        keeper.kill();
        keeper.start();
        List<KeeperEvent> events = keeper.connect("cli").events();
        assertThat(events.getFirst().getExited().getExitStatus()).isEqualTo(3);
        assertThat(events)
                .extracting(event -> event.getExited().getProcess())
                .contains("i-1", "keeper");
    }

    @Test
    void aPauseGoesOnThroughTheEndOfTheKeeper() throws Exception {
        client.spawn(keeper.sleeper("ebs", RESTART_ALWAYS));
        BlockingQueue<KeeperEvent> events = new LinkedBlockingQueue<>();
        client.watch(events::add, () -> {});
        TestKeeper.kill(TestKeeper.row(client, "ebs").getPid());
        Exited end = next(events).getExited();
        assertThat(end.getSignal()).isEqualTo(Signals.SIGKILL);
        while (TestKeeper.row(client, "ebs").getRestarts() == 0) {
            Thread.onSpinWait(); // then the table knows of the end, too
        }
        keeper.kill();
        keeper.start();
        keeper.connect("ebs").serving();
        KeeperEvent last = keeper.connect("cli").events().getLast();
        assertThat(last.getServed().getPauseMs())
                .isEqualTo(last.getServed().getUnixMs() - end.getUnixMs());
    }

    @Test
    void rememberedEventsAreBounded() throws Exception {
        TableFile file = new TableFile(directory, "test");
        for (int i = 0; i < 3 * TableFile.MAX_EVENTS; i++) {
            file.note(KeeperEvent.newBuilder().setExited(Exited.newBuilder().setPid(i)).build());
        }
        file.write(List.of());
        TableFile next = new TableFile(directory, "test");
        assertThat(next.read()).isEmpty();
        assertThat(next.events()).hasSize(TableFile.MAX_EVENTS);
        assertThat(next.events().getLast().getExited().getPid())
                .isEqualTo(3 * TableFile.MAX_EVENTS - 1);
    }
}
