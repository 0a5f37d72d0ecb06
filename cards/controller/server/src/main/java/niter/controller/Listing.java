package niter.controller;

import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instances;
import niter.controller.record.InstanceRecord;
import org.jspecify.annotations.Nullable;

/** Which instances a request means, and what they are now. */
final class Listing {
    private final Host host;

    Listing(Host host) {
        this.host = host;
    }

    /** Those that are named, or all; the ones that are gone first. */
    Instances describe(DescribeInstancesRequest request) throws ApiException {
        Instances.Builder all = Instances.newBuilder();
        if (request.getInstanceCount() == 0) {
            for (InstanceRecord gone : host.instances().terminated()) {
                all.addInstance(Descriptions.terminated(gone));
            }
            for (Instance instance : host.instances().all()) {
                all.addInstance(host.watchers().describe(instance));
            }
        }
        for (String named : request.getInstanceList()) {
            @Nullable InstanceRecord gone = host.instances().terminated(named);
            all.addInstance(
                    gone == null
                            ? host.watchers().describe(host.instances().find(named))
                            : Descriptions.terminated(gone));
        }
        return all.build();
    }
}
