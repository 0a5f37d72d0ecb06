package niter.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An apt of our own below the cache: it takes packages from the machine's mirror, verifies them as
 * apt does, and touches nothing of the system. Whoever uses one holds the {@link Workshop}.
 */
final class PrivateApt {
    /** Lists that are younger are not asked for again. */
    private static final Duration FRESH = Duration.ofHours(1);

    private static final long LISTS_BYTES = 11L << 20; // about; apt says so only afterwards
    private static final Pattern INSTALL =
            Pattern.compile("Inst (\\S+) (?:\\[\\S+] )?\\((\\S+) .*");
    private static final Pattern URI = Pattern.compile("'[^']+' (\\S+) (\\d+).*");
    private static final Pattern STATUS = Pattern.compile("dlstatus:\\d+:([0-9.]+):.*");

    private final Path directory;
    private final Archive.Release release;
    private final ProgressListener progress;
    private @Nullable Archive archive;

    PrivateApt(Path cache, Archive.Release release, ProgressListener progress) {
        this.directory = cache.resolve("apt").resolve(release.codename());
        this.release = release;
        this.progress = progress;
    }

    /** A package as the mirror has it. */
    record Version(String name, String version) {}

    /**
     * Reads the mirror's lists unless that was done within the hour. Without network the lists from
     * last time do.
     *
     * @throws ImageException where there are no lists and none can be had
     */
    void update() {
        Path stamp = directory.resolve("updated");
        configure();
        try {
            if (Files.exists(stamp)
                    && Files.getLastModifiedTime(stamp)
                            .toInstant()
                            .isAfter(Instant.now().minus(FRESH))) {
                return;
            }
            Command.Result result =
                    apt("Reading Debian's package lists", LISTS_BYTES, null, "update");
            if (result.good() && AptFailure.of(result) == null) {
                Files.write(stamp, new byte[0]);
                Files.setLastModifiedTime(stamp, FileTime.from(Instant.now()));
            } else if (!Files.exists(stamp)) {
                throw AptFailure.toException(result, directory, "Debian's package lists");
            }
        } catch (IOException e) {
            throw ImageException.of("Cannot write in " + directory, e);
        }
    }

    /** Makes the next {@link #update} ask the mirror. */
    private void forgetLists() {
        try {
            Files.setLastModifiedTime(directory.resolve("updated"), FileTime.from(Instant.EPOCH));
        } catch (IOException e) {
            throw ImageException.of("Cannot write in " + directory, e);
        }
    }

    /**
     * What is to be had.
     *
     * @param names the packages that were asked for
     * @param from a suite to prefer, such as backports; null for the release itself
     * @param status the dpkg status file to pretend
     * @param versions they and what they need, but for what is declared present
     */
    record Plan(List<String> names, @Nullable String from, Path status, List<Version> versions) {}

    /** Plans packages and all that they need. */
    Plan plan(List<String> names, @Nullable String from) {
        return plan(names, from, directory.resolve("state/status"));
    }

    /** Plans packages and what they need of the wanted ones; the others are declared present. */
    Plan plan(List<String> names, @Nullable String from, Predicate<String> wanted) {
        return plan(names, from, declarePresent(plan(names, from), wanted));
    }

    private Plan plan(List<String> names, @Nullable String from, Path status) {
        Command.Result result = apt("", 0, status, install(names, from, "-s"));
        if (!result.good()) {
            throw AptFailure.toException(result, directory, String.join(" ", names));
        }
        List<Version> versions = new ArrayList<>();
        for (String line : result.output()) {
            Matcher matcher = INSTALL.matcher(line);
            if (matcher.matches()) {
                versions.add(new Version(matcher.group(1), matcher.group(2)));
            }
        }
        return new Plan(names, from, status, List.copyOf(versions));
    }

    /**
     * Downloads a plan's packages; goes on where an earlier download broke off.
     *
     * @return the packages' files, by package name
     * @throws ImageException if one cannot be had, or is not what Debian signed
     */
    Map<String, Path> download(String phase, Plan plan) {
        long bytes = missingBytes(plan);
        if (bytes > 0) {
            Disk.needFree(directory, 2 * bytes, String.join(" ", plan.names()));
            fetch(phase, plan, bytes);
        }
        Map<String, Path> files = new LinkedHashMap<>();
        for (Version version : plan.versions()) {
            files.put(version.name(), file(version));
        }
        return files;
    }

    private long missingBytes(Plan plan) {
        Command.Result uris =
                apt(
                        "",
                        0,
                        plan.status(),
                        install(plan.names(), plan.from(), "--print-uris", "-qq"));
        if (!uris.good()) {
            throw AptFailure.toException(uris, directory, String.join(" ", plan.names()));
        }
        long bytes = 0;
        for (String line : uris.output()) {
            Matcher matcher = URI.matcher(line);
            if (matcher.matches()) {
                bytes += Long.parseLong(matcher.group(2));
            }
        }
        return bytes;
    }

    private void fetch(String phase, Plan plan, long bytes) {
        String[] install = install(plan.names(), plan.from(), "-d");
        Command.Result result = apt(phase, bytes, plan.status(), install);
        if (!result.good() && AptFailure.of(result) == AptFailure.STALE) {
            forgetLists(); // the mirror has gone on since: the next run plans anew
        } else if (!result.good() && AptFailure.of(result) == AptFailure.CORRUPT) {
            result = apt(phase, bytes, plan.status(), install); // apt has thrown it away
        }
        if (!result.good()) {
            throw AptFailure.toException(result, directory, String.join(" ", plan.names()));
        }
    }

