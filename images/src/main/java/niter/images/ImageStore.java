package niter.images;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Built images on the disk: a folder each, whose manifest was written last. */
final class ImageStore {
    private static final long LAYOUT = 1;
    private static final String MANIFEST = "manifest.json";
    static final String KERNEL = "vmlinuz";
    static final String ROOT_DISK = "root.img";

    private final Path cache;
    private final Path images;

    ImageStore(Path cache) {
        this.cache = cache.toAbsolutePath();
        this.images = this.cache.resolve("images");
    }

    /**
     * A built image and what it was built from.
     *
     * @param recipe the recipe's digest
     * @param packages "name=version" of everything in it
     */
    record Built(
            Image image,
            String recipe,
            List<String> packages,
            String kernelDigest,
            String rootDiskDigest) {}

    Path folder(String name) {
        return images.resolve(name);
    }

    /** Writes a manifest into a folder that has all the rest, with the files' digests. */
    void writeManifest(Path folder, Recipe recipe, String version, List<String> packages)
            throws IOException {
        String kernel = Digests.of(folder.resolve(KERNEL));
        String rootDisk = Digests.ofSparse(folder.resolve(ROOT_DISK));
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("layout", LAYOUT);
        values.put("version", version);
        values.put("name", recipe.name());
        values.put("digest", Digests.of(kernel, rootDisk, ImageBuilder.COMMAND_LINE));
        values.put("kernel", KERNEL);
        values.put("kernelDigest", kernel);
        values.put("rootDisk", ROOT_DISK);
        values.put("rootDiskDigest", rootDisk);
        values.put("commandLine", ImageBuilder.COMMAND_LINE);
        values.put("sizeBytes", recipe.sizeBytes());
        values.put("recipe", recipe.digest());
        values.put("packages", packages);
        Json.write(folder.resolve(MANIFEST), values);
    }

    /** The built image; null where there is none that can be read. */
    @Nullable Built read(String name) {
        Path folder = folder(name);
        try {
            Map<String, Object> values = Json.read(folder.resolve(MANIFEST));
            if (Json.number(values, "layout") != LAYOUT) {
                return null;
            }
            Path kernel = folder.resolve(Json.text(values, "kernel"));
            Path rootDisk = folder.resolve(Json.text(values, "rootDisk"));
            if (!Files.isRegularFile(kernel) || !Files.isRegularFile(rootDisk)) {
                return null;
            }
            Path initrd = values.get("initrd") instanceof String text ? folder.resolve(text) : null;
            Image image =
                    new Image(
                            Json.text(values, "name"),
                            Json.text(values, "version"),
                            Json.text(values, "digest"),
                            kernel,
                            initrd,
                            rootDisk,
                            Json.text(values, "commandLine"),
                            Json.number(values, "sizeBytes"));
            return new Built(
                    image,
                    Json.text(values, "recipe"),
                    Json.list(values, "packages"),
                    Json.text(values, "kernelDigest"),
                    Json.text(values, "rootDiskDigest"));
        } catch (IOException e) {
            return null;
        }
    }

    List<Image> list() {
        List<Image> list = new ArrayList<>();
        if (Files.isDirectory(images)) {
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(images)) {
                for (Path folder : folders) {
                    Built built = read(folder.getFileName().toString());
                    if (built != null) {
                        list.add(built.image());
                    }
                }
            } catch (IOException e) {
                throw ImageException.of("Cannot read " + images, e);
            }
        }
        list.sort(Comparator.comparing(Image::name));
        return list;
    }

    boolean remove(String name) {
        if (!name.matches("[a-z0-9][a-z0-9.-]*") || !Files.exists(folder(name))) {
            return false;
        }
        try (Workshop workshop = Workshop.enter(cache, ProgressListener.NONE)) {
            if (!Files.exists(folder(name))) {
                return false;
            }
            Files.move(folder(name), workshop.bench().resolve("removed"));
            return true;
        } catch (IOException e) {
            throw ImageException.of("Cannot remove " + folder(name), e);
        }
    }

    void verify(String name) {
        Built built = read(name);
        if (built == null) {
            throw new ImageException(
                    "No built image '%s' in %s: niter image build %s".formatted(name, cache, name));
        }
        try {
            if (!Digests.of(built.image().kernel()).equals(built.kernelDigest())
                    || !Digests.ofSparse(built.image().rootDisk()).equals(built.rootDiskDigest())) {
                throw new ImageException(
                        "The image '%s' in %s is damaged: niter image rm %s, then build it again"
                                .formatted(name, cache, name));
            }
        } catch (IOException e) {
            throw ImageException.of("Cannot read the image in " + folder(name), e);
        }
    }
}
