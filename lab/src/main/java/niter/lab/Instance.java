package niter.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A detached instance. */
final class Instance {
    private static final Pattern PID = Pattern.compile("\"pid\"\\s*:\\s*(\\d+)");

    private static final int PATIENCE = 50;

    private final Niter niter;
    private final String id;

    Instance(Niter niter, String... options) throws IOException, InterruptedException {
        this.niter = niter;
        List<String> arguments = new ArrayList<>(List.of("run", "--detach"));
        arguments.addAll(List.of(options));
        id = niter.output(arguments.toArray(String[]::new)).strip();
    }

    /** The processes of niter on this machine. */
    static List<Long> processes(Niter niter) throws IOException, InterruptedException {
        List<Long> pids = new ArrayList<>();
        Matcher matcher = PID.matcher(niter.output("processes", "--json"));
        while (matcher.find()) {
            pids.add(Long.valueOf(matcher.group(1)));
        }
        return pids;
    }

    /** Kills a process of niter. */
    static void kill(Niter niter, String name) throws IOException, InterruptedException {
        String all = niter.output("processes", "--json");
        Matcher pid = PID.matcher(all);
        int at = all.indexOf('"' + name + '"');
        if (at < 0 || !pid.find(at)) {
            throw new IOException("no process is " + name + ": " + all);
        }
        ProcessHandle.of(Long.parseLong(pid.group(1))).ifPresent(ProcessHandle::destroyForcibly);
    }

    static List<String> arguments(long pid) throws IOException {
        String line =
                Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        return List.of(line.split("\0"));
    }

    /** The arguments of its hypervisor. */
    List<String> arguments() throws IOException, InterruptedException {
        for (int n = 0; n < PATIENCE; n++) { // it may be pending
            for (long pid : processes(niter)) {
                List<String> arguments = arguments(pid);
                int name = arguments.indexOf("-name");
                if (name >= 0 && arguments.get(name + 1).startsWith(id)) {
                    return arguments;
                }
            }
        }
        throw new IOException("no hypervisor runs " + id);
    }

    /** What a command prints that it runs by SSH; waits until its server is there. */
    String output(String command) throws IOException, InterruptedException {
        return niter.output("ssh", id, command);
    }

    /** Starts a command by SSH. */
    Process start(String command) throws IOException {
        return niter.start("ssh", id, command);
    }

    void terminate() throws IOException, InterruptedException {
        niter.output("terminate", id);
    }
}
