package niter.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import niter.controller.control.StateDirectory;
import niter.linux.LinuxException;
import niter.linux.Tap;

/**
 * The choice of a TAP device for the way out: STATE/tap, which the controller reads at its start.
 */
final class TapUplink {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,14}");

    /** To whom instances send what leaves the subnet: its router. */
    private static final String ROUTER = "0e:00:ac:1f:00:00";

    private static final Path DEVICES = Path.of("/proc/net/dev"); // of this network namespace

    private TapUplink() {}

    /**
     * Chooses a device.
     *
     * @throws CliException if it is none that this user can use, with the mend
     */
    static void choose(StateDirectory state, String name) {
        check(name);
        try {
            AtomicFile.write(state.tap(), name);
        } catch (IOException e) {
            throw new CliException("up: --tap " + name + ": " + ErrorLine.reason(e), e);
        }
    }

    /**
     * Looks whether the device that was chosen, if one was, is still there: after a restart of the
     * host it may not be.
     *
     * @throws CliException if it is not, with the mend
     */
    static void checkChosen(StateDirectory state) {
        try {
            if (Files.exists(state.tap())) {
                check(Files.readString(state.tap()));
            }
        } catch (IOException e) {
            throw new CliException(ErrorLine.reason(e), e);
        }
    }

    private static void check(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new CliException(
                    "up: --tap " + name + ": expected the name of a network interface");
        }
        try {
            if (!exists(name)) {
                throw new CliException(
                        "up: --tap %1$s: there is no such interface: sudo ip tuntap add dev %1$s mode tap user %2$s, or niter up --no-tap"
                                .formatted(name, System.getProperty("user.name")));
            }
            String mac = HexFormat.ofDelimiter(":").formatHex(Tap.probe(name));
            if (!mac.equals(ROUTER)) {
                throw new CliException(
                        "up: --tap %1$s: expected the address %2$s, got %3$s: sudo ip link set dev %1$s address %2$s"
                                .formatted(name, ROUTER, mac));
            }
        } catch (LinuxException e) {
            throw new CliException(
                    "up: --tap %s: expected a TAP device of this user's that no program has: %s"
                            .formatted(name, e.getMessage()),
                    e);
        } catch (IOException e) {
            throw new CliException("up: --tap " + name + ": " + ErrorLine.reason(e), e);
        }
    }

    private static boolean exists(String name) throws IOException {
        try (Stream<String> devices = Files.lines(DEVICES)) {
            return devices.anyMatch(line -> line.strip().startsWith(name + ":"));
        }
    }

    /** Goes back to the user-mode network. */
    static void forget(StateDirectory state) {
        try {
            Files.deleteIfExists(state.tap());
        } catch (IOException e) {
            throw new CliException("up: --no-tap: " + ErrorLine.reason(e), e);
        }
    }
}
