package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * DHCP for IPv4, RFC 2131 and 2132, without state: an interface has one address for as long as it
 * exists. Sent from the subnet's router.
 */
final class Dhcp {
    static final int SERVER_PORT = 67;
    private static final int CLIENT_PORT = 68;
    private static final int AT = Wire.ETHERNET_BYTES + Wire.IPV4_BYTES + Wire.UDP_BYTES;
    private static final int OPTIONS = AT + 240;
    private static final int COOKIE = 0x6382_5363;
    private static final int LEASE_SECONDS = 3600;
    private static final int MTU = 9001;

    /** The longest request that is looked at. */
    static final int MAX_BYTES = 1500;

    // Message types.
    private static final int DISCOVER = 1;
    private static final int OFFER = 2;
    private static final int REQUEST = 3;
    private static final int ACK = 5;
    private static final int NAK = 6;
    private static final int INFORM = 8;

    // Options.
    private static final int REQUESTED_ADDRESS = 50;
    private static final int MESSAGE_TYPE = 53;
    private static final int SERVER = 54;

    private final MemorySegment reply;
    private int at;

    /**
     * Answers are written to memory of the caller's.
     *
     * @param reply 1,500 bytes or more
     */
    Dhcp(MemorySegment reply) {
        this.reply = reply;
    }

    /**
     * Answers a request.
     *
     * @param request the whole frame, its headers checked
     * @param bytes of it
     * @return bytes of the answering frame, 0 where there is none
     */
    int answer(MemorySegment request, int bytes, Interface to, Configuration vpc) {
        if (bytes < OPTIONS
                || Wire.u8(request, AT) != 1 // a client's
                || Wire.u16(request, AT + 1) != 0x0106 // Ethernet
                || Wire.mac(request, AT + 28) != to.mac()
                || Wire.u32(request, AT + 236) != COOKIE) {
            return 0;
        }
        int type = option(request, bytes, MESSAGE_TYPE, 1, 0);
        int server = option(request, bytes, SERVER, 4, to.router());
        if (server != to.router()) {
            return 0; // it chose another one
        }
        int client = Wire.u32(request, AT + 12);
        int wanted = option(request, bytes, REQUESTED_ADDRESS, 4, client);
        return switch (type) {
            case DISCOVER -> write(request, to, vpc, OFFER, false);
            case REQUEST -> write(request, to, vpc, wanted == to.address() ? ACK : NAK, false);
            case INFORM -> write(request, to, vpc, ACK, true);
            default -> 0;
        };
    }

    private int write(
            MemorySegment request, Interface to, Configuration vpc, int type, boolean inform) {
        reply.fill((byte) 0);
        int client = Wire.u32(request, AT + 12);
        boolean broadcast = (Wire.u16(request, AT + 10) & 0x8000) != 0;
        Wire.u32(reply, AT, 0x0201_0600);
        Wire.u32(reply, AT + 4, Wire.u32(request, AT + 4)); // transaction
        Wire.u16(reply, AT + 10, Wire.u16(request, AT + 10));
        if (type != NAK) {
            Wire.u32(reply, AT + 12, client);
            Wire.u32(reply, AT + 16, inform ? 0 : to.address());
        }
        MemorySegment.copy(request, AT + 28, reply, AT + 28, 16);
        Wire.u32(reply, AT + 236, COOKIE);
        at = OPTIONS;
        put(MESSAGE_TYPE, 1, type);
        put(SERVER, 4, to.router());
        if (type != NAK) {
            options(to, vpc, inform);
        }
        Wire.u8(reply, at, 0xff);
        int payload = Math.max(at + 1 - AT, 300); // BOOTP's size, which old clients expect
        boolean known = client != 0 && type != NAK;
        int destination = known ? client : broadcast || type == NAK ? -1 : to.address();
        Wire.ethernet(reply, destination == -1 ? Wire.BROADCAST : to.mac(), to.routerMac(), 0x0800);
        return Wire.udp(reply, to.router(), SERVER_PORT, destination, CLIENT_PORT, payload);
    }

    private void options(Interface to, Configuration vpc, boolean inform) {
        if (!inform) {
            put(51, 4, LEASE_SECONDS);
        }
        put(1, 4, to.subnet().mask());
        put(3, 4, to.router());
        put(6, 4, vpc.resolver());
        put(12, to.hostName());
        put(15, vpc.domain());
        put(26, 2, MTU);
        put(28, 4, to.subnet().last());
    }

    private void put(int option, int bytes, int value) {
        Wire.u8(reply, at, option);
        Wire.u8(reply, at + 1, bytes);
        for (int i = 0; i < bytes; i++) {
            Wire.u8(reply, at + 2 + i, value >>> 8 * (bytes - 1 - i));
        }
        at += 2 + bytes;
    }

    private void put(int option, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        int length = Math.min(bytes.length, 255);
        Wire.u8(reply, at, option);
        Wire.u8(reply, at + 1, length);
        MemorySegment.copy(bytes, 0, reply, JAVA_BYTE, at + 2, length);
        at += 2 + length;
    }

    /** The first bytes of an option as a number. */
    private static int option(MemorySegment request, int bytes, int wanted, int size, int absent) {
        int place = OPTIONS;
        while (place < bytes) {
            int option = Wire.u8(request, place);
            if (option == 0) {
                place++;
                continue;
            }
            if (option == 0xff || place + 2 > bytes) {
                return absent;
            }
            int length = Wire.u8(request, place + 1);
            if (place + 2 + length > bytes) {
                return absent;
            }
            if (option == wanted && length >= size) {
                int value = 0;
                for (int i = 0; i < size; i++) {
                    value = value << 8 | Wire.u8(request, place + 2 + i);
                }
                return value;
            }
            place += 2 + length;
        }
        return absent;
    }
}
