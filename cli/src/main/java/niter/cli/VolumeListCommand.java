package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.DescribeVolumesRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Volume;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Lists volumes. */
@Command(
        name = "ls",
        aliases = "list",
        mixinStandardHelpOptions = true,
        description = "List volumes, the instances' root volumes first.")
final class VolumeListCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Parameters(arity = "0..*", paramLabel = "VOLUME", description = "Ids or names; default: all.")
    private List<String> volumes = new ArrayList<>();

    @Override
    public void run() {
        Table table =
                new Table("Volume", "Name", "Size", "Used", "State", "Instance", "Device", "Note");
        try (NorthboundChannel channel = Host.open().connect()) {
            var request = DescribeVolumesRequest.newBuilder().addAllVolume(volumes).build();
            for (Volume volume : channel.blocking().describeVolumes(request).getVolumeList()) {
                table.row(
                        Table.Cell.of(volume.getVolumeId()),
                        Table.Cell.of(volume.getName()),
                        Table.Cell.bytes(volume.getSizeBytes()),
                        Table.Cell.bytes(volume.getAllocatedBytes()),
                        Table.Cell.of(state(volume)),
                        Table.Cell.of(volume.getInstanceId()),
                        Table.Cell.of(volume.getDevice()),
                        Table.Cell.of(volume.getProblem()));
            }
        }
        table.print(System.out, json.isSet());
    }

    private static String state(Volume volume) {
        String attachment = volume.getAttachmentState();
        return attachment.endsWith("ing") ? attachment : volume.getState();
    }
}
