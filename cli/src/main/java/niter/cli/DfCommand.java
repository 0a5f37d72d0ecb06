package niter.cli;

import niter.controller.northbound.Capacity;
import niter.controller.northbound.DescribeCapacityRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Volume;
import niter.images.Image;
import niter.images.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Shows what is used and what is free. */
@Command(
        name = "df",
        mixinStandardHelpOptions = true,
        description = "Show what instances, volumes and images use, and what is free.")
final class DfCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Capacity capacity;
        try (NorthboundChannel channel = Host.open().connect()) {
            capacity =
                    channel.blocking()
                            .describeCapacity(DescribeCapacityRequest.getDefaultInstance());
        }
        Table table = new Table("Kind", "Name", "Used", "Size", "Owner");
        table.row(
                Table.Cell.of("vcpus"),
                Table.Cell.of("host"),
                Table.Cell.of(capacity.getVcpusUsed()),
                Table.Cell.of(capacity.getVcpus()),
                Table.Cell.of(""));
        table.row(
                Table.Cell.of("memory"),
                Table.Cell.of("host"),
                Table.Cell.bytes(capacity.getMemoryUsedBytes()),
                Table.Cell.bytes(capacity.getMemoryBytes()),
                Table.Cell.of(""));
        long allocated = 0;
        for (Volume volume : capacity.getVolumeList()) {
            allocated += volume.getAllocatedBytes();
        }
        table.row(
                Table.Cell.of("disk"),
                Table.Cell.of("host"),
                Table.Cell.bytes(allocated),
                Table.Cell.bytes(allocated + capacity.getDiskFreeBytes()),
                Table.Cell.of(""));
        for (Volume volume : capacity.getVolumeList()) {
            table.row(
                    Table.Cell.of("volume"),
                    Table.Cell.of(volume.getVolumeId()),
                    Table.Cell.bytes(volume.getAllocatedBytes()),
                    Table.Cell.bytes(volume.getSizeBytes()),
                    Table.Cell.of(volume.getInstanceId()));
        }
        for (Image image : Images.list(CacheDirectory.fromEnvironment())) {
            table.row(
                    Table.Cell.of("image"),
                    Table.Cell.of(image.name()),
                    Table.Cell.bytes(AllocatedBytes.of(image.rootDisk())),
                    Table.Cell.bytes(image.sizeBytes()),
                    Table.Cell.of(""));
        }
        table.print(System.out, json.isSet());
    }
}
