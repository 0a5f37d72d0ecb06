package niter.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Engine;
import niter.controller.control.protocol.Launch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LaunchFileTest {
    @TempDir Path directory;

    @Test
    void readsWhatTheControllerWrote() throws Exception {
        Launch launch = existing().build();
        assertThat(LaunchFile.read(write(launch.toByteArray()))).isEqualTo(launch);
    }

    @Test
    void namesWhatIsWrong() throws Exception {
        refused(launch -> launch.setVersion(2), "version: expected 1, got 2");
        refused(launch -> launch.setInstanceId("i-1,file=/etc/passwd"), "instance_id: expected i-");
        refused(launch -> launch.setUuid("EC2E1916"), "uuid: expected lower case");
        refused(launch -> launch.setVcpus(0), "vcpus: expected 1 or more, got 0");
        refused(launch -> launch.setMemoryBytes(1000), "memory_bytes: expected a multiple");
        refused(
                launch -> launch.setKernel("/nowhere/vmlinuz"),
                "kernel: /nowhere/vmlinuz is not there or not readable");
        refused(launch -> launch.setInitrd("/nowhere/initrd"), "initrd: /nowhere/initrd is not");
        refused(launch -> launch.clearEngine(), "engine.command: expected a program, got nothing");
        refused(
                launch -> launch.addDisk(Disk.newBuilder().setSlot(1)),
                "disk.slot: expected 2 to 31, got 1");
        assertThatThrownBy(() -> LaunchFile.read(directory.resolve("none")))
                .isInstanceOf(LaunchException.class)
                .hasMessageEndingWith("none: not found");
        assertThatThrownBy(() -> LaunchFile.read(write(new byte[] {1, 2, 3})))
                .isInstanceOf(LaunchException.class)
                .hasMessageContaining("not a launch file");
    }

    private void refused(UnaryOperator<Launch.Builder> change, String message) throws IOException {
        Path file = write(change.apply(existing()).build().toByteArray());
        assertThatThrownBy(() -> LaunchFile.read(file))
                .isInstanceOf(LaunchException.class)
                .hasMessageStartingWith(message);
    }

    private Launch.Builder existing() throws IOException {
        Path kernel = Files.writeString(directory.resolve("vmlinuz"), "kernel");
        return TestLaunch.minimal()
                .setKernel(kernel.toString())
                .setEngine(Engine.newBuilder().addCommand(kernel.toString()));
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("launch"), bytes);
    }
}
