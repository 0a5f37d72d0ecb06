package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import niter.controller.control.Ipv6;
import niter.ena.Layers;

/**
 * DHCP for IPv6, RFC 8415, without state: an interface has one address for as long as it exists,
 * and no prefix. Sent from the subnet's router.
 */
final class Dhcp6 {
    static final int SERVER_PORT = 547;
    static final int CLIENT_PORT = 546;

    /** All_DHCP_Relay_Agents_and_Servers. */
    static final Ipv6 SERVERS = new Ipv6(0xff02L << 48, 0x1_0002);

    private static final int UDP = Wire.ETHERNET_BYTES + Wire.IPV6_BYTES;

    /** Where a request's message begins, behind headers without extensions. */
    static final int AT = UDP + Wire.UDP_BYTES;

    private static final int OPTIONS = AT + 4;
    private static final int UDP_SUM_AT = 6;
    private static final int HOPS = 64;

    private static final int PREFERRED_SECONDS = 3600;
    private static final int VALID_SECONDS = 7200;
    private static final int RENEW_SECONDS = 1800;
    private static final int REBIND_SECONDS = 2880;

    // Messages.
    private static final int SOLICIT = 1;
    private static final int ADVERTISE = 2;
    private static final int REQUEST = 3;
    private static final int CONFIRM = 4;
    private static final int RENEW = 5;
    private static final int REBIND = 6;
    private static final int REPLY = 7;
    private static final int RELEASE = 8;
    private static final int DECLINE = 9;
    private static final int INFORMATION_REQUEST = 11;

    // Options.
    private static final int CLIENT_ID = 1;
    private static final int SERVER_ID = 2;
    private static final int IA_NA = 3;
    private static final int IA_ADDRESS = 5;
    private static final int STATUS = 13;
    private static final int RAPID_COMMIT = 14;
    private static final int OPTION_HEADER = 4;
    private static final int IA_BYTES = 12; // IAID, T1, T2
    private static final int IA_ADDRESS_BYTES = 24;
    private static final int MAX_DUID = 130;

    // Status codes.
    private static final int SUCCESS = 0;
    private static final int NOT_ON_LINK = 4;

    private static final int DUID_LL_ETHERNET = 0x0003_0001;
    private static final int DUID_LL_BYTES = 10;

    private final MemorySegment reply;
    private int at;

    /**
     * Answers are written to memory of the caller's.
     *
     * @param reply 1,500 bytes or more
     */
    Dhcp6(MemorySegment reply) {
        this.reply = reply;
    }

    /**
     * Answers a request.
     *
     * @param request the whole frame, its headers checked
     * @param bytes of it
     * @param client its source, on the link
     * @return bytes of the answering frame, 0 where there is none
     */
    int answer(MemorySegment request, int bytes, Interface to, Ipv6 client) {
        if (bytes < OPTIONS || !areWhole(request, OPTIONS, bytes)) {
            return 0;
        }
        int type = Wire.u8(request, AT);
        int id = find(request, OPTIONS, bytes, CLIENT_ID);
        int server = find(request, OPTIONS, bytes, SERVER_ID);
        boolean forUs = server != 0 && isOurs(request, server, to);
        boolean any = server == 0;
        boolean rapid = type == SOLICIT && find(request, OPTIONS, bytes, RAPID_COMMIT) != 0;
        boolean answered =
                switch (type) {
                    case SOLICIT, CONFIRM, REBIND -> any && id != 0;
                    case REQUEST, RENEW, RELEASE, DECLINE -> forUs && id != 0;
                    case INFORMATION_REQUEST -> any || forUs;
                    default -> false;
                };
        if (!answered || id != 0 && Wire.u16(request, id + 2) > MAX_DUID) {
            return 0;
        }
        at = AT;
        int transaction = Wire.u32(request, AT) & 0xff_ffff;
        put32((type == SOLICIT && !rapid ? ADVERTISE : REPLY) << 24 | transaction);
        if (id != 0) {
            int length = OPTION_HEADER + Wire.u16(request, id + 2);
            MemorySegment.copy(request, JAVA_BYTE, id, reply, JAVA_BYTE, at, length);
            at += length;
        }
        serverId(to);
        int association = find(request, OPTIONS, bytes, IA_NA);
        switch (type) {
            case CONFIRM -> status(isOnLink(request, association, to) ? SUCCESS : NOT_ON_LINK);
            case RELEASE, DECLINE -> status(SUCCESS); // the address is its own all the same
            case INFORMATION_REQUEST -> {} // the resolver is reached by IPv4
            default -> {
                if (association != 0) {
                    address(Wire.u32(request, association + OPTION_HEADER), to);
                }
                if (rapid) {
                    option(RAPID_COMMIT, 0);
                }
            }
        }
        return send(to, client);
    }

