package niter.images;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Builds images from Debian packages, as an ordinary user. */
final class ImageBuilder {
    private static final System.Logger LOG = System.getLogger(ImageBuilder.class.getName());

    /**
     * As EC2's images have it (io_timeout: a card's outage is a pause, not an error), without the
     * kernel's chatter; no_timer_check because emulated processors miss that check's deadline.
     */
    static final String COMMAND_LINE =
            "console=ttyS0,115200n8 root=/dev/nvme0n1 rw rootfstype=ext4 quiet loglevel=3"
                    + " no_timer_check nvme_core.io_timeout=4294967295 init=/sbin/init";

    private final Path cache;
    private final ProgressListener progress;
    private final ImageStore store;

    ImageBuilder(Path cache, ProgressListener progress) {
        this.cache = cache.toAbsolutePath();
        this.progress = progress;
        this.store = new ImageStore(cache);
    }

    Image ensure(String name) {
        Recipe recipe = Recipe.named(name);
        ImageStore.Built built = store.read(name);
        if (built != null && built.recipe().equals(recipe.digest())) {
            return built.image();
        }
        try (Workshop workshop = Workshop.enter(cache, progress)) {
            built = store.read(name); // another niter may have built it while this one waited
            if (built != null && built.recipe().equals(recipe.digest())) {
                return built.image();
            }
            return build(workshop, recipe);
        }
    }

    Image build(String name) {
        Recipe recipe = Recipe.named(name);
        try (Workshop workshop = Workshop.enter(cache, progress)) {
            return build(workshop, recipe);
        }
    }

