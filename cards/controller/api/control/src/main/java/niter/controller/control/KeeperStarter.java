package niter.controller.control;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.Processes;
import org.jspecify.annotations.Nullable;

/**
 * Starts a keeper in a session of its own. Several may be started at one moment: the lock in the
 * state directory lets one live.
 */
public final class KeeperStarter {
    private static final System.Logger LOG = System.getLogger(KeeperStarter.class.getName());

    /** In the environment of what a keeper started, by which its successor finds it. */
    private static final String PROCESS_MARK = "NITER_PROCESS";

    /** In the environment of what a keeper started to take the place of another. */
    static final String STANDBY = "NITER_STANDBY";

    private static final long PAUSE_NANOS = 1_000_000_000L;
    private static final int OWNER_ONLY = 0600;

    private final StateDirectory state;
    private final String java;
    private final Path dist;
    private int child;
    private long startedNanos;
    private boolean started; // guarded by this

    /**
     * A starter.
     *
     * @param java path of the java program
     * @param dist directory of the built program, where keeper.args is
     */
    public KeeperStarter(StateDirectory state, String java, Path dist) {
        this.state = state;
        this.java = java;
        this.dist = dist;
    }

    /**
     * As NITER_JAVA and NITER_DIST say, which every process of Niter inherits.
     *
     * @throws IllegalStateException if one of them is not set
     */
    public static KeeperStarter fromEnvironment(StateDirectory state) {
        Map<String, String> environment = System.getenv();
        return new KeeperStarter(
                state,
                variable(environment, "NITER_JAVA"),
                Path.of(variable(environment, "NITER_DIST")));
    }

    private static String variable(Map<String, String> environment, String name) {
        @Nullable String value = environment.get(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set: start this with ./niter");
        }
        return value;
    }

    /**
     * Starts one keeper, unless the last one that this started still runs or was started within a
     * second. Safe to call again and again while no keeper answers; what fails is logged.
     */
    public synchronized void start() {
        long now = System.nanoTime();
        if (child != 0 && Processes.reap(child) != null) {
            child = 0; // reaped once: its number may be another's soon
        }
        if (child != 0 || started && now - startedNanos < PAUSE_NANOS) {
            return;
        }
        try (Descriptor log = log()) {
            child = spawn(Processes.DEV_NULL, log.number());
            startedNanos = now;
            started = true;
            LOG.log(System.Logger.Level.INFO, "started keeper {0}", Integer.toString(child));
        } catch (LinuxException e) {
            LOG.log(System.Logger.Level.ERROR, "cannot start keeper: {0}", e.getMessage());
        }
    }

    /**
     * Starts one keeper.
     *
     * @param output descriptor that becomes its standard output; it writes "ready" and a newline
     *     there once the controller serves, then closes it; {@link Processes#DEV_NULL} for nowhere
     * @param error descriptor for what it says before that
     * @return its pid; it is a child of this process
     */
    public int spawn(int output, int error) {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.remove(PROCESS_MARK);
        environment.remove(STANDBY);
        environment.put("NITER_JAVA", java);
        environment.put("NITER_DIST", dist.toString());
        List<String> entries = new ArrayList<>();
        environment.forEach((name, value) -> entries.add(name + "=" + value));
        String arguments = "@" + dist.resolve("keeper.args");
        return Processes.spawn(
                java,
                List.of("niter-keeper", arguments, "--state", state.root().toString()),
                entries,
                new int[] {Processes.DEV_NULL, output, error},
                true);
    }

    private Descriptor log() {
        int flags = FileIo.O_WRONLY | FileIo.O_CREAT | FileIo.O_APPEND;
        return FileIo.open(state.log("keeper"), flags, OWNER_ONLY);
    }
}
