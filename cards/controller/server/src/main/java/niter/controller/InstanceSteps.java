package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.util.function.BooleanSupplier;
import niter.controller.control.KeeperRefusedException;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/** What is done to bring an instance to where it is wished; on the instance's own thread. */
final class InstanceSteps {
    private static final System.Logger LOG = System.getLogger(InstanceSteps.class.getName());

    /** How long a guest may take to stop, after which it is ended. */
    static final long POWER_OFF_MILLIS = 30_000;

    private static final long PRESS_AGAIN_MILLIS = 3_000;
    private static final long KILL_MILLIS = 10_000;

    private final Instance instance;
    private final HostParts parts;

    InstanceSteps(Instance instance, HostParts parts) {
        this.instance = instance;
        this.parts = parts;
    }

    /** Volume, function, machine. What cannot be done stops or, at the first time, ends it. */
    void launch(InstanceRecord record) throws IOException {
        try {
            if (!record.getVolumeCreated()) {
                parts.volumes().create(record);
                instance.update(next -> next.setVolumeCreated(true));
            }
            parts.volumes().serve(record);
            parts.attachments().prepare(instance);
            if (Network.has(record)) {
                parts.network().serve(record);
            }
            start(record);
        } catch (Card.RefusedException | KeeperRefusedException | LinuxException e) {
            instance.notStarted();
            boolean never = !instance.record().getVolumeCreated();
            instance.wish(
                    never ? Wish.TERMINATE : Wish.STOP,
                    Reasons.failed(String.valueOf(e.getMessage())),
                    false);
        }
    }

    private void start(InstanceRecord record) throws IOException {
        String id = record.getInstanceId();
        if (!instance.starting()) {
            return;
        }
        Engines.Started started;
        try {
            started = parts.engines().start(record);
            Failpoint.CONTROLLER_MACHINE_STARTED.hit();
        } catch (KeeperRefusedException e) {
            throw e;
        } catch (IOException e) { // it may run or not: neither, then again
            parts.engines().killAndForget(id);
            instance.notStarted();
            throw e;
        }
        instance.started(started.pid(), attach(id, started.console(), started.qmp()));
    }

    /** Takes over the descriptors of a machine. */
    Machine attach(String id, Descriptor console, Descriptor qmp) {
        SerialConsole serial = new SerialConsole(id, parts.directories().resolve(id), console);
        return new Machine(serial, new Qmp(id, qmp, new MachineListener(instance)));
    }

    /** The power button, and the plug for a guest that does not listen. */
    void powerOff(@Nullable Machine machine) throws IOException {
        if (machine != null) {
            try {
                machine.onShutdown(false);
                if (machine.isShutDown()) {
                    machine.quit();
                }
                if (pressUntil(machine, () -> !instance.runs())) {
                    return;
                }
            } catch (IOException e) {
                if (!instance.runs()) {
                    return; // it ended meanwhile
                }
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: no power button: {1}",
                        instance.id(),
                        e.getMessage());
            }
        }
        if (instance.isStopWanted()) {
            kill();
        }
    }

    /** A guest that is still starting does not hear the button: it is pressed again. */
    private boolean pressUntil(Machine machine, BooleanSupplier over) throws IOException {
        for (long waited = 0; waited < POWER_OFF_MILLIS; waited += PRESS_AGAIN_MILLIS) {
            if (instance.runs()) {
                machine.powerButton();
            }
            if (instance.await(over, PRESS_AGAIN_MILLIS)) {
                return true;
            }
        }
        return false;
    }

    void kill() throws IOException {
        parts.engines().kill(instance.id(), Signals.SIGKILL);
        instance.await(() -> !instance.runs(), KILL_MILLIS);
    }

    /** Restarts the guest: it shuts down in order where it listens. */
    void reboot(@Nullable Machine machine) throws IOException {
        if (machine == null) {
            return;
        }
        machine.onShutdown(true);
        if (!machine.isShutDown()) {
            pressUntil(machine, instance::isGuestDown);
        }
        if (instance.isStopWanted() || !instance.runs()) {
            return;
        }
        parts.attachments().prepareReset(instance, machine);
        machine.reset();
        instance.rebooted();
    }

    /** Ends the functions; the volume is nobody's then. */
    void release(InstanceRecord record) throws IOException {
        withdraw(record);
        parts.attachments().release(record.getInstanceId());
        if (record.getVolumeCreated()) {
            try {
                parts.volumes().withdraw(record.getVolumeId());
            } catch (Card.RefusedException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
    }

    private void withdraw(InstanceRecord record) throws IOException {
        if (Network.has(record)) {
            try {
                parts.network().withdraw(record.getInterfaceId());
            } catch (Card.RefusedException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
    }

    /** Removes all that there is of it. */
    void delete(InstanceRecord record) throws IOException {
        withdraw(record);
        parts.attachments().end(record.getInstanceId());
        try {
            parts.volumes().withdraw(record.getVolumeId());
            parts.volumes().delete(record.getVolumeId());
        } catch (Card.RefusedException e) {
            throw new IOException(e.getMessage(), e);
        }
        Files.deleteIfExists(parts.logs().resolve(record.getInstanceId() + ".log"));
        Files.deleteIfExists(
                parts.logs().resolveSibling("ssh/" + record.getInstanceId() + ".known_hosts"));
        parts.store().remove(record);
    }

    /** Reads the rest of what an ended machine printed, and closes. */
    void discard(Machine machine) {
        try {
            machine.console().drain();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        machine.close();
    }

    void forget() throws IOException {
        parts.engines().forget(instance.id());
    }
}