    private Image build(Workshop workshop, Recipe recipe) {
        PrivateApt userland = new PrivateApt(cache, Archive.Release.TRIXIE, progress);
        userland.update();
        PrivateApt kernels = userland;
        if (recipe.kernelRelease() != Archive.Release.TRIXIE) {
            kernels = new PrivateApt(cache, recipe.kernelRelease(), progress);
            kernels.update();
        }
        String kernel =
                kernels.depends(recipe.kernelPackage()).stream()
                        .filter(name -> name.startsWith("linux-image-"))
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        new ImageException(
                                                "This machine's Debian mirror has no kernel: choose a"
                                                        + " full mirror in /etc/apt"));
        PrivateApt.Plan userlandPlan = userland.plan(recipe.packages(), null);
        List<String> taken = List.copyOf(recipe.taken().keySet());
        PrivateApt.Plan takenPlan = userland.plan(taken, null, taken::contains);
        PrivateApt.Plan kernelPlan = kernels.plan(List.of(kernel), null, kernel::equals);
        List<PrivateApt.Version> parts = new ArrayList<>(userlandPlan.versions());
        parts.addAll(takenPlan.versions());
        parts.addAll(kernelPlan.versions());
        List<String> packages =
                parts.stream().map(part -> part.name() + "=" + part.version()).sorted().toList();
        ImageStore.Built built = store.read(recipe.name());
        if (built != null
                && built.recipe().equals(recipe.digest())
                && built.packages().equals(packages)) {
            return built.image();
        }
        String phase = "Fetching the image " + recipe.name();
        Map<String, Path> debs = new TreeMap<>(userland.download(phase, userlandPlan));
        Map<String, Path> takenDebs = userland.download(phase, takenPlan);
        Path kernelDeb =
                kernels.download(phase + ": kernel", kernelPlan).values().iterator().next();
        Tool ext4 = Tools.ensure(workshop, cache, progress, "e2fsprogs", "libarchive13t64");
        try {
            Path folder = Files.createDirectories(workshop.bench().resolve(recipe.name()));
            assemble(workshop.bench(), folder, recipe, debs, takenDebs, kernelDeb, ext4);
            String version = kernel.replaceFirst("^linux-image-", "");
            store.writeManifest(folder, recipe, version, packages);
            workshop.publish(folder, store.folder(recipe.name()));
        } catch (IOException e) {
            throw ImageException.of(
                    "Cannot build the image %s in %s".formatted(recipe.name(), cache), e);
        }
        LOG.log(System.Logger.Level.INFO, "image built name={0}", recipe.name());
        ImageStore.Built fresh = store.read(recipe.name());
        if (fresh == null) {
            throw new ImageException("The image " + recipe.name() + " vanished: build it again");
        }
        return fresh.image();
    }

    private void assemble(
            Path bench,
            Path folder,
            Recipe recipe,
            Map<String, Path> debs,
            Map<String, Path> takenDebs,
            Path kernelDeb,
            Tool ext4)
            throws IOException {
        Disk.needFree(cache, 3 * recipe.limitBytes(), "the image " + recipe.name());
        progress.progress("Building the image " + recipe.name(), 0, 0);
        Path tar = bench.resolve("root.tar");
        try (RootTar root = new RootTar(tar)) {
            addDevices(root);
            for (Recipe.Addition addition : recipe.additions()) { // ours first: they win
                add(root, addition);
            }
            for (Path deb : debs.values()) {
                root.addPackage(deb, ImageBuilder::isWanted);
            }
            for (Map.Entry<String, Set<String>> taken : recipe.taken().entrySet()) {
                take(root, taken.getKey(), taken.getValue(), takenDebs.get(taken.getKey()));
            }
            addApplets(root, debs, bench);
            KernelPackage.add(kernelDeb, recipe.modules(), root, folder.resolve(ImageStore.KERNEL));
        }
        Path disk = folder.resolve(ImageStore.ROOT_DISK);
        RootDisk.make(ext4, recipe.name(), tar, disk, recipe.sizeBytes());
        Files.delete(tar);
        long allocated = RootDisk.allocatedBytes(disk);
        if (allocated > recipe.limitBytes()) {
            throw new ImageException(
                    "The image %s takes %d MiB, more than its recipe's limit of %d: raise that"
                            .formatted(recipe.name(), allocated >> 20, recipe.limitBytes() >> 20));
        }
        Disk.sync(disk);
        Disk.sync(folder.resolve(ImageStore.KERNEL));
    }

    private static void take(RootTar root, String name, Set<String> places, @Nullable Path deb)
            throws IOException {
        String licence = "usr/share/doc/" + name + "/copyright";
        if (deb != null) {
            root.addPackage(deb, place -> places.contains(place) || place.equals(licence));
        }
        if (!places.stream().allMatch(root::has)) {
            throw new ImageException(
                    "The package %s has not all of %s: change the recipe"
                            .formatted(name, String.join(", ", places)));
        }
    }

    private static void addDevices(RootTar root) throws IOException {
        root.addFolder("dev", 0755);
        root.addDevice("dev/console", 0600, 5, 1);
        root.addDevice("dev/null", 0666, 1, 3);
    }

    private static void add(RootTar root, Recipe.Addition addition) throws IOException {
        switch (addition) {
            case Recipe.Addition.Folder(String place, int mode) -> root.addFolder(place, mode);
            case Recipe.Addition.Link(String place, String target) -> root.addLink(place, target);
            case Recipe.Addition.Text(String place, int mode, String content) ->
                    root.addFile(place, mode, content.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** Leaves out what nobody reads in a guest; licences stay. */
    static boolean isWanted(String place) {
        if (place.startsWith("usr/share/doc/")) {
            return place.endsWith("/copyright");
        }
        for (String folder :
                List.of("man", "info", "locale", "lintian", "bug", "bash-completion", "zsh")) {
            if (place.startsWith("usr/share/" + folder + "/")) {
                return false;
            }
        }
        return true;
    }

    /** Links for busybox's programs that no package brings. */
    private static void addApplets(RootTar root, Map<String, Path> debs, Path bench)
            throws IOException {
        Path deb = debs.get("busybox-static");
        if (deb == null) {
            throw new ImageException("No busybox-static in the recipe: add it");
        }
        Path unpacked = Files.createDirectories(bench.resolve("busybox"));
        Packages.unpack(deb, unpacked);
        Command.Result applets =
                Command.run(
                        List.of(unpacked.resolve("usr/bin/busybox").toString(), "--list-full"),
                        Map.of());
        if (!applets.good()) {
            throw new ImageException("Debian's busybox does not run here: " + applets.complaint());
        }
        Set<String> packageTools = new HashSet<>(List.of("dpkg", "dpkg-deb", "rpm", "busybox"));
        for (String applet : applets.output().stream().sorted().toList()) {
            String place = RootTar.place(applet);
            String name = place.substring(place.lastIndexOf('/') + 1);
            boolean taken = root.has("usr/bin/" + name) || root.has("usr/sbin/" + name);
            if (!taken && !packageTools.contains(name)) {
                root.addLink(place, place.startsWith("usr/bin/") ? "busybox" : "/usr/bin/busybox");
            }
        }
    }
}
