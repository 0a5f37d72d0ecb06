package niter.controller;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.protocol.Exited;
import niter.linux.Signals;

/** Why an instance is not running: EC2's StateReason, its code and its text. */
final class Reasons {
    static final String USER_STOP = "Client.UserInitiatedShutdown: User initiated shutdown";
    static final String GUEST_STOP =
            "Client.InstanceInitiatedShutdown: Instance initiated shutdown";

    private static final String INTERNAL = "Server.InternalError: ";
    private static final int TAIL_BYTES = 4096;
    private static final int MAX_LINE = 300;

    private Reasons() {}

    /** It could not be started. */
    static String failed(String why) {
        return INTERNAL + why;
    }

    /**
     * Its hypervisor ended by itself.
     *
     * @param log what it printed; the last line says most
     */
    static String ended(Exited end, Path log) {
        if (end.getSignal() != 0) {
            String killed = "the hypervisor was killed by " + Signals.name(end.getSignal());
            boolean byItself = end.getSignal() == Signals.SIGABRT; // then it says why
            return INTERNAL + killed + (byItself ? said(log) : "");
        }
        if (end.getExitStatus() < 0) {
            return INTERNAL + "the hypervisor ended while nobody watched";
        }
        return INTERNAL + "the hypervisor ended with status " + end.getExitStatus() + said(log);
    }

    private static String said(Path log) {
        String line = lastLine(log);
        return line.isEmpty() ? "" : ": " + line;
    }

    private static String lastLine(Path log) {
        try (var channel = Files.newByteChannel(log)) {
            channel.position(Math.max(0, channel.size() - TAIL_BYTES));
            var buffer = java.nio.ByteBuffer.allocate(TAIL_BYTES);
            channel.read(buffer);
            String text = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
            String line = text.strip();
            line = line.substring(line.lastIndexOf('\n') + 1);
            return line.substring(0, Math.min(MAX_LINE, line.length()));
        } catch (IOException e) {
            return ""; // it printed nothing
        }
    }
}
