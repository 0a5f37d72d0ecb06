package niter.linux;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A step at which a test may have a process killed: the one that takes the step or another. Where
 * {@code NITER_FAILPOINTS} is not set, a step costs nothing once it is compiled. docs/failpoints.md
 * says how to set it.
 *
 * <p>All names of all processes are here, because each of them must know a name that is nobody's.
 */
public enum Failpoint {
    // The message path of a function, in its order.

    /** A new client's connection is held by the keeper; the function has not begun it. */
    CONNECTION_HELD,
    /** Another process's connection is whole again; what it left of the queues is not. */
    CONNECTION_TAKEN_OVER,
    /** A whole message lies in the buffer, and still in the socket. */
    MESSAGE_RECEIVED,
    /** The keeper has the descriptors that came with it. */
    MESSAGE_DESCRIPTORS_HELD,
    /** Its effect is staged. */
    MESSAGE_APPLIED,
    /** Effect, reply and position are valid. */
    MESSAGE_RECORDED,
    /** The reply is sent. */
    MESSAGE_SENT,
    /** It is taken out of the socket, which is not written down yet. */
    MESSAGE_TAKEN,
    /** All of it is over. */
    MESSAGE_CONSUMED,
    /** A doorbell's value is stored; its message is not consumed. */
    DOORBELL_STORED,

    // The command path of NVMe, in its order.

    /** An admin command's effect and result are valid; its completion is not written. */
    ADMIN_EXECUTED,
    /** The command is in the table, and the queue's position behind it. */
    COMMAND_FETCHED,
    /** What was fetched is with the kernel. */
    COMMAND_SUBMITTED,
    /** Its data is where it belongs. */
    COMMAND_DATA_DONE,
    /** Its completion is announced. */
    COMPLETION_ANNOUNCED,
    /** Its completion is in the guest's ring, which is not written down yet. */
    COMPLETION_WRITTEN,
    /** The command has left the table. */
    COMMAND_LEFT,
    /** An interrupt is sent; what follows does not know. */
    INTERRUPT_SENT,

    // The keeper.

    /** Descriptors are held; whoever sent them has no answer. */
    KEEPER_DESCRIPTORS_HELD,
    /** A process is started; the table on disk knows its name but no pid. */
    KEEPER_PROCESS_STARTED,
    /** The next table is written beside the valid one. */
    KEEPER_TABLE_WRITTEN,
    /** The next table is the valid one. */
    KEEPER_TABLE_REPLACED,

    // The controller.

    /** An instance's record is on disk. */
    CONTROLLER_RECORD_WRITTEN,
    /** A card is asked and has not answered. */
    CONTROLLER_CARD_ASKED,
    /** A card's answer is there; nobody has acted on it. */
    CONTROLLER_CARD_ANSWERED,
    /** A machine is started; nothing of it is written down. */
    CONTROLLER_MACHINE_STARTED;

    /** The environment variable that switches them on: {@code FILE[,NAME:HITS]…}. */
    public static final String VARIABLE = "NITER_FAILPOINTS";

    /** Read once, so that a step of a process without failpoints compiles to nothing. */
    private static final class Switch {
        static final String PROBLEM;
        static final boolean ON;
        private static final @Nullable FailpointFile FILE;

        static {
            String problem = "";
            @Nullable FailpointFile file = null;
            try {
                file = file(System.getenv().getOrDefault(VARIABLE, ""));
            } catch (IllegalArgumentException | LinuxException e) {
                problem = VARIABLE + ": " + e.getMessage();
            }
            PROBLEM = problem;
            FILE = file;
            ON = file != null;
        }

        static void hit(Failpoint point) {
            FailpointFile file = FILE;
            if (file != null) {
                file.hit(point);
            }
        }
    }

    /** As docs and the variable spell it: {@code message-applied}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The step is reached; does not return where it is this process's end. */
    public void hit() {
        if (Switch.ON) {
            Switch.hit(this);
        }
    }

    /**
     * To be called by a process that has such steps, before it does anything.
     *
     * @throws IllegalArgumentException with one line, if the variable is set to what it cannot be
     */
    public static void check() {
        if (!Switch.PROBLEM.isEmpty()) {
            throw new IllegalArgumentException(Switch.PROBLEM);
        }
    }

    private static @Nullable FailpointFile file(String setting) {
        if (setting.isEmpty()) {
            return null;
        }
        String[] parts = setting.split(",", -1);
        Map<Failpoint, Long> armed = new EnumMap<>(Failpoint.class);
        for (String part : Arrays.asList(parts).subList(1, parts.length)) {
            int colon = part.indexOf(':');
            String hits = part.substring(colon + 1);
            if (colon < 0 || !hits.matches("[1-9][0-9]{0,17}")) {
                throw new IllegalArgumentException("expected NAME:HITS, got \"" + part + "\"");
            }
            armed.put(of(part.substring(0, colon)), Long.parseLong(hits));
        }
        if (!parts[0].startsWith("/")) {
            throw new IllegalArgumentException(
                    "expected an absolute path first, got \"" + parts[0] + "\"");
        }
        return FailpointFile.open(Path.of(parts[0]), armed);
    }

    /**
     * The failpoint of this name.
     *
     * @throws IllegalArgumentException with all names, if there is none
     */
    public static Failpoint of(String label) {
        for (Failpoint point : values()) {
            if (point.label().equals(label)) {
                return point;
            }
        }
        throw new IllegalArgumentException(
                Arrays.stream(values())
                        .map(Failpoint::label)
                        .collect(
                                Collectors.joining(
                                        ", ", "no failpoint \"" + label + "\", there are ", "")));
    }
}
