package niter.cli;

import java.util.UUID;
import niter.controller.northbound.CreateVolumeRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes a volume. */
@Command(
        name = "create",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Make a volume, all zeroes; print its id.")
final class VolumeCreateCommand implements Runnable {
    @Option(
            names = "--size",
            required = true,
            paramLabel = "GIB",
            description = "1 to 16384. What was never written takes no space on the disk.")
    private long sizeGib;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "A name that other commands take in place of the id.")
    private String name = "";

    @Override
    public void run() {
        CreateVolumeRequest request =
                CreateVolumeRequest.newBuilder()
                        .setClientToken(UUID.randomUUID().toString())
                        .setSizeGib(sizeGib)
                        .setName(name)
                        .build();
        try (NorthboundChannel channel = Host.open().connect()) {
            System.out.println(channel.blocking().createVolume(request).getVolumeId());
        }
    }
}
