package niter.cli;

import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;

/** One frame of the guest agent's protocol: docs/images.md, "The guest agent". */
record Frame(char type, byte[] payload) {
    /** The most bytes that a payload has. */
    static final int MAX_PAYLOAD = 1024;

    static final char MORE = 'A';
    static final char GO = 'G';
    static final char INPUT = 'I';
    static final char INPUT_END = 'E';
    static final char WINDOW = 'W';
    static final char SIGNAL = 'K';
    static final char READY = 'R';
    static final char STARTED = 'S';
    static final char CREDIT = 'C';
    static final char OUTPUT = 'O';
    static final char ERRORS = 'D';
    static final char EXIT = 'X';

    Frame(char type, String text) {
        this(type, text.getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * The payload as a decimal number.
     *
     * @throws ProtocolException if it is none, or not within the bounds
     */
    int number(int least, int most) throws ProtocolException {
        try {
            int number = Integer.parseInt(new String(payload, StandardCharsets.US_ASCII));
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // as one that is out of bounds
        }
        throw new ProtocolException(
                "the guest's agent sent a frame %c without a number from %d to %d"
                        .formatted(type, least, most));
    }
}
