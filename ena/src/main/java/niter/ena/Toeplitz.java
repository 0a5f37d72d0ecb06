package niter.ena;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The Toeplitz hash by table: a lookup for each byte of input. The key is used in the reverse of
 * the order in which the driver's buffer has it.
 */
final class Toeplitz {
    /** Two IPv6 addresses and two ports. */
    static final int INPUT_BYTES = 36;

    private final int[] table = new int[INPUT_BYTES * 256];

    /** Derives the table from a key. */
    void key(SlotState slot) {
        byte[] key = new byte[Limits.KEY_BYTES];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) slot.hashKeyByte(key.length - 1 - i);
        }
        for (int place = 0; place < INPUT_BYTES; place++) {
            for (int value = 0; value < 256; value++) {
                table[place * 256 + value] = ofByte(key, place, value);
            }
        }
    }

    private static int ofByte(byte[] key, int place, int value) {
        int hash = 0;
        for (int bit = 0; bit < 8; bit++) {
            if ((value & 0x80 >>> bit) != 0) {
                hash ^= window(key, place * 8 + bit);
            }
        }
        return hash;
    }

    /** 32 bits of the key from a bit on. */
    private static int window(byte[] key, int from) {
        long bits = 0;
        for (int i = 0; i < 5; i++) {
            int at = from / 8 + i;
            bits = bits << 8 | (at < key.length ? key[at] & 0xff : 0);
        }
        return (int) (bits >>> 8 - from % 8);
    }

    /** The hash's share of bytes that begin at a place of the input. */
    int share(MemorySegment memory, int offset, int bytes, int place) {
        int hash = 0;
        for (int i = 0; i < bytes; i++) {
            int value = memory.get(ValueLayout.JAVA_BYTE, offset + i) & 0xff;
            hash ^= table[(place + i) * 256 + value];
        }
        return hash;
    }
}
