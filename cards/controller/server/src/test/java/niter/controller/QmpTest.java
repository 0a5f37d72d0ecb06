package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** QMP against a script that plays QEMU's part. */
class QmpTest implements Qmp.Listener {
    private final CompletableFuture<Boolean> ready = new CompletableFuture<>();
    private final CompletableFuture<String> down = new CompletableFuture<>();
    private final Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    private final SocketStream qemu = new SocketStream(pair[1]);
    private final BufferedReader commands =
            new BufferedReader(new InputStreamReader(qemu.input(), StandardCharsets.UTF_8));

    @Override
    public void ready(Qmp qmp) {
        ready.complete(true);
    }

    @Override
    public void shutDown(String reason) {
        down.complete(reason);
    }

    @Override
    public void ended() {
        // Each test knows.
    }

    @AfterEach
    void end() {
        qemu.close();
    }

    private void say(String text) throws IOException {
        qemu.write(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Reads the next command; its id. */
    private String expect(String command) throws IOException {
        String line = commands.readLine();
        assertThat(line).contains("\"execute\":\"" + command + "\"");
        return line.replaceAll(".*\"id\":\"([^\"]*)\".*", "$1");
    }

    private Qmp greeted() throws Exception {
        Qmp qmp = new Qmp("i-1", pair[0], this);
        say("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
        say("{\"return\": {}, \"id\": \"" + expect("qmp_capabilities") + "\"}\r\n");
        assertThat(ready.get(30, TimeUnit.SECONDS)).isTrue();
        return qmp;
    }

    @Test
    void asksAndIsAnswered() throws Exception {
        try (Qmp qmp = greeted()) {
            CompletableFuture<Map<String, String>> answer =
                    CompletableFuture.supplyAsync(() -> execute(qmp));
            String id = expect("query-status");
            say("{\"event\": \"RESET\", \"data\": {\"guest\": true}}\r\n");
            say("{\"return\": {\"status\": \"running\"}, \"id\": \"" + id + "\"}\r\n");
            assertThat(answer.get(30, TimeUnit.SECONDS)).containsEntry("return.status", "running");
        }
    }

    private static Map<String, String> execute(Qmp qmp) {
        try {
            return qmp.execute("query-status", Map.of());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aRefusalIsTheCommandsFailure() throws Exception {
        try (Qmp qmp = greeted()) {
            CompletableFuture<Map<String, String>> answer =
                    CompletableFuture.supplyAsync(() -> execute(qmp));
            String id = expect("query-status");
            say("{\"id\": \"" + id + "\", \"error\": {\"class\": \"X\", \"desc\": \"no\"}}\r\n");
            assertThatThrownBy(answer::join).hasRootCauseMessage("query-status: no");
        }
    }

    @Test
    void goesOnInTheMiddleOfALineOfAnEarlierProcess() throws Exception {
        try (Qmp qmp = new Qmp("i-1", pair[0], this)) {
            say("us\": 1}}\r\n{\"return\": {}, \"id\": \"1-1\"}\r\n");
            String id = expect("qmp_capabilities");
            say("{\"id\": \"" + id + "\", \"error\": {\"desc\": \"already complete\"}}\r\n");
            assertThat(ready.get(30, TimeUnit.SECONDS)).isTrue();
            say("{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-shutdown\"}}\r\n");
            assertThat(down.get(30, TimeUnit.SECONDS)).isEqualTo("guest-shutdown");
            assertThat(qmp).isNotNull();
        }
    }

    @Test
    void anEndOfQemuEndsWhatWaits() throws Exception {
        try (Qmp qmp = greeted()) {
            CompletableFuture<Map<String, String>> answer =
                    CompletableFuture.supplyAsync(() -> execute(qmp));
            expect("query-status");
            qemu.close();
            assertThatThrownBy(answer::join).hasRootCauseMessage("QEMU ended");
        }
    }

    @Test
    void anEndlessLineEndsTheConnectionAndNotTheMemory() throws Exception {
        try (Qmp qmp = greeted()) {
            byte[] much = new byte[1 << 20];
            assertThatThrownBy(
                            () -> {
                                for (int n = 0; n < 100; n++) {
                                    qemu.write(much);
                                }
                            })
                    .isInstanceOf(IOException.class);
            assertThat(qmp).isNotNull();
        }
    }
}
