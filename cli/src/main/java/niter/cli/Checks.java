package niter.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.images.Engine;
import niter.images.Engines;
import niter.linux.IoUring;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/** What niter needs of a machine, one check each. */
final class Checks {
    private static final long GIB = 1L << 30;

    /** Tools of the machine that engine and images are made with. */
    private static final List<String> TOOLS =
            List.of("apt-get", "apt-cache", "apt-config", "dpkg-deb", "stat");

    private Checks() {}

    static List<Finding> all() {
        StateDirectory state = StateDirectory.fromEnvironment();
        Path cache = CacheDirectory.fromEnvironment();
        return List.of(
                architecture(),
                java(),
                stateDirectory(state),
                space("state directory's disk", state.root(), 2 * GIB),
                space("cache's disk", cache, 2 * GIB),
                memory(),
                tools(),
                engine(cache),
                virtualization(),
                ioUring(),
                ssh(),
                ports(),
                processes(state));
    }

    private static Finding architecture() {
        String name = System.getProperty("os.arch");
        return name.equals("amd64")
                ? Finding.ok("processor", name)
                : Finding.broken("processor", name + ": niter needs x86-64");
    }

    private static Finding java() {
        return Finding.ok("Java", System.getProperty("java.runtime.version", ""));
    }

    private static Finding stateDirectory(StateDirectory state) {
        try {
            return Finding.ok("state directory", state.open().toString());
        } catch (StateDirectoryException e) {
            return Finding.broken("state directory", ErrorLine.of(e));
        }
    }

    private static Finding space(String what, Path directory, long needed) {
        Path there = directory;
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        long free = there.toFile().getUsableSpace();
        String found = ProgressText.bytes(free) + " free in " + there;
        return free >= needed
                ? Finding.ok(what, found)
                : Finding.note(
                        what,
                        found
                                + ": niter prune, or make room: image and volumes want "
                                + ProgressText.bytes(needed));
    }

    private static Finding memory() {
        try {
            long available = meminfo("MemAvailable:");
            String found = ProgressText.bytes(available) + " available";
            return available >= GIB
                    ? Finding.ok("memory", found)
                    : Finding.note("memory", found + ": niter.small needs 512 MiB, niter 400");
        } catch (IOException e) {
            return Finding.broken("memory", ErrorLine.reason(e));
        }
    }

    private static long meminfo(String field) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
            if (line.startsWith(field)) {
                String digits = line.substring(field.length()).replace("kB", "").strip();
                return Long.parseLong(digits) * 1024;
            }
        }
        throw new IOException("/proc/meminfo has no " + field);
    }

    private static Finding tools() {
        List<String> missing = new ArrayList<>();
        for (String tool : TOOLS) {
            if (!isOnPath(tool)) {
                missing.add(tool);
            }
        }
        return missing.isEmpty()
                ? Finding.ok("tools", "apt and dpkg are there")
                : Finding.broken(
                        "tools",
                        String.join(", ", missing)
                                + " missing: engine and images come from Debian packages: install"
                                + " apt and dpkg");
    }

    private static Finding ssh() {
        boolean there = isOnPath("ssh") && isOnPath("scp") && isOnPath("ssh-keygen");
        return there
                ? Finding.ok("ssh", "OpenSSH's client is there")
                : Finding.note("ssh", "niter ssh and cp need it: install openssh-client");
    }

    private static Finding ports() {
        Path setting = Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        try (BufferedReader reader = Files.newBufferedReader(setting)) { // one read gives all
            int first = Integer.parseInt(reader.readLine().strip());
            boolean root = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0;
            return root || first <= 22
                    ? Finding.ok("ports", "instances' ports keep their numbers on this host")
                    : Finding.note(
                            "ports",
                            "those below %d listen 10,000 higher: sysctl".formatted(first)
                                    + " net.ipv4.ip_unprivileged_port_start=22 lets you bind them");
        } catch (IOException | NumberFormatException e) {
            return Finding.note("ports", setting + " cannot be read");
        }
    }

    private static boolean isOnPath(String tool) {
        String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        for (String directory : path.split(":", -1)) {
            if (!directory.isEmpty() && Files.isExecutable(Path.of(directory, tool))) {
                return true;
            }
        }
        return false;
    }

    private static Finding engine(Path cache) {
        @Nullable Engine engine = Engines.ready(cache);
        return engine == null
                ? Finding.note("engine", "not there yet: the first niter run fetches it")
                : Finding.ok("engine", "QEMU " + engine.version());
    }

    /** The module kvm_pvm makes a /dev/kvm too, without virtualization of the processor's. */
    private static Finding virtualization() {
        try {
            String flags = Files.readString(Path.of("/proc/cpuinfo")).toLowerCase(Locale.ROOT);
            boolean processor = flags.contains(" vmx") || flags.contains(" svm");
            Path kvm = Path.of("/dev/kvm");
            if (!processor) {
                return Finding.note(
                        "virtualization",
                        "the processor shows neither vmx nor svm: guests are translated, which is"
                                + " slower");
            }
            return Files.isReadable(kvm) && Files.isWritable(kvm)
                    ? Finding.ok("virtualization", "KVM")
                    : Finding.note(
                            "virtualization",
                            "/dev/kvm cannot be opened: join the group kvm; until then guests are"
                                    + " translated, which is slower");
        } catch (IOException e) {
            return Finding.broken("virtualization", ErrorLine.reason(e));
        }
    }

    private static Finding ioUring() {
        try (IoUring _ = IoUring.create(1)) {
            return Finding.ok("io_uring", "allowed");
        } catch (LinuxException e) {
            return Finding.note(
                    "io_uring",
                    "refused (%s): volumes use threads, which is slower: sysctl kernel.io_uring_disabled=0"
                            .formatted(e.getMessage()));
        }
    }

    private static Finding processes(StateDirectory state) {
        try {
            return Host.listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)
                    ? Finding.ok("processes", "niter is up: niter processes lists them")
                    : Finding.ok("processes", "niter is down; run and up start it");
        } catch (LinuxException e) {
            return Finding.broken("processes", ErrorLine.of(e));
        }
    }
}
