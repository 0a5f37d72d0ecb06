package niter.ena;

import java.util.HexFormat;

/**
 * Who an adapter is.
 *
 * @param mac the permanent address: six bytes, unicast, as a number whose bits 47:40 are sent first
 * @param maxMtu the largest packet in bytes, without Ethernet header: 1500 to 9216
 */
public record EnaIdentity(long mac, int maxMtu) {
    private static final int SMALLEST_MTU = 1500;
    private static final int LARGEST_MTU = 9216;
    private static final long GROUP = 1L << 40;

    /** Checks it. */
    public EnaIdentity {
        if (mac <= 0 || mac >>> 48 != 0 || (mac & GROUP) != 0) {
            throw new IllegalArgumentException("mac: expected a unicast address, got " + mac);
        }
        if (maxMtu < SMALLEST_MTU || maxMtu > LARGEST_MTU) {
            throw new IllegalArgumentException("maxMtu: expected 1500 to 9216, got " + maxMtu);
        }
    }

    /** From text: "0e:12:34:56:78:9a". */
    public static EnaIdentity of(String mac, int maxMtu) {
        byte[] bytes = HexFormat.ofDelimiter(":").parseHex(mac);
        if (bytes.length != 6) {
            throw new IllegalArgumentException("mac: expected six bytes, got " + mac);
        }
        long number = 0;
        for (byte part : bytes) {
            number = number << 8 | part & 0xff;
        }
        return new EnaIdentity(number, maxMtu);
    }
}
