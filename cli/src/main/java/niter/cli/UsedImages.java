package niter.cli;

import java.util.Set;
import java.util.stream.Collectors;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;

/** The images that instances start from: each start reads the image's kernel. */
final class UsedImages {
    private UsedImages() {}

    /**
     * Their names, as the controller knows them.
     *
     * @throws CliException if instances may be there and nobody can be asked
     */
    static Set<String> now() {
        Host host = Host.open();
        if (!host.hasInstances()) {
            return Set.of();
        }
        try (NorthboundChannel channel = host.connect()) {
            return channel
                    .blocking()
                    .describeInstances(DescribeInstancesRequest.getDefaultInstance())
                    .getInstanceList()
                    .stream()
                    .filter(instance -> instance.getState() != InstanceState.TERMINATED)
                    .map(Instance::getImage)
                    .collect(Collectors.toSet());
        }
    }
}
