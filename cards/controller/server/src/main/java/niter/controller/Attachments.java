package niter.controller;

import java.io.IOException;
import java.util.Set;
import java.util.stream.Collectors;
import niter.controller.record.VolumeRecord;
import org.jspecify.annotations.Nullable;

/**
 * Brings volumes to and from instances, as their records say; on the instance's own thread. Each
 * step may be repeated: what a machine has is asked from it.
 */
final class Attachments {
    private static final System.Logger LOG = System.getLogger(Attachments.class.getName());

    /** EC2's slots for added volumes: from here on downward, to the one after the interface. */
    static final int FIRST_SLOT = 31;

    static final int LAST_SLOT = 6;

    /** After this the guest is asked again: one that was starting did not hear. */
    private static final long ASK_AGAIN_MILLIS = 3_000;

    /** How long a guest may take to find its root disk, and how often that is looked at. */
    private static final long BOOT_MILLIS = 60_000;

    private static final long LOOK_MILLIS = 250;

    private final VolumeRecords records;
    private final Volumes volumes;

    Attachments(VolumeRecords records, Volumes volumes) {
        this.records = records;
        this.volumes = volumes;
    }

    /** QEMU's name for what is in a slot. */
    static String device(int slot) {
        return "disk" + slot;
    }

    /**
     * Whether there is something to do for an instance.
     *
     * @param unplugged devices that its machine has lost
     */
    boolean isPending(String instanceId, Set<String> unplugged) {
        return records.of(instanceId).stream().anyMatch(one -> isPending(one, unplugged));
    }

    private static boolean isPending(VolumeRecord one, Set<String> unplugged) {
        return one.getDetaching()
                || !one.getAttached()
                || unplugged.contains(device(one.getSlot()));
    }

    /** Does what there is to do, on a machine that runs or without one. */
    void settle(Instance instance, @Nullable Machine machine) throws IOException {
        for (VolumeRecord one : records.of(instance.id())) {
            boolean lost = instance.unplugged().contains(device(one.getSlot()));
            if (one.getDetaching() || one.getAttached() && lost) {
                detach(one, instance, machine);
            } else if (!one.getAttached()) {
                attach(one, instance, machine);
            }
        }
    }

    private void attach(VolumeRecord one, Instance instance, @Nullable Machine machine)
            throws IOException {
        if (machine != null && !awaitRoot(instance)) {
            return;
        }
        Set<String> present = machine == null ? Set.of() : machine.devices();
        try {
            VolumeRecord placed = withSlot(one, present);
            if (machine != null && !present.contains(device(placed.getSlot()))) {
                volumes.serve(placed);
                instance.forgetUnplugged(device(placed.getSlot())); // of one before it
                machine.plug(
                        device(placed.getSlot()),
                        placed.getSlot(),
                        volumes.socket(placed.getVolumeId()));
            }
            records.update(one.getVolumeId(), next -> next.setAttached(true));
            LOG.log(
                    System.Logger.Level.INFO,
                    "{0}: attached to {1} as {2}",
                    one.getVolumeId(),
                    one.getInstanceId(),
                    one.getDeviceName());
        } catch (Card.RefusedException | Qmp.RefusedException e) {
            String problem = String.valueOf(e.getMessage());
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", one.getVolumeId(), problem);
            finish(one, problem);
        }
    }

