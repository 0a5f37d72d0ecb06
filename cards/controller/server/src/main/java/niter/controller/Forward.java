package niter.controller;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A port of the host at which an instance's port is reached.
 *
 * @param protocol what is forwarded
 * @param hostAddress the instance's public address
 * @param hostPort where the uplink listens; {@link #NO_PORT} where the host has none that is free
 * @param address the instance's private address
 * @param port the port there
 */
record Forward(Protocol protocol, String hostAddress, int hostPort, String address, int port) {
    static final int NO_PORT = 0;

    /** What the uplink forwards. */
    enum Protocol {
        TCP(6),
        UDP(17);

        /** The IP protocol number. */
        final int number;

        Protocol(int number) {
            this.number = number;
        }

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    // A line of QEMU's "info usernet": protocol[state], descriptor, source, port, destination,
    // port.
    private static final Pattern LINE =
            Pattern.compile(
                    "\\s*(TCP|UDP)\\[HOST_FORWARD\\]\\s+\\d+\\s+(\\S+)\\s+(\\d+)\\s+(\\S+)\\s+(\\d+)\\s.*");

    /** Those of a listing of the uplink's. */
    static Stream<Forward> listed(String usernet) {
        return usernet.lines()
                .map(LINE::matcher)
                .filter(Matcher::matches)
                .map(
                        line ->
                                new Forward(
                                        Protocol.valueOf(line.group(1)),
                                        line.group(2),
                                        Integer.parseInt(line.group(3)),
                                        line.group(4),
                                        Integer.parseInt(line.group(5))));
    }

    /** As "tcp:127.42.0.4:10022". */
    String host() {
        return protocol.word() + ":" + hostAddress + ":" + hostPort;
    }

    /** As QEMU's hostfwd_add takes it. */
    String rule() {
        return host() + "-" + address + ":" + port;
    }
}