    /** apt's name for a package file: the epoch's colon is quoted. */
    private Path file(Version version) {
        Path archives = directory.resolve("cache/archives");
        String stem = version.name() + "_" + version.version().replace(":", "%3a") + "_";
        for (String architecture : List.of("amd64", "all")) {
            Path file = archives.resolve(stem + architecture + ".deb");
            if (Files.exists(file)) {
                return file;
            }
        }
        throw new ImageException(
                "No %s*.deb in %s after its download: remove %s and run again"
                        .formatted(stem, archives, directory));
    }

    /** What the release's mirror would install under this name, such as a kernel's metapackage. */
    List<String> depends(String name) {
        Command.Result result = apt("", 0, null, "depends", name);
        if (!result.good()) {
            throw AptFailure.toException(result, directory, name);
        }
        List<String> depends = new ArrayList<>();
        for (String line : result.output()) {
            if (line.strip().startsWith("Depends: ")) {
                depends.add(line.strip().substring("Depends: ".length()));
            }
        }
        return depends;
    }

    private static String[] install(
            List<String> packages, @Nullable String from, String... options) {
        List<String> command = new ArrayList<>(List.of("install", "-y", "--no-install-recommends"));
        // Else apt takes packages that are declared present for outdated ones of the same source.
        command.addAll(List.of("-o", "APT::Get::Upgrade-By-Source-Package=false"));
        if (from != null) {
            command.addAll(List.of("-t", from));
        }
        command.addAll(List.of(options));
        command.addAll(packages);
        return command.toArray(String[]::new);
    }

    /**
     * A dpkg status file in which what is not needed is installed already, in the version that
     * would come: so apt neither fetches it nor what only it needs.
     */
    private Path declarePresent(Plan all, Predicate<String> wanted) {
        StringBuilder text = new StringBuilder();
        for (Version version : all.versions()) {
            if (!wanted.test(version.name())) {
                text.append("Package: ").append(version.name());
                text.append("\nStatus: install ok installed\nMulti-Arch: foreign\n");
                text.append("Maintainer: none\nArchitecture: amd64\nDescription: not needed\n");
                text.append("Version: ").append(version.version()).append("\n\n");
            }
        }
        Path status = directory.resolve("state/status-" + all.names().getFirst());
        try {
            Files.writeString(status, text);
        } catch (IOException e) {
            throw ImageException.of("Cannot write " + status, e);
        }
        return status;
    }

    private Command.Result apt(
            String phase, long bytes, @Nullable Path status, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(arguments[0].equals("depends") ? "apt-cache" : "apt-get");
        if (status != null) {
            command.addAll(List.of("-o", "Dir::State::status=" + status));
        }
        if (!phase.isEmpty()) {
            command.addAll(List.of("-o", "APT::Status-Fd=1"));
            progress.progress(phase, 0, bytes);
        }
        command.addAll(List.of(arguments));
        Command.Result result =
                Command.run(
                        command,
                        Map.of("APT_CONFIG", directory.resolve("apt.conf").toString()),
                        line -> {
                            Matcher matcher = STATUS.matcher(line);
                            if (!phase.isEmpty() && matcher.matches()) {
                                double part = Double.parseDouble(matcher.group(1)) / 100;
                                progress.progress(phase, (long) (part * bytes), bytes);
                            }
                        });
        if (!phase.isEmpty() && result.good()) {
            progress.progress(phase, bytes, bytes);
        }
        return result;
    }

    /** Writes apt.conf and sources.list as the machine's configuration is now. */
    private void configure() {
        if (archive != null) {
            return;
        }
        try {
            for (String folder :
                    List.of(
                            "none",
                            "etc/parts",
                            "state/lists/partial",
                            "cache/archives/partial",
                            "log")) {
                Files.createDirectories(directory.resolve(folder));
            }
            Archive found = Archive.ofThisMachine(directory.resolve("none"));
            List<String> lines = new ArrayList<>(found.settings());
            lines.add("Dir::Etc \"" + directory.resolve("etc") + "\";");
            lines.add("Dir::Etc::sourcelist \"sources.list\";");
            for (String parts : List.of("sourceparts", "parts", "preferencesparts")) {
                lines.add("Dir::Etc::%s \"parts\";".formatted(parts));
            }
            lines.add("Dir::Etc::preferences \"preferences\";");
            for (String secret : List.of("netrc \"auth.conf", "netrcparts \"auth.conf.d")) {
                if (Files.isReadable(Path.of("/etc/apt", secret.split("\"", 2)[1]))) {
                    lines.add("Dir::Etc::%s\";".formatted(secret.replace("\"", "\"/etc/apt/")));
                }
            }
            lines.add("Dir::State \"" + directory.resolve("state") + "\";");
            lines.add("Dir::State::status \"" + directory.resolve("state/status") + "\";");
            lines.add("Dir::Cache \"" + directory.resolve("cache") + "\";");
            lines.add("Dir::Log \"" + directory.resolve("log") + "\";");
            lines.add("Acquire::Languages \"none\";");
            lines.add("Acquire::Retries \"1\";");
            lines.add("APT::Architecture \"amd64\";");
            lines.add("APT::Architectures { \"amd64\"; };");
            lines.add("APT::Sandbox::User \"\";");
            Files.write(directory.resolve("apt.conf"), lines);
            Files.write(directory.resolve("etc/sources.list"), found.sources(release));
            Files.write(directory.resolve("state/status"), new byte[0]);
            archive = found;
        } catch (IOException e) {
            throw ImageException.of("Cannot write in " + directory, e);
        }
    }
}
