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

/** Volumes and their functions, as the EBS card is asked for them. The card starts when needed. */
final class Volumes {
    static final String CARD = "ebs";

    /** The name in EC2's block device mapping. */
    private static final String ROOT_DEVICE = "/dev/xvda";

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

    /** Makes the root volume a function that a machine can be plugged into. */
    void serve(InstanceRecord record) throws Card.RefusedException, IOException {
        String id = record.getVolumeId();
        ask(
                ToCard.newBuilder()
                        .setEnsureFunction(
                                EnsureFunction.newBuilder()
                                        .setFunctionId(id)
                                        .setVolumeId(id)
                                        .setSocketPath(state.functionSocket(id).toString())
                                        .setDeviceName(ROOT_DEVICE)));
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

    private void ask(ToCard.Builder request) throws Card.RefusedException, IOException {
        process.start();
        card.ask(request);
    }
}
