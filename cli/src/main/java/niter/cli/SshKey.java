package niter.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import niter.controller.control.StateDirectory;

/**
 * This niter's own key, with which {@code niter ssh} logs in: made once by ssh-keygen, in
 * STATE/ssh/id_ed25519.
 */
record SshKey(Path privateKey, String publicKey) {
    /** Reads it, or makes it. */
    static SshKey of(StateDirectory state) {
        Path file = state.ssh().resolve("id_ed25519");
        Path open = state.ssh().resolve("id_ed25519.pub");
        try {
            if (!Files.exists(file) || !Files.exists(open)) {
                make(state, file, open);
            }
            return new SshKey(file, Files.readString(open).strip());
        } catch (IOException e) {
            throw new CliException("the key of niter ssh: " + ErrorLine.reason(e), e);
        }
    }

    /** Elsewhere first, so that two that do this at once leave a pair that belongs together. */
    private static void make(StateDirectory state, Path file, Path open) throws IOException {
        Path directory = Files.createTempDirectory(state.ssh(), "new");
        Path fresh = directory.resolve("key");
        try {
            Process process =
                    new ProcessBuilder(
                                    "ssh-keygen",
                                    "-q",
                                    "-t",
                                    "ed25519",
                                    "-N",
                                    "",
                                    "-C",
                                    "niter",
                                    "-f",
                                    fresh.toString())
                            .redirectErrorStream(true)
                            .start();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) {
                throw new IOException("ssh-keygen: " + said.strip());
            }
            if (!Files.exists(file)) {
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
                Files.move(directory.resolve("key.pub"), open, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            Files.deleteIfExists(fresh);
            Files.deleteIfExists(directory.resolve("key.pub"));
            Files.deleteIfExists(directory);
        }
    }
}
