package niter.images;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What an image is made of, read from a text resource: a keyword and its words on each line.
 *
 * @param name the image's name
 * @param kernelRelease the Debian release that the kernel comes from
 * @param kernelPackage the kernel's metapackage
 * @param modules kernel modules to install; what one needs is listed and loaded before it
 * @param packages Debian packages of trixie, with what they need
 * @param taken packages of which only these places go into the image, without what they need
 * @param sizeBytes the root disk's size
 * @param limitBytes what the root disk may occupy on the host
 * @param additions files, folders and links besides
 * @param digest SHA-256 of all text that this was read from, in hex
 */
record Recipe(
        String name,
        Archive.Release kernelRelease,
        String kernelPackage,
        List<String> modules,
        List<String> packages,
        Map<String, Set<String>> taken,
        long sizeBytes,
        long limitBytes,
        List<Addition> additions,
        String digest) {
    private static final List<String> NAMES =
            List.of("micro", "micro-6.1", "tools", "tools-6.1", "drivers");

    /** Changed when the builder makes something else of the same recipe. */
    private static final String BUILDER = "1";

    /** What an image has besides its packages. */
    sealed interface Addition {
        /** A place below the root, without leading slash. */
        String place();

        /** A folder. */
        record Folder(String place, int mode) implements Addition {}

        /** A symbolic link. */
        record Link(String place, String target) implements Addition {}

        /** A file of ours. */
        record Text(String place, int mode, String content) implements Addition {}
    }

    static List<String> names() {
        return NAMES;
    }

    /**
     * Reads a recipe.
     *
     * @throws ImageException if there is none of this name
     */
    static Recipe named(String name) {
        if (!NAMES.contains(name)) {
            throw new ImageException(
                    "No image '%s': choose one of %s".formatted(name, String.join(", ", NAMES)));
        }
        Parser parser = new Parser();
        parser.read("recipes/" + name + ".recipe");
        return parser.recipe(name);
    }

    /** Collects the lines of a recipe and of what it includes. */
    private static final class Parser {
        private final MessageDigest digest = Digests.sha256();
        private final List<String> modules = new ArrayList<>();
        private final List<String> packages = new ArrayList<>();
        private final Map<String, Set<String>> taken = new TreeMap<>();
        private final List<Addition> additions = new ArrayList<>();
        private Archive.Release release = Archive.Release.TRIXIE;
        private String kernel = "";
        private long size;
        private long limit;

        Parser() {
            digest.update(BUILDER.getBytes(StandardCharsets.UTF_8));
        }

        void read(String resource) {
            for (String line : lines(resource)) {
                String[] words = line.split(" +");
                List<String> rest = List.of(words).subList(1, words.length);
                switch (words[0]) {
                    case "kernel" -> {
                        release =
                                Archive.Release.valueOf(
                                        words[1].toUpperCase(java.util.Locale.ROOT));
                        kernel = words[2];
                    }
                    case "module" -> modules.addAll(rest);
                    case "package" -> packages.addAll(rest);
                    case "take" -> taken.put(words[1], Set.copyOf(rest.subList(1, rest.size())));
                    case "size" -> size = bytes(words);
                    case "limit" -> limit = bytes(words);
                    case "include" -> additions("recipes/" + words[1] + ".list");
                    default -> throw new IllegalStateException(resource + ": " + line);
                }
            }
        }

        private void additions(String resource) {
            for (String line : lines(resource)) {
                String[] words = line.split(" +");
                if (words[0].equals("link")) {
                    additions.add(new Addition.Link(words[1], words[2]));
                } else if (words.length == 2) {
                    additions.add(new Addition.Folder(words[1], Integer.parseInt(words[0], 8)));
                } else {
                    additions.add(
                            new Addition.Text(
                                    words[1],
                                    Integer.parseInt(words[0], 8),
                                    text("root/" + words[2])));
                }
            }
        }

        private static long bytes(String[] words) {
            return Long.parseLong(words[1])
                    << switch (words[2]) {
                        case "MiB" -> 20;
                        case "GiB" -> 30;
                        default -> throw new IllegalStateException("unit " + words[2]);
                    };
        }

        private List<String> lines(String resource) {
            return text(resource)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .toList();
        }

        private String text(String resource) {
            try (InputStream in = Recipe.class.getResourceAsStream(resource)) {
                if (in == null) {
                    throw new IllegalStateException("no resource " + resource);
                }
                byte[] bytes = in.readAllBytes();
                digest.update(bytes);
                return new String(bytes, StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        Recipe recipe(String name) {
            return new Recipe(
                    name,
                    release,
                    kernel,
                    List.copyOf(modules),
                    List.copyOf(packages),
                    Collections.unmodifiableMap(taken),
                    size,
                    limit,
                    List.copyOf(additions),
                    Digests.hex(digest));
        }
    }
}
