package niter.hypervisor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import niter.controller.control.protocol.Launch;
import niter.linux.LinuxException;
import niter.linux.Processes;

/**
 * The hypervisor's process, one per instance. {@code HypervisorMain LAUNCH_FILE} writes the
 * instance's firmware tables beside the launch file and becomes the engine: same process id,
 * descriptors and environment. Where that fails it ends with status 1 and one line.
 */
public final class HypervisorMain {
    private static final int CANNOT_START = 1;

    private HypervisorMain() {}

    /** Returns only by ending the process. */
    public static void main(String[] arguments) {
        try {
            if (arguments.length != 1) {
                throw new LaunchException("expected LAUNCH_FILE");
            }
            become(Path.of(arguments[0]));
        } catch (IOException | LaunchException | LinuxException e) {
            System.err.println("niter-hypervisor: " + e.getMessage());
            System.exit(CANNOT_START);
        }
    }

    private static void become(Path file) throws IOException, LaunchException {
        Launch launch = LaunchFile.read(file);
        List<Path> tables = new ArrayList<>();
        for (Map.Entry<Integer, byte[]> table : Smbios.structures(launch).entrySet()) {
            Path path = file.resolveSibling("smbios." + table.getKey());
            tables.add(Files.write(path, table.getValue())); // read by this process alone
        }
        List<String> command = QemuCommand.of(launch, tables);
        Processes.execve(command.getFirst(), command, environment(), QemuCommand.DESCRIPTORS);
    }

    /** All of it: the keeper's mark is in it, by which its successor finds this process. */
    private static List<String> environment() {
        List<String> entries = new ArrayList<>();
        System.getenv().forEach((name, value) -> entries.add(name + "=" + value));
        return entries;
    }
}
