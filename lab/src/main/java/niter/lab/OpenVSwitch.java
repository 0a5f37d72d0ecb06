package niter.lab;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import niter.linux.Processes;

/**
 * Open vSwitch with its userspace datapath: one polling thread, two vhost-user ports, connection
 * tracking in one zone; sums and TSO are left to the ports. Its memory is ordinary pages, so that
 * it needs no set-up of the host.
 */
final class OpenVSwitch implements Side {
    static final Path SWITCH = Path.of("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk");

    private static final Path SCHEMA = Path.of("/usr/share/openvswitch/vswitch.ovsschema");
    private static final Pattern PROCESSING =
            Pattern.compile("pmd thread(?s:.*?)processing cycles: \\d+ \\(([0-9.]+)%\\)");
    private static final int SIGSTOP = 19;
    private static final int SIGCONT = 18;

    /** As our group: what begins at a member goes to a member, and answers come back. */
    private static final String RULES =
            """
            table=0,ip,actions=ct(table=1)
            table=0,priority=0,actions=drop
            table=1,in_port=1,ct_state=+trk+new-inv,udp,nw_src=172.31.0.4,actions=ct(commit),2
            table=1,in_port=1,ct_state=+trk+new-inv,tcp,nw_src=172.31.0.4,actions=ct(commit),2
            table=1,in_port=2,ct_state=+trk+new-inv,udp,nw_src=172.31.0.5,actions=ct(commit),1
            table=1,in_port=2,ct_state=+trk+new-inv,tcp,nw_src=172.31.0.5,actions=ct(commit),1
            table=1,in_port=1,ct_state=+trk+est-inv,actions=2
            table=1,in_port=2,ct_state=+trk+est-inv,actions=1
            table=1,priority=0,actions=drop
            """;

    private final Path folder;
    private final String database;
    private final Process server;
    private final Process daemon;
    private double before;

    /**
     * Starts it.
     *
     * @param cpu of the polling thread; the others share CPU 0 with the generator
     */
    OpenVSwitch(Path work, int cpu) throws IOException, InterruptedException {
        folder = Files.createDirectories(work.resolve("ovs"));
        database = "unix:" + folder.resolve("db.sock");
        run("ovsdb-tool", "create", folder.resolve("conf.db") + "", SCHEMA + "");
        server =
                start(
                        "ovsdb-server",
                        folder.resolve("conf.db") + "",
                        "--remote=p" + database,
                        "--unixctl=" + folder.resolve("db.ctl"));
        Process started = null;
        try {
            vsctl("--no-wait", "init");
            vsctl(
                    "--no-wait",
                    "set",
                    "Open_vSwitch",
                    ".",
                    "other_config:dpdk-init=true",
                    "other_config:dpdk-lcore-mask=0x1",
                    "other_config:pmd-cpu-mask=0x" + Integer.toHexString(1 << cpu),
                    "other_config:dpdk-extra=\"--legacy-mem --no-huge --no-pci -m 2048\"",
                    "other_config:userspace-tso-enable=true");
            started = start(SWITCH + "", database, "--unixctl=" + folder.resolve("switch.ctl"));
            vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev");
            for (int end = 0; end < 2; end++) {
                vsctl(
                        "add-port",
                        "br0",
                        "vhost" + end,
                        "--",
                        "set",
                        "Interface",
                        "vhost" + end,
                        "type=dpdkvhostuserclient",
                        "ofport_request=" + (end + 1),
                        "options:vhost-server-path=" + socket(end));
            }
            Files.writeString(folder.resolve("rules"), RULES);
            run("ovs-ofctl", "del-flows", bridge());
            run("ovs-ofctl", "add-flows", bridge(), folder.resolve("rules") + "");
            control("dpctl/ct-set-maxconns", "4000000");
            control("dpctl/ct-disable-tcp-seq-chk");
        } catch (IOException e) {
            if (started != null) {
                started.destroyForcibly();
            }
            server.destroyForcibly();
            throw e;
        }
        daemon = started;
    }

    private String bridge() {
        return "unix:" + folder.resolve("br0.mgmt");
    }

    private Path socket(int end) {
        return folder.resolve("vhost" + end);
    }

    private void vsctl(String... arguments) throws IOException, InterruptedException {
        List<String> all =
                new ArrayList<>(List.of("ovs-vsctl", "--retry", "--db=" + database, "-t", "30"));
        all.addAll(List.of(arguments));
        run(all.toArray(String[]::new));
    }

    private String control(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of("ovs-appctl", "-T", "30", "-t"));
        all.add(folder.resolve("switch.ctl") + "");
        all.addAll(List.of(arguments));
        try {
            return run(all.toArray(String[]::new));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private ProcessBuilder command(String... command) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("OVS_RUNDIR", folder + "");
        builder.environment().put("OVS_LOGDIR", folder + "");
        builder.environment().put("OVS_DBDIR", folder + "");
        return builder.redirectInput(new File("/dev/null"));
    }

    private Process start(String... command) throws IOException {
        // Not the generator's CPU alone: the polling thread has its own.
        List<String> all = new ArrayList<>(List.of("taskset", "--cpu-list", "0-1"));
        all.addAll(List.of(command));
        File log = folder.resolve("log").toFile();
        return command(all.toArray(String[]::new))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
                .redirectErrorStream(true)
                .start();
    }

    private String run(String... command) throws IOException, InterruptedException {
        Process process = command(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            Path log = folder.resolve("log");
            String said = Files.exists(log) ? Files.readString(log) : "";
            throw new IOException(String.join(" ", command) + ": " + output + said);
        }
        return output;
    }

    @Override
    public String name() {
        return "ovs";
    }

    @Override
    public Port open(int end, Template template) throws IOException {
        return new VhostPort(socket(end), template);
    }

    @Override
    public void resume() {
        Processes.kill((int) daemon.pid(), SIGCONT);
    }

    @Override
    public void pause() {
        Processes.kill((int) daemon.pid(), SIGSTOP);
    }

    @Override
    public void count() throws IOException {
        control("dpif-netdev/pmd-stats-clear");
        before = pollingSeconds();
    }

    /** The polling thread's CPU time but for what it spent on looking for packets in vain. */
    @Override
    public double busySeconds() throws IOException {
        double seconds = pollingSeconds() - before;
        String said = control("dpif-netdev/pmd-stats-show");
        Matcher share = PROCESSING.matcher(said);
        if (!share.find()) {
            throw new IOException("pmd-stats-show: " + said);
        }
        return seconds * Double.parseDouble(share.group(1)) / 100;
    }

    private double pollingSeconds() throws IOException {
        Path tasks = Path.of("/proc/" + daemon.pid() + "/task");
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
            for (Path thread : threads) {
                if (Files.readString(thread.resolve("comm")).startsWith("pmd-c")) {
                    return Footprint.cpuSeconds(thread.resolve("stat"));
                }
            }
        }
        throw new IOException("the switch has no polling thread");
    }

    @Override
    public void close() {
        daemon.destroyForcibly();
        server.destroyForcibly();
    }
}