    private int send(Interface to, Ipv6 client) {
        int length = at - UDP;
        Wire.ethernet(reply, to.mac(), to.routerMac(), Layers.IPV6);
        Wire.u16(reply, UDP, SERVER_PORT);
        Wire.u16(reply, UDP + 2, CLIENT_PORT);
        Wire.u16(reply, UDP + 4, length);
        return Wire.ipv6(reply, to.routerIpv6(), client, Layers.UDP, HOPS, length, UDP_SUM_AT);
    }

    private void address(int association, Interface to) {
        option(IA_NA, IA_BYTES + OPTION_HEADER + IA_ADDRESS_BYTES);
        put32(association);
        put32(RENEW_SECONDS);
        put32(REBIND_SECONDS);
        option(IA_ADDRESS, IA_ADDRESS_BYTES);
        Wire.u64(reply, at, to.ipv6().high());
        Wire.u64(reply, at + 8, to.ipv6().low());
        at += 16;
        put32(PREFERRED_SECONDS);
        put32(VALID_SECONDS);
    }

    /** Whether all addresses of an association, there may be none, are the interface's own. */
    private static boolean isOnLink(MemorySegment request, int association, Interface to) {
        if (association == 0) {
            return true;
        }
        int from = association + OPTION_HEADER + IA_BYTES;
        int end = association + OPTION_HEADER + Wire.u16(request, association + 2);
        if (end < from || !areWhole(request, from, end)) {
            return false;
        }
        for (int place = from; place < end; place += OPTION_HEADER + Wire.u16(request, place + 2)) {
            boolean address = Wire.u16(request, place) == IA_ADDRESS;
            if (address
                    && (Wire.u16(request, place + 2) < IA_ADDRESS_BYTES
                            || Wire.u64(request, place + 4) != to.ipv6().high()
                            || Wire.u64(request, place + 12) != to.ipv6().low())) {
                return false;
            }
        }
        return true;
    }

    private static boolean isOurs(MemorySegment request, int option, Interface to) {
        return Wire.u16(request, option + 2) == DUID_LL_BYTES
                && Wire.u32(request, option + 4) == DUID_LL_ETHERNET
                && Wire.mac(request, option + 8) == to.routerMac();
    }

    private void serverId(Interface to) {
        option(SERVER_ID, DUID_LL_BYTES);
        put32(DUID_LL_ETHERNET);
        Wire.mac(reply, at, to.routerMac());
        at += Wire.MAC_BYTES;
    }

    private void status(int code) {
        option(STATUS, 2);
        Wire.u16(reply, at, code);
        at += 2;
    }

    private void option(int code, int length) {
        put32(code << 16 | length);
    }

    private void put32(int value) {
        Wire.u32(reply, at, value);
        at += 4;
    }

    /** Whether options fill their place exactly. */
    private static boolean areWhole(MemorySegment request, int from, int end) {
        int place = from;
        while (place + OPTION_HEADER <= end) {
            int length = Wire.u16(request, place + 2);
            if (Wire.u16(request, place) == IA_NA && length < IA_BYTES) {
                return false;
            }
            place += OPTION_HEADER + length;
        }
        return place == end;
    }

    /** Where the first option of a kind begins, 0 where there is none; all are whole. */
    private static int find(MemorySegment request, int from, int end, int wanted) {
        for (int place = from; place < end; place += OPTION_HEADER + Wire.u16(request, place + 2)) {
            if (Wire.u16(request, place) == wanted) {
                return place;
            }
        }
        return 0;
    }
}
