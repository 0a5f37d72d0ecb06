package niter.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What Linux, dmidecode and cloud-init read, by the offsets of the specification. */
class SmbiosTest {
    @Test
    void theBiosIsAmazonsAndSaysThatThisIsAVirtualMachine() {
        byte[] bios = table(0);
        assertThat(bios[1]).isEqualTo((byte) 0x18);
        assertThat(texts(bios)).containsExactly("Amazon EC2", "1.0", "10/16/2017");
        assertThat(hex(bios, 4, 0x18))
                .isEqualTo("010200e80300" + "8000080000000000" + "01100100ffff");
    }

    @Test
    void theSystemIsTheInstanceTypeAndItsUuid() {
        byte[] system = table(1);
        assertThat(texts(system)).containsExactly("Amazon EC2", "niter.small", TestLaunch.UUID);
        assertThat(system[1]).isEqualTo((byte) 0x1b);
        // Manufacturer, product, no version, serial number; then three little-endian groups.
        assertThat(hex(system, 4, 0x1b))
                .isEqualTo("01020003" + "16192eec9990af7c" + "fd210123456789ab" + "060000");
    }

    @Test
    void theBoardsAssetTagIsTheInstance() {
        byte[] board = table(2);
        assertThat(texts(board)).containsExactly("Amazon EC2", TestLaunch.ID);
        assertThat(hex(board, 4, 0x0f)).isEqualTo("0100000002" + "01000003" + "0200");
    }

    @Test
    void theChassisIsAmazons() {
        byte[] chassis = table(3);
        assertThat(texts(chassis)).containsExactly("Amazon EC2", "Amazon EC2");
        assertThat(hex(chassis, 4, 0x16))
                .isEqualTo("0101000002" + "03030303" + "00000000" + "00000000" + "00");
    }

    private static byte[] table(int type) {
        var structures = Smbios.structures(TestLaunch.minimal().build());
        byte[] table = Objects.requireNonNull(structures.get(type));
        assertThat(table[0]).isEqualTo((byte) type);
        assertThat(hex(table, 2, 4)).isEqualTo("000" + type);
        return table;
    }

    private static String hex(byte[] table, int from, int to) {
        return HexFormat.of().formatHex(table, from, to);
    }

    private static List<String> texts(byte[] table) {
        String all =
                new String(
                        Arrays.copyOfRange(table, table[1], table.length),
                        StandardCharsets.US_ASCII);
        assertThat(all).endsWith("\0\0");
        return new ArrayList<>(List.of(all.substring(0, all.length() - 2).split("\0")));
    }
}
