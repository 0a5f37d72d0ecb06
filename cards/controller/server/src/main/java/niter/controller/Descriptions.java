package niter.controller;

import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.record.InstanceRecord;

/** Instances as the API shows them. */
final class Descriptions {
    private Descriptions() {}

    /**
     * All but the run socket.
     *
     * @param note what is wrong while it runs, or empty
     */
    static Instance.Builder of(InstanceRecord record, InstanceState state, String note) {
        return Instance.newBuilder()
                .setInstanceId(record.getInstanceId())
                .setName(record.getName())
                .setInstanceType(record.getInstanceType())
                .setImage(record.getImage())
                .setState(state)
                .setStateReason(note.isEmpty() ? record.getStateReason() : note)
                .setLaunchedUnixMs(record.getLaunchedUnixMs())
                .setRootVolumeId(record.getVolumeId())
                .setVcpus(record.getVcpus())
                .setMemoryBytes(record.getMemoryBytes())
                .setNetworkInterfaceId(record.getInterfaceId())
                .setPrivateIpAddress(record.getPrivateIpv4())
                .setPublicIpAddress(record.getPublicIpv4())
                .setIpv6Address(Network.ipv6(record))
                .addAllSecurityGroup(record.getSecurityGroupList());
    }

    /** One that is gone. */
    static Instance terminated(InstanceRecord record) {
        return of(record, InstanceState.TERMINATED, "").build();
    }
}
