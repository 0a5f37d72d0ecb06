package niter.controller;

import io.grpc.stub.StreamObserver;
import niter.controller.northbound.AttachVolumeRequest;
import niter.controller.northbound.CreateVolumeRequest;
import niter.controller.northbound.DeleteVolumeRequest;
import niter.controller.northbound.DescribeVolumesRequest;
import niter.controller.northbound.DetachVolumeRequest;
import niter.controller.northbound.Volume;
import niter.controller.northbound.Volumes;

/** The northbound API's calls about volumes, added to those of {@link VpcService}. */
abstract class VolumeService extends VpcService {
    private final EbsVolumes volumes;

    VolumeService(Network network, EbsVolumes volumes) {
        super(network);
        this.volumes = volumes;
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<Volume> answer) {
        answer(answer, () -> volumes.describe(volumes.create(request)));
    }

    @Override
    public void attachVolume(AttachVolumeRequest request, StreamObserver<Volume> answer) {
        answer(answer, () -> volumes.attach(request));
    }

    @Override
    public void detachVolume(DetachVolumeRequest request, StreamObserver<Volume> answer) {
        answer(answer, () -> volumes.detach(request));
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<Volume> answer) {
        answer(answer, () -> volumes.describe(volumes.delete(request.getVolume())));
    }

    @Override
    public void describeVolumes(DescribeVolumesRequest request, StreamObserver<Volumes> answer) {
        answer(
                answer,
                () ->
                        Volumes.newBuilder()
                                .addAllVolume(volumes.describe(request.getVolumeList()))
                                .build());
    }
}
