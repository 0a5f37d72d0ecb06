package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.controller.control.Ipv4;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.controller.record.InstanceRecord;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * The way out: the engine's QEMU without a machine, whose user-mode network is joined to the VPC
 * card's socket. It holds no guest memory and needs no privileges. Which host ports reach which
 * instance is told at run time; what it forwards already is asked first, since it and this process
 * end independently of each other. With a TAP device of the user's in its place nothing is
 * forwarded: the host routes.
 */
final class Uplink implements Qmp.Listener {
    static final String NAME = "uplink";

    /** Its own network, for translation inside one host (RFC 7335): no guest reaches it. */
    static final String NETWORK = "192.0.0.0/29";

    /** Where callers on the host come from, seen from an instance. */
    static final String CALLERS = "192.0.0.2/32";

    private static final int CALLER = Ipv4.Range.of(CALLERS).base();

    private static final System.Logger LOG = System.getLogger(Uplink.class.getName());
    private static final int READY_SECONDS = 10;
    private static final String NOT_BOUND = "Could not set up host forwarding rule";
    private static final long FIRST_PAUSE_MILLIS = 50;
    private static final long LONGEST_PAUSE_MILLIS = 2000;
    private static final String FIXED =
            "-M none -nodefaults -no-user-config -display none -name uplink,process=niter-uplink"
                    + " -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                    + "resourcecontrol=deny -netdev hubport,id=outside,hubid=0,netdev=world"
                    + " -netdev hubport,id=inside,hubid=0,netdev=card"
                    + " -mon chardev=qmp,mode=control";

    private final StateDirectory state;
    private final String tap; // a device's name; empty for the user-mode network
    private final KeptProcess process;
    private final Map<Forward, String> problems = new HashMap<>(); // guarded by this
    private List<Forward> wanted = List.of(); // guarded by this
    private boolean changed; // guarded by this
    private boolean started; // guarded by this: its thread
    private @Nullable Qmp connection; // the uplink's thread
    private CompletableFuture<Boolean> ready = new CompletableFuture<>(); // guarded by this

    Uplink(KeeperClient keeper, StateDirectory state) throws IOException {
        this.state = state;
        tap = Files.exists(state.tap()) ? Files.readString(state.tap()) : "";
        process = new KeptProcess(NAME, keeper);
    }

    /** Whether instances are reached at their own addresses, and not at ports of the host's. */
    boolean isRouted() {
        return !tap.isEmpty();
    }

    private String world() {
        return isRouted()
                ? "tap,id=world,script=no,downscript=no,ifname=" + escaped(tap)
                : "user,id=world,ipv6=off,net=" + NETWORK;
    }

    /** Whether a rule for a range of addresses is one for callers on the host. */
    static boolean isCaller(String cidr) {
        return !cidr.isEmpty() && !cidr.contains(":") && Ipv4.Range.of(cidr).contains(CALLER);
    }

    /**
     * Starts it where it does not run.
     *
     * @param record of the first instance that needs it, whose engine it is
     */
    void serve(InstanceRecord record) throws IOException {
        List<String> engine = record.getEngineCommandList();
        process.start(
                Spawn.newBuilder()
                        .setProcess(NAME)
                        .setExecutable(engine.getFirst())
                        .addArguments("niter-uplink")
                        .addAllArguments(engine.subList(1, engine.size()))
                        .addArguments("-netdev")
                        .addArguments(world())
                        .addAllArguments(List.of(FIXED.split(" ")))
                        .addArguments("-netdev")
                        .addArguments(
                                "stream,id=card,server=on,addr.type=unix,addr.path="
                                        + escaped(state.uplinkSocket().toString()))
                        .addArguments("-chardev")
                        .addArguments(
                                "socket,id=qmp,server=on,wait=off,path="
                                        + escaped(state.uplinkControlSocket().toString()))
                        .setLogFile(state.log(NAME).toString())
                        .setRestart(RestartPolicy.RESTART_ALWAYS)
                        .build());
    }

    /** In QEMU's options a comma ends a value, two are one. */
    private static String escaped(String text) {
        return text.replace(",", ",,");
    }

    /** Forwards these and no others, as soon as it runs. */
    synchronized void forward(List<Forward> all) {
        if (isRouted()) {
            return;
        }
        wanted = List.copyOf(all);
        changed = true;
        notifyAll();
        if (!started && !all.isEmpty()) {
            started = true;
            Thread.ofPlatform().daemon().name(NAME).start(this::run);
        }
    }

    /** Why a port is not forwarded; empty where it is, or will be at once. */
    synchronized String problem(Forward forward) {
        if (forward.hostPort() == Forward.NO_PORT) {
            return "no port of this host that you may bind is free for it";
        }
        return problems.getOrDefault(forward, "");
    }

    // ---- the uplink's thread

    private void run() {
        long pause = FIRST_PAUSE_MILLIS;
        try {
            while (true) {
                try {
                    awaitChange();
                    reconcile(connected());
                    pause = FIRST_PAUSE_MILLIS;
                } catch (IOException | LinuxException e) {
                    LOG.log(System.Logger.Level.DEBUG, "uplink: {0}", e.getMessage());
                    disconnect();
                    Thread.sleep(pause); // it is being started
                    pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void awaitChange() throws InterruptedException {
        while (!changed) {
            wait();
        }
        changed = false;
    }

    private void disconnect() {
        Qmp old = connection;
        if (old != null) {
            old.close();
        }
        connection = null;
        synchronized (this) {
            changed = true; // to be done again
        }
    }

    private Qmp connected() throws IOException {
        Qmp now = connection;
        if (now != null) {
            return now;
        }
        CompletableFuture<Boolean> negotiated = new CompletableFuture<>();
        synchronized (this) {
            ready = negotiated;
        }
        now =
                new Qmp(
                        NAME,
                        UnixSocket.connect(state.uplinkControlSocket(), UnixSocket.Type.STREAM),
                        this);
        connection = now;
        try {
            negotiated.get(READY_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            throw new IOException("it does not answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        return now;
    }

    private void reconcile(Qmp qmp) throws IOException {
        Set<Forward> missing;
        synchronized (this) {
            missing = new LinkedHashSet<>(wanted);
        }
        missing.removeIf(one -> one.hostPort() == Forward.NO_PORT);
        for (Forward there : Forward.listed(monitor(qmp, "info usernet")).toList()) {
            if (!missing.remove(there)) {
                monitor(qmp, "hostfwd_remove world " + there.host());
            }
        }
        Map<Forward, String> refused = new HashMap<>();
        for (Forward forward : missing) {
            String answer = monitor(qmp, "hostfwd_add world " + forward.rule()).strip();
            if (!answer.isEmpty()) {
                LOG.log(System.Logger.Level.WARNING, "{0}: {1}", forward.host(), answer);
                refused.put(
                        forward,
                        answer.startsWith(NOT_BOUND)
                                ? forward.host() + " is taken by another program"
                                : answer);
            }
        }
        synchronized (this) {
            problems.clear();
            problems.putAll(refused);
        }
    }

    private static String monitor(Qmp qmp, String line) throws IOException {
        return qmp.execute("human-monitor-command", Map.of("command-line", line))
                .getOrDefault("return", "");
    }

    // ---- QMP

    @Override
    public synchronized void ready(Qmp qmp) {
        ready.complete(true);
    }

    @Override
    public void shutDown(String reason) {
        LOG.log(System.Logger.Level.INFO, "uplink: {0}", reason);
    }

    /** Its process ended: the next one has no forwards. */
    @Override
    public synchronized void ended() {
        changed = true;
        notifyAll();
    }
}
