package niter.controller.control;

/** IPv4 addresses as numbers, and ranges of them (RFC 4632), as the messages spell them. */
public final class Ipv4 {
    private Ipv4() {}

    /**
     * Reads an address.
     *
     * @throws IllegalArgumentException if that is none
     */
    public static int address(String text) {
        String[] parts = text.split("\\.", -1);
        int address = 0;
        boolean fits = parts.length == 4;
        for (String part : parts) {
            if (!part.matches("0|[1-9][0-9]{0,2}") || Integer.parseInt(part) > 255) {
                fits = false;
                break;
            }
            address = address << 8 | Integer.parseInt(part);
        }
        if (!fits) {
            throw new IllegalArgumentException("expected an IPv4 address, got \"" + text + "\"");
        }
        return address;
    }

    /** As "172.31.0.4". */
    public static String text(int address) {
        return "%d.%d.%d.%d"
                .formatted(
                        address >>> 24,
                        address >>> 16 & 0xff,
                        address >>> 8 & 0xff,
                        address & 0xff);
    }

    /**
     * A range: its first address and how many leading bits are fixed.
     *
     * @param base host bits are zero
     * @param bits 0 to 32
     */
    public record Range(int base, int bits) {
        public Range {
            if (bits < 0 || bits > 32 || (base & ~mask(bits)) != 0) {
                throw new IllegalArgumentException(
                        "expected a range without host bits, got " + Ipv4.text(base) + "/" + bits);
            }
        }

        /** From "172.31.0.0/16". */
        public static Range of(String text) {
            int slash = text.indexOf('/');
            if (slash < 0 || !text.substring(slash + 1).matches("[0-9]{1,2}")) {
                throw new IllegalArgumentException(
                        "expected ADDRESS/BITS of 0 to 32 bits, got \"" + text + "\"");
            }
            return new Range(
                    address(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
        }

        /** The range of so many leading bits that an address lies in. */
        public static Range around(int address, int bits) {
            return new Range(address & mask(bits), bits);
        }

        public boolean contains(int address) {
            return (address & mask(bits)) == base;
        }

        public boolean contains(Range other) {
            return other.bits >= bits && contains(other.base);
        }

        /** As an address: ones, then zeroes. */
        public int mask() {
            return mask(bits);
        }

        /** The broadcast address. */
        public int last() {
            return base | ~mask(bits);
        }

        @Override
        public String toString() {
            return text(base) + "/" + bits;
        }

        private static int mask(int bits) {
            return bits == 0 ? 0 : -1 << 32 - bits;
        }
    }
}
