package niter.controller;

import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A machine that runs: the controller's ends of its console and of QMP. The keeper holds both, so
 * that the machine never sees them end while the controller is away.
 */
final class Machine implements AutoCloseable {
    private static final int MAX_LOOKS = 1000;

    private final SerialConsole console;
    private final Qmp qmp;

    Machine(SerialConsole console, Qmp qmp) {
        this.console = console;
        this.qmp = qmp;
    }

    SerialConsole console() {
        return console;
    }

    /** Presses the power button. */
    void powerButton() throws IOException {
        qmp.execute("system_powerdown", Map.of());
    }

    /** What a shutdown of the guest does: end the process, or stop the machine for a reset. */
    void onShutdown(boolean reset) throws IOException {
        qmp.execute("set-action", Map.of("shutdown", reset ? "pause" : "poweroff"));
    }

    /** Starts the guest again from the firmware. */
    void reset() throws IOException {
        qmp.execute("system_reset", Map.of());
        for (int i = 0; i < MAX_LOOKS && isShutDown(); i++) {
            // Each answer lets QEMU's main loop turn once; the reset is done in one of them.
        }
        qmp.execute("cont", Map.of());
        onShutdown(false);
    }

    /** Ends the process of a guest that is off. */
    void quit() throws IOException {
        qmp.execute("quit", Map.of());
    }

    /** Whether the guest turned itself off and the machine waits. */
    boolean isShutDown() throws IOException {
        @Nullable String status = qmp.execute("query-status", Map.of()).get("return.status");
        return "shutdown".equals(status);
    }

    /** Duplicates of its descriptors are closed; the process goes on or not. */
    @Override
    public void close() {
        console.close();
        qmp.close();
    }

    /** Where a machine's descriptors are with the keeper. */
    static String consoleKey(String instanceId) {
        return instanceId + "/console";
    }

    static String qmpKey(String instanceId) {
        return instanceId + "/qmp";
    }
}
