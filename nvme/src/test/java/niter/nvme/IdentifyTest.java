package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Offsets and values literally, so that a wrong constant does not agree with itself. */
class IdentifyTest {
    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);

    private static MemorySegment identify(Guest guest, int structure, int id, int status) {
        long page = guest.allocate(4096);
        guest.ram(page, 4096).fill((byte) 0xee);
        Guest.Completion completion = guest.admin(Command.identify(structure, id, page));
        assertThat(completion.status()).isEqualTo(status);
        return guest.ram(page, 4096);
    }

    private static String ascii(MemorySegment page, int at, int bytes) {
        return new String(page.asSlice(at, bytes).toArray(JAVA_BYTE), StandardCharsets.US_ASCII);
    }

    private static String hex(MemorySegment page, int at, int bytes) {
        return HexFormat.of().formatHex(page.asSlice(at, bytes).toArray(JAVA_BYTE));
    }

    @Test
    void controllerLooksLikeEbs() {
        Guest guest = Guest.over(namespace);
        guest.enable();
        MemorySegment page = identify(guest, 1, 0, 0);
        assertThat(hex(page, 0, 4)).isEqualTo("0f1d0f1d");
        assertThat(ascii(page, 4, 20)).isEqualTo("vol0123456789abcdef0");
        assertThat(ascii(page, 24, 40)).isEqualTo("Amazon Elastic Block Store              ");
        assertThat(ascii(page, 64, 8)).isEqualTo("1.0     ");
        assertThat(hex(page, 72, 8)).isEqualTo("20a002dc00060000");
        assertThat(hex(page, 80, 4)).isEqualTo("00040100");
        assertThat(hex(page, 84, 16)).isEqualTo("00000000000000000001000000000000");
        assertThat(hex(page, 256, 8)).isEqualTo("0001040003000f01");
        assertThat(hex(page, 512, 8)).isEqualTo("6644000001000000");
        assertThat(hex(page, 520, 20)).isEqualTo("0000000000010000000000000000000000000000");
        assertThat(ascii(page, 768, 256).stripTrailing().replace("\0", ""))
                .isEqualTo("nqn.2014-08.org.nvmexpress:1d0f:vol0123456789abcdef0");
        assertThat(hex(page, 2048, 4)).isEqualTo("01000000");
        assertThat(ascii(page, 3072, 32)).isEqualTo("/dev/sdf" + " ".repeat(24));
        assertThat(page.asSlice(3104, 992).mismatch(MemorySegment.ofArray(new byte[992])))
                .isEqualTo(-1);
    }

    @Test
    void optionsAreAdvertised() {
        Guest guest = Guest.over(namespace, new NvmeOptions(true, true));
        guest.enable();
        assertThat(hex(identify(guest, 1, 0, 0), 520, 2)).isEqualTo("0c00");
        assertThat(hex(identify(guest, 0, 1, 0), 33, 1)).isEqualTo("09");
        assertThat(hex(identify(guest, 6, 0, 0), 0, 16)).isEqualTo("000d0000" + "00".repeat(12));
    }

    @Test
    void namespaceHasBlocksOf512Bytes() {
        Guest guest = Guest.over(namespace);
        guest.enable();
        MemorySegment page = identify(guest, 0, 1, 0);
        for (int at : new int[] {0, 8, 16}) {
            assertThat(page.get(LE64, at)).isEqualTo(2048);
        }
        assertThat(hex(page, 24, 104)).isEqualTo("00".repeat(104));
        assertThat(hex(page, 128, 4)).isEqualTo("00000900");
        identify(guest, 0, 2, 0x400b);
        identify(guest, 0, -1, 0x400b);
        identify(guest, 0, 0, 0x400b);
    }

    @Test
    void listsNameTheOneNamespace() {
        Guest guest = Guest.over(namespace);
        guest.enable();
        assertThat(identify(guest, 2, 0, 0).get(LE64, 0)).isEqualTo(1);
        assertThat(identify(guest, 2, 1, 0).get(LE32, 0)).isZero();
        identify(guest, 2, -1, 0x400b);
        assertThat(hex(identify(guest, 3, 1, 0), 0, 64)).isEqualTo("00".repeat(64));
        identify(guest, 3, 7, 0x400b);
        assertThat(hex(identify(guest, 6, 0, 0), 0, 64)).isEqualTo("00".repeat(64));
        identify(guest, 5, 1, 0x4002);
        identify(guest, 0x1c, 0, 0x4002);
    }

    @Test
    void bufferMayBeginAnywhereInAPage() {
        Guest guest = Guest.over(namespace);
        guest.enable();
        long pages = guest.allocate(3 * 4096);
        Command command = Command.identify(1, 0, pages + 0x404).prp(pages + 0x404, pages + 8192);
        assertThat(guest.admin(command).status()).isZero();
        assertThat(ascii(guest.ram(pages + 0x404, 64), 4, 20)).isEqualTo("vol0123456789abcdef0");
        assertThat(ascii(guest.ram(pages + 8192, 4096), 3072 - (4096 - 0x404), 8))
                .isEqualTo("/dev/sdf");
        assertThat(guest.ram(pages + 4096, 4096).mismatch(MemorySegment.ofArray(new byte[4096])))
                .isEqualTo(-1);
        assertThat(guest.admin(Command.identify(1, 0, pages + 2)).status()).isEqualTo(0x4013);
        assertThat(guest.admin(Command.identify(1, 0, 0x10)).status()).isEqualTo(0x4004);
    }

    @Test
    void tooLongTextIsRefused() {
        assertThatThrownBy(() -> NvmeIdentity.ebs("vol-0123456789abcdef01", "xvda"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("serial");
        assertThatThrownBy(() -> NvmeIdentity.ebs("vol-1", "ä"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("deviceName");
    }
}
