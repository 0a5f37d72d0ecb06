package niter.cli;

import java.util.UUID;
import niter.controller.northbound.AttachVolumeRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Volume;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Attaches a volume. */
@Command(
        name = "attach",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Attach a volume to an instance; print its device name.",
            "The guest finds it as an NVMe disk whose serial number is the volume's id."
        })
final class VolumeAttachCommand implements Runnable {
    @Parameters(paramLabel = "VOLUME", description = "Id or name.")
    private String volume = "";

    @Parameters(paramLabel = "INSTANCE", description = "Id or name.")
    private String instance = "";

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description =
                    "/dev/sdf, say; default: the first that is free. In the tools"
                            + " image ebsnvme-id shows it.")
    private String device = "";

    @Override
    public void run() {
        AttachVolumeRequest request =
                AttachVolumeRequest.newBuilder()
                        .setVolume(volume)
                        .setInstance(instance)
                        .setDevice(device)
                        .setClientToken(UUID.randomUUID().toString())
                        .build();
        Volume attached;
        try (NorthboundChannel channel = Host.open().connect()) {
            attached = channel.blocking().attachVolume(request);
        }
        if (!attached.getAttachmentState().equals("attached")) {
            throw new CliException(
                    attached.getVolumeId() + ": is still " + attached.getAttachmentState());
        }
        System.out.println(attached.getDevice());
    }
}
