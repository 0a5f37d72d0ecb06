package niter.images;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Why apt failed, told from what it complained; the first that fits counts. */
enum AptFailure {
    KEYRING(
            "NO_PUBKEY|is not signed|EXPKEYSIG|Missing key|unsupported .*keyring",
            "Debian signed {what} with a key that this machine's debian-archive-keyring does not"
                    + " know: update that package"),
    SPACE(
            "No space left on device|enough free space|Disk quota exceeded",
            "No space for {what} in {directory}: free some, or set XDG_CACHE_HOME"),
    CORRUPT(
            "Hash Sum mismatch|File has unexpected size|Bad header line|bad archive|GPG error|"
                    + "isn't signed|At least one invalid signature|clearsigned file isn't valid",
            "{what} came corrupted from the mirror ({line}): run again, or choose another mirror in"
                    + " /etc/apt"),
    NETWORK(
            "resolving|resolve|onnection (?:failed|refused|timed out)|Could not connect|Cannot"
                    + " initiate|Network is unreachable|No route to host|onnection reset|closed the"
                    + " connection|timed out|Could not handshake",
            "Cannot reach this machine's Debian mirror for {what} ({line}): connect to the network, or"
                    + " set a proxy for apt, then run again"),
    STALE(
            "404 +Not Found",
            "This machine's Debian mirror no longer has {what} ({line}): run again in a while"),
    MISSING(
            "does not have a Release file|Unable to locate package|no installation candidate|was not found|No packages found",
            "This machine's Debian mirror has no {what} ({line}): choose a full mirror in /etc/apt"),
    OTHER("^E:", "apt failed for {what} ({line}): remove {directory}, then run again");

    private final Pattern complaint;
    private final String message;

    AptFailure(String complaint, String message) {
        this.complaint = Pattern.compile(complaint);
        this.message = message;
    }

    /** What happened, or null where nothing is wrong. apt only warns where lists are old. */
    static @Nullable AptFailure of(Command.Result result) {
        for (AptFailure failure : values()) {
            if (failure.line(result.errors()) != null) {
                return failure;
            }
        }
        return null;
    }

    static ImageException toException(Command.Result result, Path directory, String what) {
        AptFailure failure = of(result);
        if (failure == null) {
            failure = OTHER;
        }
        String line = failure.line(result.errors());
        return new ImageException(
                failure.message
                        .replace("{what}", what)
                        .replace("{directory}", directory.toString())
                        .replace("{line}", line == null ? result.complaint() : line));
    }

    private @Nullable String line(List<String> errors) {
        for (String error : errors) {
            if (complaint.matcher(error).find()) {
                return error.replaceFirst("^[EW]: ", "").strip();
            }
        }
        return null;
    }
}
