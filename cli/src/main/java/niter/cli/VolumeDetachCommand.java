package niter.cli;

import java.util.UUID;
import niter.controller.northbound.DetachVolumeRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Volume;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Detaches a volume. */
@Command(
        name = "detach",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Detach a volume from its instance: unmount it there first.",
            "The guest is asked, as by a hot-plug slot's button, and Linux lets go of a disk that is"
                    + " mounted, too: what was not flushed is lost then."
        })
final class VolumeDetachCommand implements Runnable {
    @Parameters(paramLabel = "VOLUME", description = "Id or name.")
    private String volume = "";

    @Option(
            names = "--force",
            description =
                    "Whether the guest answers or not: what it has not flushed is lost, and it gets"
                            + " I/O errors.")
    private boolean force;

    @Override
    public void run() {
        DetachVolumeRequest request =
                DetachVolumeRequest.newBuilder()
                        .setVolume(volume)
                        .setForce(force)
                        .setClientToken(UUID.randomUUID().toString())
                        .build();
        Volume left;
        try (NorthboundChannel channel = Host.open().connect()) {
            left = channel.blocking().detachVolume(request);
        }
        if (left.getAttachmentState().equals("detaching")) {
            throw new CliException(
                    "%s: is still detaching: %s has not let go of it; --force does not wait for it"
                            .formatted(left.getVolumeId(), left.getInstanceId()));
        }
    }
}