    /**
     * Linux numbers the disks that it finds at its start in any order, and images name their root
     * disk by its number: so it is to have that one first.
     *
     * @return false if the machine is to stop or to start anew meanwhile, or has stopped
     */
    private boolean awaitRoot(Instance instance) throws IOException {
        String root = instance.record().getVolumeId();
        try {
            for (long waited = 0;
                    waited < BOOT_MILLIS && !volumes.isDriven(root);
                    waited += LOOK_MILLIS) {
                instance.await(() -> false, LOOK_MILLIS);
                if (instance.isStopWanted()
                        || !instance.runs()
                        || instance.record().getRebooting()) {
                    return false;
                }
            }
            return true;
        } catch (Card.RefusedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** A slot is taken for as long as the machine has a device there, whoever's it was. */
    private VolumeRecord withSlot(VolumeRecord one, Set<String> present)
            throws IOException, Card.RefusedException {
        if (one.getSlot() != 0) {
            return one;
        }
        Set<String> taken =
                records.of(one.getInstanceId()).stream()
                        .map(other -> device(other.getSlot()))
                        .collect(Collectors.toSet());
        taken.addAll(present);
        for (int slot = FIRST_SLOT; slot >= LAST_SLOT; slot--) {
            if (!taken.contains(device(slot))) {
                int free = slot;
                return records.update(one.getVolumeId(), next -> next.setSlot(free));
            }
        }
        throw new Card.RefusedException(
                "AttachmentLimitExceeded: no slot of the machine is free: stop and start it");
    }

    private void detach(VolumeRecord one, Instance instance, @Nullable Machine machine)
            throws IOException {
        String device = device(one.getSlot());
        if (machine != null && one.getSlot() != 0) {
            if (one.getForce()) {
                withdraw(one); // first: from now on the guest's commands fail
            }
            if (machine.devices().contains(device) && !unplug(device, instance, machine)) {
                if (!one.getForce()) {
                    return; // the guest has not let go of it: ask again
                }
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: {1} keeps its slot until it stops",
                        one.getVolumeId(),
                        one.getInstanceId());
            }
        }
        finish(one, "");
        instance.forgetUnplugged(device);
    }

    /** Asks the guest to let go of a device; whether it did. */
    private static boolean unplug(String device, Instance instance, Machine machine)
            throws IOException {
        try {
            machine.unplug(device);
        } catch (Qmp.RefusedException e) {
            // It was asked before and has not answered, or it has let go of it meanwhile.
            LOG.log(
                    System.Logger.Level.DEBUG,
                    "{0}: {1}: {2}",
                    instance.id(),
                    device,
                    e.getMessage());
        }
        return instance.await(() -> instance.unplugged().contains(device), ASK_AGAIN_MILLIS)
                || !machine.devices().contains(device);
    }

    private void withdraw(VolumeRecord one) throws IOException {
        try {
            volumes.withdraw(one.getVolumeId());
        } catch (Card.RefusedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** It is nobody's any more. */
    private void finish(VolumeRecord one, String problem) throws IOException {
        withdraw(one);
        records.update(
                one.getVolumeId(),
                next ->
                        next.clearInstanceId()
                                .clearDeviceName()
                                .clearSlot()
                                .clearAttached()
                                .clearDetaching()
                                .clearForce()
                                .setProblem(problem));
        LOG.log(
                System.Logger.Level.INFO,
                "{0}: detached from {1}",
                one.getVolumeId(),
                one.getInstanceId());
    }

    /** Before a machine starts: it gets its volumes once its guest has its root disk. */
    void prepare(Instance instance) throws IOException {
        for (VolumeRecord one : records.of(instance.id())) {
            if (one.getDetaching()) {
                detach(one, instance, null);
            } else if (one.getAttached()) {
                records.update(one.getVolumeId(), next -> next.setAttached(false));
            }
        }
    }

    /** Before a machine is reset, which takes out of it what its guest was asked to let go of. */
    void prepareReset(Instance instance, Machine machine) throws IOException {
        for (VolumeRecord one : records.of(instance.id())) {
            if (one.getAttached() && !one.getDetaching()) {
                try {
                    machine.unplug(device(one.getSlot()));
                } catch (Qmp.RefusedException e) {
                    continue; // it was asked before, or has let go of it
                }
                records.update(one.getVolumeId(), next -> next.setAttached(false));
            }
        }
    }

    /** The machine is gone: functions end, volumes stay the instance's. */
    void release(String instanceId) throws IOException {
        for (VolumeRecord one : records.of(instanceId)) {
            withdraw(one);
        }
    }

    /** The instance is gone: its volumes are nobody's. */
    void end(String instanceId) throws IOException {
        for (VolumeRecord one : records.of(instanceId)) {
            finish(one, "");
        }
    }
}
