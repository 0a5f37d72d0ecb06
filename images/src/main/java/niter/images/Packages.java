package niter.images;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/** Debian package files, opened by dpkg-deb. */
final class Packages {
    private Packages() {}

    /** Unpacks a package's files as the user's own. */
    static void unpack(Path file, Path into) {
        Command.Result result =
                Command.run(List.of("dpkg-deb", "-x", file.toString(), into.toString()), Map.of());
        if (!result.good()) {
            throw broken(file, result.complaint());
        }
    }

    /** Hears every entry of a package's archive in turn. */
    @FunctionalInterface
    interface Reader {
        void read(TarArchiveInputStream archive) throws IOException;
    }

    /** Reads a package's files with the owners and modes that Debian gave them. */
    static void read(Path file, Reader reader) throws IOException {
        Process process =
                new ProcessBuilder("dpkg-deb", "--fsys-tarfile", file.toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try (TarArchiveInputStream archive =
                new TarArchiveInputStream(
                        new BufferedInputStream(process.getInputStream(), 1 << 16))) {
            reader.read(archive);
            archive.readAllBytes();
            process.getInputStream().readAllBytes();
            int status = process.waitFor();
            Command.checkNotInterrupted(status);
            if (status != 0) {
                throw broken(file, "exit status " + status);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ImageException("Interrupted", e);
        } finally {
            process.destroy();
        }
    }

    /** A damaged file is thrown away, so that the next run fetches it again. */
    private static ImageException broken(Path file, String why) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            return new ImageException(
                    "The package %s is damaged (%s): remove it and run again".formatted(file, why),
                    e);
        }
        return new ImageException(
                "The package %s was damaged (%s) and is removed: run again"
                        .formatted(file.getFileName(), why));
    }
}
