package niter.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import niter.controller.control.StateDirectory;

/**
 * This niter's own key, with which {@code niter ssh} logs in: made once by ssh-keygen, in
 * STATE/ssh/key.
 */
record SshKey(Path privateKey, String publicKey) {
    /** Reads it, or makes it. */
    static SshKey of(StateDirectory state) {
        Path pair = state.ssh().resolve("key");
        try {
            if (!Files.exists(pair)) {
                make(state, pair);
            }
            return new SshKey(
                    pair.resolve("id_ed25519"),
                    Files.readString(pair.resolve("id_ed25519.pub")).strip());
        } catch (IOException e) {
            throw new CliException("the key of niter ssh: " + ErrorLine.reason(e), e);
        }
    }

    /**
     * Elsewhere, then one rename: whoever is killed or second leaves a pair that belongs together.
     */
    private static void make(StateDirectory state, Path pair) throws IOException {
        Path fresh = Files.createTempDirectory(state.ssh(), "new");
        try {
            generate(fresh.resolve("id_ed25519"));
            Files.move(fresh, pair, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            if (!Files.exists(pair)) {
                throw e;
            }
        } finally {
            Files.deleteIfExists(fresh.resolve("id_ed25519"));
            Files.deleteIfExists(fresh.resolve("id_ed25519.pub"));
            Files.deleteIfExists(fresh);
        }
    }

    private static void generate(Path file) throws IOException {
        Process process =
                new ProcessBuilder(
                                "ssh-keygen",
                                "-q",
                                "-t",
                                "ed25519",
                                "-C",
                                "niter",
                                "-N",
                                "",
                                "-f",
                                file.toString())
                        .redirectErrorStream(true)
                        .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException("ssh-keygen: " + said.strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
