package niter.hypervisor;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;
import niter.controller.control.protocol.Adapter;
import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Launch;

/** Reads what the controller wrote, and checks what ends up in firmware tables and options. */
final class LaunchFile {
    static final int VERSION = 1;

    private static final Pattern INSTANCE_ID = Pattern.compile("i-[0-9a-f]{17}");
    private static final Pattern UUID =
            Pattern.compile("ec2[0-9a-f]{5}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    private static final int LAST_SLOT = 31; // PCI: five bits
    private static final long MEGABYTE = 1L << 20;

    private LaunchFile() {}

    static Launch read(Path file) throws LaunchException {
        Launch launch;
        try {
            launch = Launch.parseFrom(Files.readAllBytes(file));
        } catch (InvalidProtocolBufferException e) {
            throw new LaunchException(file + ": not a launch file: " + e.getMessage());
        } catch (IOException e) {
            String reason = e instanceof NoSuchFileException ? "not found" : e.getMessage();
            throw new LaunchException(file + ": " + reason);
        }
        check(launch);
        return launch;
    }

    static void check(Launch launch) throws LaunchException {
        require(launch.getVersion() == VERSION, "version", "1", launch.getVersion());
        require(
                INSTANCE_ID.matcher(launch.getInstanceId()).matches(),
                "instance_id",
                "i- and 17 hexadecimal digits",
                launch.getInstanceId());
        require(
                UUID.matcher(launch.getUuid()).matches(),
                "uuid",
                "lower case, beginning with ec2",
                launch.getUuid());
        require(launch.getVcpus() > 0, "vcpus", "1 or more", launch.getVcpus());
        require(
                launch.getMemoryBytes() > 0 && launch.getMemoryBytes() % MEGABYTE == 0,
                "memory_bytes",
                "a multiple of 1 MiB",
                launch.getMemoryBytes());
        require(launch.getEngine().getCommandCount() > 0, "engine.command", "a program", "nothing");
        exists("engine.command", launch.getEngine().getCommand(0));
        exists("kernel", launch.getKernel());
        if (!launch.getInitrd().isEmpty()) {
            exists("initrd", launch.getInitrd());
        }
        for (Disk disk : launch.getDiskList()) {
            require(
                    disk.getSlot() > 1 && disk.getSlot() <= LAST_SLOT,
                    "disk.slot",
                    "2 to 31",
                    disk.getSlot());
        }
        for (Adapter adapter : launch.getAdapterList()) {
            require(
                    adapter.getSlot() > 1 && adapter.getSlot() <= LAST_SLOT,
                    "adapter.slot",
                    "2 to 31",
                    adapter.getSlot());
        }
    }

    private static void exists(String field, String path) throws LaunchException {
        if (!Files.isReadable(Path.of(path))) {
            throw new LaunchException(field + ": " + path + " is not there or not readable");
        }
    }

    private static void require(boolean holds, String field, String expected, Object got)
            throws LaunchException {
        if (!holds) {
            throw new LaunchException(field + ": expected " + expected + ", got " + got);
        }
    }
}
