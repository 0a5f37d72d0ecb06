package niter.hypervisor;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import niter.controller.control.protocol.Launch;

/**
 * The firmware tables by which software knows that it runs on EC2: types 0 to 3 as an x86 Nitro
 * instance shows them. SMBIOS 2.7, sections 7.1 to 7.4. QEMU adds processor, memory and the end.
 */
final class Smbios {
    static final String AMAZON = "Amazon EC2";

    private static final String NONE = "";
    private static final int PCI = 1 << 7; // BIOS characteristics, section 7.1.1
    private static final int EDD = 1 << 19;
    private static final int ACPI = 1; // extension byte 1, section 7.1.2.1
    private static final int VIRTUAL_MACHINE = 1 << 4; // extension byte 2, section 7.1.2.2
    private static final int NO_EMBEDDED_CONTROLLER = 0xff;
    private static final int POWER_SWITCH = 6;
    private static final int BOARD_OTHER = 2; // section 7.3.2
    private static final int BOARD_IS_HOSTING_BOARD = 1;
    private static final int CHASSIS_OTHER = 1; // section 7.4.1
    private static final int STATE_SAFE = 3;
    private static final int SECURITY_NONE = 3;
    private static final int HANDLE_STRIDE = 0x100; // type n has handle 0xn00, as QEMU's others do
    private static final int MAX_BYTES = 64;

    private final ByteBuffer formatted =
            ByteBuffer.allocate(MAX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
    private int count;

    private Smbios(int type) {
        formatted.put((byte) type).put((byte) 0).putShort((short) (type * HANDLE_STRIDE));
    }

    /** The structures of an instance by type, each with its strings. */
    static Map<Integer, byte[]> structures(Launch launch) {
        Map<Integer, byte[]> structures = new LinkedHashMap<>();
        structures.put(0, bios());
        structures.put(1, system(launch.getInstanceType(), launch.getUuid()));
        structures.put(2, board(launch.getInstanceId()));
        structures.put(3, chassis());
        return structures;
    }

    private static byte[] bios() {
        Smbios table = new Smbios(0).string(AMAZON).string("1.0");
        table.formatted.putShort((short) 0xe800); // where the BIOS begins
        return table.string("10/16/2017")
                .bytes(0) // ROM: 64 KiB
                .number(PCI | EDD)
                .number(0)
                .bytes(
                        ACPI,
                        VIRTUAL_MACHINE,
                        1,
                        0, // revision 1.0
                        NO_EMBEDDED_CONTROLLER,
                        NO_EMBEDDED_CONTROLLER)
                .end();
    }

    private static byte[] system(String product, String uuid) {
        return new Smbios(1)
                .string(AMAZON)
                .string(product)
                .string(NONE) // version
                .string(uuid) // serial number
                .uuid(UUID.fromString(uuid))
                .bytes(POWER_SWITCH)
                .string(NONE) // SKU
                .string(NONE) // family
                .end();
    }

    private static byte[] board(String instanceId) {
        Smbios table =
                new Smbios(2)
                        .string(AMAZON)
                        .string(NONE) // product
                        .string(NONE) // version
                        .string(NONE) // serial number
                        .string(instanceId) // asset tag
                        .bytes(BOARD_IS_HOSTING_BOARD)
                        .string(NONE); // location in the chassis
        table.formatted.putShort((short) (3 * HANDLE_STRIDE));
        return table.bytes(BOARD_OTHER, 0).end();
    }

    private static byte[] chassis() {
        return new Smbios(3)
                .string(AMAZON)
                .bytes(CHASSIS_OTHER)
                .string(NONE) // version
                .string(NONE) // serial number
                .string(AMAZON) // asset tag
                .bytes(STATE_SAFE, STATE_SAFE, STATE_SAFE, SECURITY_NONE)
                .number(0) // OEM defined
                .bytes(0, 0, 0, 0) // height, power cords, contained elements
                .string(NONE) // SKU
                .end();
    }

    private Smbios string(String text) {
        if (text.isEmpty()) {
            return bytes(0);
        }
        strings.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
        strings.write(0);
        count++;
        return bytes(count);
    }

    private Smbios bytes(int... values) {
        for (int value : values) {
            formatted.put((byte) value);
        }
        return this;
    }

    private Smbios number(int value) {
        formatted.putInt(value);
        return this;
    }

    /** The first three groups are little-endian. SMBIOS 2.6 and later, section 7.2.1. */
    private Smbios uuid(UUID uuid) {
        long high = uuid.getMostSignificantBits();
        formatted
                .putInt((int) (high >>> 32))
                .putShort((short) (high >>> 16))
                .putShort((short) high);
        for (int shift = 56; shift >= 0; shift -= 8) {
            formatted.put((byte) (uuid.getLeastSignificantBits() >>> shift));
        }
        return this;
    }

    /** Two zero bytes end the strings, also where there are none. */
    private byte[] end() {
        int length = formatted.position();
        formatted.put(1, (byte) length);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.write(formatted.array(), 0, length);
        all.writeBytes(strings.toByteArray());
        all.write(0);
        if (count == 0) {
            all.write(0);
        }
        return all.toByteArray();
    }
}
