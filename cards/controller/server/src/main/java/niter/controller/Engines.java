package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Adapter;
import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Engine;
import niter.controller.control.protocol.Launch;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.controller.record.InstanceRecord;
import niter.linux.Descriptor;
import niter.linux.Signals;
import niter.linux.UnixSocket;

/** Starts hypervisors: one process per instance, named by its id. */
final class Engines {
    private static final int LAUNCH_VERSION = 1;
    private static final int ROOT_SLOT = 4; // EC2's: 00:04.0
    private static final int INTERFACE_SLOT = 5; // 00:05.0, which makes it ens5

    private final KeeperClient keeper;
    private final StateDirectory state;
    private final Program program;

    /** How a hypervisor is started: a java program and its argument file. */
    record Program(String java, String argumentFile) {}

    /** A machine that runs, and the controller's ends of its console and QMP to take over. */
    record Started(int pid, Descriptor console, Descriptor qmp) {}

    Engines(KeeperClient keeper, StateDirectory state, Program program) {
        this.keeper = keeper;
        this.state = state;
        this.program = program;
    }

    /**
     * Starts the machine of an instance.
     *
     * @throws KeeperRefusedException if one runs, or it cannot be started
     */
    Started start(InstanceRecord record) throws IOException {
        String id = record.getInstanceId();
        Path launch = state.instance(id).resolve("launch");
        DurableFile.write(launch, launch(record).toByteArray());
        Files.deleteIfExists(state.runSocket(id)); // of a machine that was killed
        Descriptor[] console = UnixSocket.pair(UnixSocket.Type.STREAM);
        Descriptor[] qmp = UnixSocket.pair(UnixSocket.Type.STREAM);
        boolean started = false;
        try (Descriptor theirConsole = console[1];
                Descriptor theirQmp = qmp[1]) {
            // Held before the machine runs: it never sees an end, whoever dies.
            keeper.hold(Map.of(Machine.consoleKey(id), console[0], Machine.qmpKey(id), qmp[0]));
            int pid = keeper.spawn(spawn(id, launch), theirConsole, theirQmp);
            started = true;
            return new Started(pid, console[0], qmp[0]);
        } finally {
            if (!started) {
                console[0].close();
                qmp[0].close();
            }
        }
    }

    private Spawn spawn(String id, Path launch) {
        return Spawn.newBuilder()
                .setProcess(id)
                .setExecutable(program.java)
                .addArguments("niter-hypervisor")
                .addArguments("@" + program.argumentFile)
                .addArguments(launch.toString())
                .setLogFile(state.log(id).toString())
                .setRestart(RestartPolicy.RESTART_NEVER)
                .build();
    }

    private Launch launch(InstanceRecord record) {
        Launch.Builder launch = Launch.newBuilder();
        if (Network.has(record)) {
            launch.addAdapter(
                    Adapter.newBuilder()
                            .setSlot(INTERFACE_SLOT)
                            .setSocketPath(
                                    state.functionSocket(record.getInterfaceId()).toString()));
        }
        return launch.setVersion(LAUNCH_VERSION)
                .setInstanceId(record.getInstanceId())
                .setInstanceType(record.getInstanceType())
                .setUuid(record.getUuid())
                .setVcpus(record.getVcpus())
                .setMemoryBytes(record.getMemoryBytes())
                .setKernel(record.getKernel())
                .setInitrd(record.getInitrd())
                .setCommandLine(record.getCommandLine())
                .addDisk(
                        Disk.newBuilder()
                                .setSlot(ROOT_SLOT)
                                .setSocketPath(
                                        state.functionSocket(record.getVolumeId()).toString()))
                .setRunSocket(state.runSocket(record.getInstanceId()).toString())
                .setEngine(
                        Engine.newBuilder()
                                .addAllCommand(record.getEngineCommandList())
                                .setVersion(record.getEngineVersion())
                                .setKvm(record.getEngineKvm()))
                .setReservationId(record.getReservationId())
                .build();
    }

    void kill(String id, int signal) throws IOException {
        try {
            keeper.kill(id, signal, false);
        } catch (KeeperRefusedException e) {
            return; // it has ended, which its event says too
        }
    }

    /** Makes sure that none runs, whether one was started or not. */
    void killAndForget(String id) throws IOException {
        keeper.kill(id, Signals.SIGKILL, true);
        keeper.release(id + "/");
    }

    /** Forgets a machine that has ended. */
    void forget(String id) throws IOException {
        keeper.release(id + "/");
        keeper.kill(id, 0, true);
        Files.deleteIfExists(state.runSocket(id));
    }
}
