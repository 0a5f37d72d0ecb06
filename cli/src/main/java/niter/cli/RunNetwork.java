package niter.cli;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.PublicKey;
import niter.controller.northbound.RunInstancesRequest;
import picocli.CommandLine.Option;

/** What {@code run} tells an instance, and who may reach it. */
final class RunNetwork {
    private static final int MAX_USER_DATA = 16 * 1024;
    private static final int MAX_KEY = 8 * 1024;

    @Option(
            names = "--sg",
            paramLabel = "GROUP",
            description = "Security group; may be repeated (default: default and niter-run).")
    private List<String> groups = new ArrayList<>();

    @Option(
            names = "--user-data",
            paramLabel = "FILE",
            description = "User data, at most 16 KiB; - is standard input.")
    private String userData = "";

    @Option(
            names = "--key",
            paramLabel = "FILE",
            description = "OpenSSH public key that may log in, beside niter ssh's own.")
    private String key = "";

    /** Adds it to a request. */
    void addTo(RunInstancesRequest.Builder request, StateDirectory state) {
        request.addAllSecurityGroup(groups.isEmpty() ? List.of("default", "niter-run") : groups);
        try {
            if (!userData.isEmpty()) {
                request.setUserData(ByteString.copyFrom(userData()));
            }
        } catch (IOException e) {
            throw new CliException("run: --user-data " + ErrorLine.reason(e), e);
        }
        if (SshTarget.installed("ssh-keygen") != null) { // run itself needs no SSH
            request.addPublicKey(
                    PublicKey.newBuilder()
                            .setName("niter")
                            .setOpensshKey(SshKey.of(state).publicKey()));
        }
        if (!key.isEmpty()) {
            try {
                request.addPublicKey(PublicKey.newBuilder().setName("key").setOpensshKey(key()));
            } catch (IOException e) {
                throw new CliException("run: --key " + ErrorLine.reason(e), e);
            }
        }
    }

    private byte[] userData() throws IOException {
        byte[] bytes;
        if (userData.equals("-")) {
            bytes = System.in.readNBytes(MAX_USER_DATA + 1);
        } else {
            try (InputStream file = Files.newInputStream(Path.of(userData))) {
                bytes = file.readNBytes(MAX_USER_DATA + 1);
            }
        }
        if (bytes.length > MAX_USER_DATA) {
            throw new CliException(
                    "run: --user-data " + userData + ": expected at most 16384 bytes");
        }
        return bytes;
    }

    private String key() throws IOException {
        try (InputStream file = Files.newInputStream(Path.of(key))) {
            // Whatever it is: the controller says what is expected.
            return new String(file.readNBytes(MAX_KEY + 1), StandardCharsets.ISO_8859_1).strip();
        }
    }

    /** Whether standard input is the user data. */
    boolean takesInput() {
        return userData.equals("-");
    }
}
