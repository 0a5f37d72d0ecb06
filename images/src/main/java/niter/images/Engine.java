package niter.images;

import java.nio.file.Path;
import java.util.List;

/**
 * A QEMU that speaks vfio-user.
 *
 * @param version as it calls itself: "11.1.3"
 * @param command how to start it; the caller's arguments follow
 * @param firmwareDirectories where its ROMs lie: one {@code -L} each; empty where it knows itself
 * @param kvm whether the processor's virtualization can be used by this user now
 */
public record Engine(
        String version, List<String> command, List<Path> firmwareDirectories, boolean kvm) {
    /** Keeps its own copies of the lists. */
    public Engine {
        command = List.copyOf(command);
        firmwareDirectories = List.copyOf(firmwareDirectories);
    }
}
