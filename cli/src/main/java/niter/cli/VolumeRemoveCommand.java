package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.DeleteVolumeRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Deletes volumes. */
@Command(
        name = "rm",
        aliases = "delete",
        mixinStandardHelpOptions = true,
        description = "Delete volumes that are attached to no instance, and what is on them.")
final class VolumeRemoveCommand implements Runnable {
    @Parameters(arity = "1..*", paramLabel = "VOLUME", description = "Ids or names.")
    private List<String> volumes = new ArrayList<>();

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            for (String volume : volumes) {
                channel.blocking()
                        .deleteVolume(DeleteVolumeRequest.newBuilder().setVolume(volume).build());
            }
        }
    }
}
