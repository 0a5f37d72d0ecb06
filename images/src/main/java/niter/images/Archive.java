package niter.images;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Debian's archive as this machine's own apt reaches it.
 *
 * @param main the mirror of releases, updates and backports
 * @param security the mirror of security updates; null where the machine has none
 * @param settings the machine's {@code Acquire} settings (proxies, time-outs), as lines of apt.conf
 * @param keyring the keys that Debian signs its archive with
 */
record Archive(String main, @Nullable String security, List<String> settings, Path keyring) {
    private static final Set<String> SUITES =
            Set.of(
                    "bullseye",
                    "bookworm",
                    "trixie",
                    "forky",
                    "duke",
                    "sid",
                    "oldoldstable",
                    "oldstable",
                    "stable",
                    "testing",
                    "unstable");
    private static final List<Path> KEYRINGS =
            List.of(
                    Path.of("/usr/share/keyrings/debian-archive-keyring.pgp"),
                    Path.of("/usr/share/keyrings/debian-archive-keyring.gpg"));
    private static final Pattern RELEASE_FILE =
            Pattern.compile("'(.+/)dists/([^' ]+)/InRelease'.*");

    /** A release and its mirrors' suites. */
    enum Release {
        TRIXIE("trixie", "trixie-backports"),
        BOOKWORM("bookworm", null);

        private final String codename;
        private final @Nullable String backports;

        Release(String codename, @Nullable String backports) {
            this.codename = codename;
            this.backports = backports;
        }

        String codename() {
            return codename;
        }
    }

    /**
     * Asks the machine's apt where it gets its packages.
     *
     * @param scratch an empty folder for apt's lists
     * @throws ImageException where apt is missing or has no mirror of Debian's
     */
    static Archive ofThisMachine(Path scratch) {
        if (!System.getProperty("os.arch").equals("amd64")) {
            throw new ImageException(
                    "Niter's engine and images are for x86-64; this machine is "
                            + System.getProperty("os.arch"));
        }
        Command.Result uris =
                systemApt(
                        "apt-get", "--print-uris", "-o", "Dir::State::lists=" + scratch, "update");
        Command.Result settings = systemApt("apt-config", "dump", "Acquire");
        return of(uris.output(), settings.output(), systemKeyring());
    }

    private static Command.Result systemApt(String... command) {
        for (String tool : List.of(command[0], "dpkg-deb")) {
            if (!onPath(tool)) {
                throw new ImageException(
                        "No "
                                + tool
                                + " here: Niter takes QEMU and its images from Debian packages; use a"
                                + " machine with apt and dpkg");
            }
        }
        Command.Result result = Command.run(List.of(command), Map.of());
        if (!result.good()) {
            throw new ImageException(
                    "This machine's apt is broken (%s): mend it, then run again"
                            .formatted(result.complaint()));
        }
        return result;
    }

    private static boolean onPath(String tool) {
        for (String folder : System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(":")) {
            if (Files.isExecutable(Path.of(folder, tool))) {
                return true;
            }
        }
        return false;
    }

    private static Path systemKeyring() {
        for (Path keyring : KEYRINGS) {
            if (Files.isReadable(keyring)) {
                return keyring;
            }
        }
        throw new ImageException(
                "No "
                        + KEYRINGS.getLast()
                        + " to verify Debian's packages with: install debian-archive-keyring");
    }

    /** Reads what apt printed. */
    static Archive of(List<String> uris, List<String> settings, Path keyring) {
        String main = null;
        String security = null;
        for (String line : uris) {
            Matcher matcher = RELEASE_FILE.matcher(line);
            if (!matcher.matches()) {
                continue;
            }
            String suite = matcher.group(2);
            if (main == null && SUITES.contains(suite)) {
                main = decoded(matcher.group(1));
            } else if (security == null
                    && suite.endsWith("-security")
                    && SUITES.contains(suite.substring(0, suite.length() - 9))) {
                security = decoded(matcher.group(1));
            }
        }
        if (main == null) {
            throw new ImageException(
                    "This machine's apt has no Debian mirror: add one to /etc/apt/sources.list.d");
        }
        List<String> kept = new ArrayList<>();
        for (String setting : settings) {
            if (!setting.matches("Acquire(::(IndexTargets|Languages|Changelogs).*)? .*")) {
                kept.add(setting);
            }
        }
        return new Archive(main, security, List.copyOf(kept), keyring);
    }

    /** apt quotes what it prints. */
    private static String decoded(String uri) {
        try {
            URI parsed = new URI(uri);
            return parsed.getScheme() == null ? uri : uri.replace("%7e", "~");
        } catch (URISyntaxException e) {
            return uri;
        }
    }

    /** A release's lines for sources.list. */
    List<String> sources(Release release) {
        List<String> lines = new ArrayList<>();
        lines.add(source(main, release.codename));
        lines.add(source(main, release.codename + "-updates"));
        if (release.backports != null) {
            lines.add(source(main, release.backports));
        }
        if (security != null) {
            lines.add(source(security, release.codename + "-security"));
        }
        return lines;
    }

    private String source(String mirror, String suite) {
        return "deb [arch=amd64 signed-by=%s] %s %s main".formatted(keyring, mirror, suite);
    }
}
