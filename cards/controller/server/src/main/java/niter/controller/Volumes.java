package niter.controller;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.DeleteVolume;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Function;
import niter.controller.control.protocol.ListFunctions;
import niter.controller.control.protocol.RemoveFunction;
import niter.controller.control.protocol.ToCard;
import niter.controller.record.InstanceRecord;
import niter.controller.record.VolumeRecord;

/** Volumes and their functions, as the EBS card is asked for them. The card starts when needed. */
final class Volumes {
    static final String CARD = "ebs";

    /** The name in EC2's block device mapping. */
    static final String ROOT_DEVICE = "/dev/xvda";

    private final Card card;
    private final CardProcess process;
    private final StateDirectory state;

    Volumes(Card card, CardProcess process, StateDirectory state) {
        this.card = card;
        this.process = process;
        this.state = state;
    }

    /** Makes an instance's root volume from its image. */
    void create(InstanceRecord record) throws Card.RefusedException, IOException {
        ask(
                ToCard.newBuilder()
                        .setCreateVolume(
                                CreateVolume.newBuilder()
                                        .setVolumeId(record.getVolumeId())
                                        .setSizeBytes(record.getVolumeSizeBytes())
                                        .setSource(record.getRootDisk())));
    }

    /** Makes a volume that is no instance's root, all zeroes. */
    void create(VolumeRecord record) throws Card.RefusedException, IOException {
        ask(
                ToCard.newBuilder()
                        .setCreateVolume(
                                CreateVolume.newBuilder()
                                        .setVolumeId(record.getVolumeId())
                                        .setSizeBytes(record.getSizeBytes())));
    }

    /** Makes it a function that can be plugged into a machine that runs, and out. */
    void serve(VolumeRecord record) throws Card.RefusedException, IOException {
        serve(record.getVolumeId(), record.getDeviceName(), true);
    }

    /** Where a volume's function listens. */
    String socket(String volumeId) {
        return state.functionSocket(volumeId).toString();
    }

    /** Makes the root volume a function that a machine can be plugged into. */
    void serve(InstanceRecord record) throws Card.RefusedException, IOException {
        serve(record.getVolumeId(), ROOT_DEVICE, false);
    }

    private void serve(String id, String deviceName, boolean detachable)
            throws Card.RefusedException, IOException {
        ask(
                ToCard.newBuilder()
                        .setEnsureFunction(
                                EnsureFunction.newBuilder()
                                        .setFunctionId(id)
                                        .setVolumeId(id)
                                        .setSocketPath(socket(id))
                                        .setDeviceName(deviceName)
                                        .setDetachable(detachable)));
    }

    /** Ends the function; the volume stays. */
    void withdraw(String volumeId) throws Card.RefusedException, IOException {
        ask(
                ToCard.newBuilder()
                        .setRemoveFunction(RemoveFunction.newBuilder().setFunctionId(volumeId)));
    }

    void delete(String volumeId) throws Card.RefusedException, IOException {
        ask(ToCard.newBuilder().setDeleteVolume(DeleteVolume.newBuilder().setVolumeId(volumeId)));
    }

    /** Ids of the volumes that the card serves now. */
    Set<String> served() throws Card.RefusedException, IOException {
        FromCard answer =
                card.ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()));
        Set<String> ids = new HashSet<>();
        for (Function function : answer.getFunctions().getFunctionList()) {
            ids.add(function.getVolumeId());
        }
        return ids;
    }

    /** Whether the guest's own driver has a root volume; firmware does not count. */
    boolean isDriven(String volumeId) throws Card.RefusedException, IOException {
        return card
                .ask(ToCard.newBuilder().setListFunctions(ListFunctions.getDefaultInstance()))
                .getFunctions()
                .getFunctionList()
                .stream()
                .anyMatch(one -> one.getVolumeId().equals(volumeId) && one.getDriven());
    }

    private void ask(ToCard.Builder request) throws Card.RefusedException, IOException {
        process.start();
        card.ask(request);
    }
}
