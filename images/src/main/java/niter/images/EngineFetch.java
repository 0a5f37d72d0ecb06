package niter.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Makes the engine ready: the system's QEMU where it will do, Debian's otherwise. */
final class EngineFetch {
    private static final System.Logger LOG = System.getLogger(EngineFetch.class.getName());
    private static final String BINARY = "qemu-system-x86_64";
    private static final Path SYSTEM = Path.of("/usr/bin", BINARY);
    private static final String PACKAGE = "qemu-system-x86";
    private static final String BACKPORTS = "trixie-backports";
    private static final int[] OLDEST = {10, 1, 1}; // 10.1.0 loses descriptors of large messages
    private static final Pattern VERSION =
            Pattern.compile("QEMU emulator version (\\d+)\\.(\\d+)\\.(\\d+).*");

    /** Where Debian's packages put what QEMU's {@code pc} machine loads. */
    private static final List<String> FIRMWARE =
            List.of(
                    "usr/share/seabios/bios-256k.bin",
                    "usr/share/seabios/bios.bin",
                    "usr/share/qemu/kvmvapic.bin",
                    "usr/share/qemu/linuxboot_dma.bin",
                    "usr/share/qemu/linuxboot.bin",
                    "usr/share/qemu/multiboot_dma.bin",
                    "usr/share/qemu/pvh.bin",
                    "usr/share/seabios/linuxboot_dma.bin",
                    "usr/share/seabios/kvmvapic.bin");

    /** Brought by dependencies of packages whose libraries alone are used, and large. */
    private static final Set<String> NOT_NEEDED =
            Set.of(
                    "adduser",
                    "base-passwd",
                    "debconf",
                    "ipxe-qemu",
                    "libacl1",
                    "libasound2-data",
                    "libasound2t64",
                    "libattr1",
                    "libaudit-common",
                    "libaudit1",
                    "libbrlapi0.8",
                    "libbsd0",
                    "libbz2-1.0",
                    "libcacard0",
                    "libcap-ng0",
                    "libcrypt1",
                    "libdb5.3t64",
                    "libdebconfclient0",
                    "libexecs1",
                    "libmd0",
                    "libncursesw6",
                    "libnspr4",
                    "libnss3",
                    "libpam-modules",
                    "libpam-modules-bin",
                    "libpam0g",
                    "libpcsclite1",
                    "libsemanage-common",
                    "libsemanage2",
                    "libsepol2",
                    "libsqlite3-0",
                    "libtinfo6",
                    "libusb-1.0-0",
                    "libusbredirparser1t64",
                    "login.defs",
                    "passwd");

    private final Path cache;
    private final ProgressListener progress;

    EngineFetch(Path cache, ProgressListener progress) {
        this.cache = cache.toAbsolutePath();
        this.progress = progress;
    }

    Engine ensure() {
        Engine engine = ready();
        if (engine != null) {
            return engine;
        }
        try (Workshop workshop = Workshop.enter(cache, progress)) {
            engine = ready(); // another niter may have fetched it while this one waited
            if (engine == null) {
                engine = system();
            }
            if (engine == null) {
                engine = fetch(workshop);
            }
            write(engine);
            LOG.log(System.Logger.Level.INFO, "engine ready version={0}", engine.version());
            return engine;
        } catch (IOException e) {
            throw ImageException.of("Cannot write the engine into " + cache, e);
        }
    }

    private Path manifest() {
        return cache.resolve("engine/manifest.json");
    }

    /** What was made ready before; null where there is none. */
    @Nullable Engine ready() {
        try {
            Map<String, Object> values = Json.read(manifest());
            List<String> command = Json.list(values, "command");
            List<Path> firmware = new ArrayList<>();
            for (String directory : Json.list(values, "firmwareDirs")) {
                firmware.add(Path.of(directory));
            }
            for (String part : command) {
                if (part.startsWith("/") && !Files.exists(Path.of(part))) {
                    return null;
                }
            }
            return new Engine(Json.text(values, "version"), command, firmware, kvm());
        } catch (IOException e) {
            return null; // never fetched, or half of a disk is gone: fetched again
        }
    }

    private void write(Engine engine) throws IOException {
        Files.createDirectories(cache.resolve("engine"));
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("version", engine.version());
        values.put("command", engine.command());
        values.put("firmwareDirs", engine.firmwareDirectories());
        values.put("kvm", engine.kvm()); // as it was now; asked again at each start
        Json.write(manifest(), values);
    }

    private @Nullable Engine system() {
        if (!Files.isExecutable(SYSTEM)) {
            return null;
        }
        List<String> command = List.of(SYSTEM.toString());
        String version = version(command);
        return version != null && newEnough(version) && speaksVfioUser(command, List.of())
                ? new Engine(version, command, List.of(), kvm())
                : null;
    }

