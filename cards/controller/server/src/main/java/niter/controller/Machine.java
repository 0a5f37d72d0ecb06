package niter.controller;

import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
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

    /** Names of the devices that it has; cards' functions are among them. */
    Set<String> devices() throws IOException {
        Set<String> names = new HashSet<>();
        qmp.execute("qom-list", Map.of("path", "/machine/peripheral"))
                .forEach(
                        (path, value) -> {
                            if (path.endsWith(".name")) {
                                names.add(value);
                            }
                        });
        return names;
    }

    /**
     * Plugs a function in while the guest runs.
     *
     * @param slot PCI device number on bus 0
     * @throws Qmp.RefusedException if QEMU cannot
     */
    void plug(String device, int slot, String socket) throws IOException {
        qmp.execute(
                "device_add",
                Map.of(
                        "driver",
                        "vfio-user-pci",
                        "id",
                        device,
                        "bus",
                        "pci.0",
                        "addr",
                        Integer.toHexString(slot) + ".0",
                        "socket",
                        Map.of("type", "unix", "path", socket)));
    }

    /**
     * Asks the guest to let go of a device; it is gone when QEMU says DEVICE_DELETED.
     *
     * @throws Qmp.RefusedException if there is none, or the guest was asked just now
     */
    void unplug(String device) throws IOException {
        qmp.execute("device_del", Map.of("id", device));
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
