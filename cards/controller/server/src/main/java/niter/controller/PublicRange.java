package niter.controller;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.StateDirectory;

/**
 * This outpost's part of 127.42.0.0/16: 254 addresses of the host's loopback, under which its
 * instances' ports are reached. Which part is remembered; a socket that is bound in it keeps
 * another outpost of this host from taking the same.
 */
final class PublicRange {
    private static final System.Logger LOG = System.getLogger(PublicRange.class.getName());
    private static final int PARTS = 256;
    private static final int CLAIM_PORT = 4242; // UDP, of the part's first address
    static final int HOSTS = 255;

    private final int part;
    private final DatagramSocket claim;

    private PublicRange(int part, DatagramSocket claim) {
        this.part = part;
        this.claim = claim;
    }

    /**
     * The part that this state directory has, or a free one from now on.
     *
     * @throws IOException if all are taken
     */
    static PublicRange of(StateDirectory state) throws IOException {
        Path file = state.root().resolve("public-range");
        if (Files.exists(file)) {
            int part = read(file);
            try {
                return new PublicRange(part, claim(part));
            } catch (SocketException e) { // instances have its addresses: no other one will do
                LOG.log(
                        System.Logger.Level.WARNING,
                        "127.42.{0}.0/24 is used by another outpost: ports may be taken",
                        part);
                return new PublicRange(part, new DatagramSocket(null));
            }
        }
        int first = Math.floorMod(state.root().hashCode(), PARTS); // rarely another's
        for (int i = 0; i < PARTS; i++) {
            int part = (first + i) % PARTS;
            try {
                DatagramSocket claim = claim(part);
                DurableFile.write(file, ("127.42." + part + ".0/24\n").getBytes());
                return new PublicRange(part, claim);
            } catch (SocketException e) {
                LOG.log(System.Logger.Level.DEBUG, "127.42.{0}.0/24 is taken", part);
            }
        }
        throw new IOException("public addresses: all of 127.42.0.0/16 are in use on this host");
    }

    private static int read(Path file) throws IOException {
        String text = Files.readString(file).strip();
        if (!text.matches("127\\.42\\.(0|[1-9][0-9]{0,2})\\.0/24")) {
            throw new IOException(
                    file + ": expected a line like 127.42.7.0/24: restore or delete it");
        }
        int part = Integer.parseInt(text.split("\\.")[2]);
        return Math.min(part, PARTS - 1);
    }

    private static DatagramSocket claim(int part) throws IOException {
        DatagramSocket socket = new DatagramSocket(null);
        try {
            byte[] address = {127, 42, (byte) part, 0};
            socket.bind(new InetSocketAddress(InetAddress.getByAddress(address), CLAIM_PORT));
            return socket;
        } catch (SocketException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * An address of it.
     *
     * @param host 1 to 254
     */
    String address(int host) {
        return "127.42." + part + "." + host;
    }

    @Override
    public String toString() {
        return "127.42." + part + ".0/24" + (claim.isBound() ? "" : " (shared)");
    }
}