    private Engine fetch(Workshop workshop) throws IOException {
        Disk.needFree(cache, 300L << 20, "the engine");
        PrivateApt apt = new PrivateApt(cache, Archive.Release.TRIXIE, progress);
        apt.update();
        Path unpacked =
                unpack(apt, workshop.bench().resolve("lean"), name -> !NOT_NEEDED.contains(name));
        List<Path> libraries = Libraries.of(unpacked, "usr/bin/" + BINARY);
        if (libraries.isEmpty()) { // the packages have changed: all that they ask for
            unpacked = unpack(apt, workshop.bench().resolve("all"), name -> true);
            libraries = Libraries.of(unpacked, "usr/bin/" + BINARY);
        }
        if (libraries.isEmpty()) {
            throw new ImageException(
                    "Debian's "
                            + PACKAGE
                            + " lacks libraries: run again when the mirror is complete");
        }
        Path pruned = workshop.bench().resolve("engine");
        prune(unpacked, libraries, pruned);
        Engine trial = engineAt(pruned, "0.0.0");
        String version = version(trial.command());
        if (version == null) {
            throw new ImageException(
                    "The fetched QEMU does not start: remove "
                            + cache.resolve("apt")
                            + ", run again");
        }
        if (!newEnough(version) || !speaksVfioUser(trial.command(), trial.firmwareDirectories())) {
            throw new ImageException(
                    "QEMU %s of this machine's Debian mirror is too old, 10.1.1 is needed: choose a"
                                    .formatted(version)
                            + " mirror that has "
                            + BACKPORTS);
        }
        Path place = cache.resolve("engine").resolve(version);
        workshop.publish(pruned, place);
        return engineAt(place, version);
    }

    private Path unpack(PrivateApt apt, Path into, Predicate<String> wanted) throws IOException {
        Map<String, Path> files =
                apt.download("Fetching the engine", apt.plan(List.of(PACKAGE), BACKPORTS, wanted));
        progress.progress("Unpacking the engine", 0, 0);
        Files.createDirectories(into);
        for (Path file : files.values()) {
            Packages.unpack(file, into);
        }
        return into;
    }

    private static void prune(Path unpacked, List<Path> libraries, Path pruned) throws IOException {
        Path firmware = Files.createDirectories(pruned.resolve("firmware"));
        Path lib = Files.createDirectories(pruned.resolve("lib"));
        Files.move(unpacked.resolve("usr/bin").resolve(BINARY), pruned.resolve(BINARY));
        for (Path library : libraries) { // by the name it is asked for; a link becomes its file
            Files.copy(library, lib.resolve(library.getFileName()));
        }
        for (String name : FIRMWARE) {
            Path file = unpacked.resolve(name);
            Path to = firmware.resolve(file.getFileName());
            if (Files.exists(file) && !Files.exists(to)) {
                Files.copy(file, to);
            }
        }
    }

    private static Engine engineAt(Path place, String version) {
        List<String> command =
                List.of(
                        place.resolve("lib").resolve(Libraries.LOADER).toString(),
                        "--library-path",
                        place.resolve("lib").toString(),
                        place.resolve(BINARY).toString());
        return new Engine(version, command, List.of(place.resolve("firmware")), kvm());
    }

    private static @Nullable String version(List<String> command) {
        List<String> asked = new ArrayList<>(command);
        asked.add("--version");
        Command.Result result = Command.run(asked, Map.of());
        if (!result.good() || result.output().isEmpty()) {
            return null;
        }
        Matcher matcher = VERSION.matcher(result.output().getFirst());
        return matcher.matches()
                ? matcher.group(1) + "." + matcher.group(2) + "." + matcher.group(3)
                : null;
    }

    static boolean newEnough(String version) {
        String[] parts = version.split("\\.");
        for (int i = 0; i < OLDEST.length; i++) {
            int part = Integer.parseInt(parts[i]);
            if (part != OLDEST[i]) {
                return part > OLDEST[i];
            }
        }
        return true;
    }

    private static boolean speaksVfioUser(List<String> command, List<Path> firmware) {
        List<String> asked = new ArrayList<>(command);
        for (Path directory : firmware) {
            asked.addAll(List.of("-L", directory.toString()));
        }
        asked.addAll(List.of("-device", "help"));
        Command.Result result = Command.run(asked, Map.of());
        return result.good()
                && result.output().stream().anyMatch(line -> line.contains("\"vfio-user-pci\""));
    }

    /**
     * Whether guests run on the processor itself: it says vmx or svm, and this user may open
     * /dev/kvm. A /dev/kvm without those flags (the module kvm_pvm) is not that.
     */
    static boolean kvm() {
        Path device = Path.of("/dev/kvm");
        if (!Files.isReadable(device) || !Files.isWritable(device)) {
            return false;
        }
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("flags"))
                    .anyMatch(line -> line.matches(".*\\b(vmx|svm)\\b.*"));
        } catch (IOException e) {
            return false;
        }
    }
}
