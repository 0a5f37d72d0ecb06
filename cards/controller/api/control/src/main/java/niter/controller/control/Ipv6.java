package niter.controller.control;

import java.net.Inet6Address;
import java.nio.ByteBuffer;

/**
 * An IPv6 address as two numbers (RFC 4291), and ranges of them, as the messages spell them.
 *
 * @param high the first eight bytes
 * @param low the last eight
 */
public record Ipv6(long high, long low) {
    /** The unspecified address. */
    public static final Ipv6 NONE = new Ipv6(0, 0);

    private static final int BITS = 128;
    private static final int GROUPS = 8;

    /**
     * Reads an address.
     *
     * @throws IllegalArgumentException if that is none, or has a zone or an IPv4 address in it
     */
    public static Ipv6 of(String text) {
        if (text.matches("[0-9A-Fa-f:]{2,39}")) {
            try {
                ByteBuffer bytes = ByteBuffer.wrap(Inet6Address.ofLiteral(text).getAddress());
                if (bytes.remaining() == 2 * Long.BYTES) { // else it was one of IPv4, mapped
                    return new Ipv6(bytes.getLong(0), bytes.getLong(Long.BYTES));
                }
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(message(text), e);
            }
        }
        throw new IllegalArgumentException(message(text));
    }

    private static String message(String text) {
        return "expected an IPv6 address, got \"" + text + "\"";
    }

    private int group(int index) {
        long half = index < GROUPS / 2 ? high : low;
        return (int) (half >>> 48 - 16 * (index % (GROUPS / 2))) & 0xffff;
    }

    /** As RFC 5952 has it: the longest run of zeroes is left out. */
    @Override
    public String toString() {
        int start = 0;
        int longest = 1; // a single group is not left out
        for (int from = 0; from < GROUPS; from++) {
            int length = 0;
            while (from + length < GROUPS && group(from + length) == 0) {
                length++;
            }
            if (length > longest) {
                longest = length;
                start = from;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < GROUPS; i++) {
            if (longest > 1 && i == start) {
                text.append("::");
                i += longest - 1;
                continue;
            }
            if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
                text.append(':');
            }
            text.append(Integer.toHexString(group(i)));
        }
        return text.toString();
    }

    private Ipv6 masked(int bits) {
        long first = bits >= Long.SIZE ? -1 : bits == 0 ? 0 : -1L << Long.SIZE - bits;
        long second = bits <= Long.SIZE ? 0 : -1L << BITS - bits;
        return new Ipv6(high & first, low & second);
    }

    /**
     * A range: its first address and how many leading bits are fixed.
     *
     * @param base host bits are zero
     * @param bits 0 to 128
     */
    public record Range(Ipv6 base, int bits) {
        public Range {
            if (bits < 0 || bits > BITS || !base.masked(bits).equals(base)) {
                throw new IllegalArgumentException(
                        "expected a range without host bits, got " + base + "/" + bits);
            }
        }

        /** From "fd00::/8". */
        public static Range of(String text) {
            int slash = text.indexOf('/');
            if (slash < 0 || !text.substring(slash + 1).matches("[0-9]{1,3}")) {
                throw new IllegalArgumentException(
                        "expected ADDRESS/BITS of 0 to 128 bits, got \"" + text + "\"");
            }
            return new Range(
                    Ipv6.of(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
        }

        /** The range of so many leading bits that an address lies in. */
        public static Range around(Ipv6 address, int bits) {
            return new Range(address.masked(bits), bits);
        }

        public boolean contains(long high, long low) {
            if (bits <= Long.SIZE) {
                return bits == 0 || (high ^ base.high) >>> Long.SIZE - bits == 0;
            }
            return high == base.high && (low ^ base.low) >>> BITS - bits == 0;
        }

        @Override
        public String toString() {
            return base + "/" + bits;
        }
    }
}
