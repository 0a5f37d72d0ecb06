package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import niter.linux.Processes;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code niter vpc capture} writes, read by tcpdump. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CaptureTest {
    private static final int SECTION_HEADER = 0x0a0d_0d0a; // blocks of pcapng
    private static final int ENHANCED_PACKET = 6;
    private static final String ASK =
            "nslookup none.ec2.internal || true; arping -c 1 -I ens5 172.31.0.2";

    private final Path directory;
    private final TestHost host;

    CaptureTest(@TempDir Path home) {
        directory = home;
        host = new TestHost(home);
    }

    @AfterEach
    void end() throws IOException {
        host.close();
    }

    @Test
    void aCaptureGoesOnOverTheCardsEndAndTcpdumpReadsIt() throws IOException {
        host.succeed("up");
        String id = host.succeed("run", "-d", "--image", "tools", "--name", "seen").strip();
        TestGuest guest = new TestGuest(host, id);
        guest.shell("until ip -4 address show ens5 | grep -q 172.31; do sleep 0.2; done");
        Path file = directory.resolve("seen.pcapng");
        TestHost.Running capture =
                host.start(new byte[0], Map.of(), "vpc", "capture", "seen", "-w", file.toString());
        shown(guest, file, 1);
        host.signal("vpc", Signals.SIGKILL);
        shown(guest, file, 2);
        assertThat(Processes.kill((int) capture.process().pid(), Signals.SIGINT)).isTrue();
        TestHost.Ended ended = capture.await();
        assertThat(ended.status()).as(ended.errors()).isZero();
        assertThat(ended.errors()).matches("[0-9]+ packets captured\n");
        assertThat(ended.output()).isEmpty();

        host.succeed("cp", file.toString(), "seen:/tmp/seen.pcapng");
        String text = guest.shell("tcpdump -Z root -n -r /tmp/seen.pcapng 2>/dev/null");
        assertThat(text).contains("172.31.0.2.53", "ARP, Request", "ARP, Reply");

        TestHost.Running counting =
                host.start(new byte[0], Map.of(), "vpc", "capture", id, "-w", "-", "-c", "1");
        while (counting.process().isAlive()) {
            guest.shell(ASK);
        }
        TestHost.Ended counted = counting.await();
        assertThat(counted.errors()).isEqualTo("1 packets captured\n");
        assertThat(counted.output()[0]).isEqualTo((byte) 0x0a);
        host.succeed("terminate", id);
        assertThat(host.niter("vpc", "capture", "seen", "-w", "-").status())
                .isEqualTo(NiterMain.FAILURE);
    }

    /** Asks for a name and a neighbor until so many sections of a file have seen both answers. */
    private static void shown(TestGuest guest, Path file, int sections) throws IOException {
        while (!Files.exists(file) || sections(Files.readAllBytes(file)) < sections) {
            guest.shell(ASK);
        }
    }

    /** Sections with a DNS answer, then an ARP request, then its reply; walks the blocks. */
    private static int sections(byte[] file) {
        ByteBuffer blocks = ByteBuffer.wrap(file).order(ByteOrder.nativeOrder());
        int sections = 0;
        int seen = 0;
        for (int at = 0; at + 8 <= file.length; at += blocks.getInt(at + 4)) {
            int type = blocks.getInt(at);
            if (type == SECTION_HEADER) {
                seen = 1;
            } else if (type == ENHANCED_PACKET) {
                ByteBuffer frame = ByteBuffer.wrap(file, at + 28, blocks.getInt(at + 20)).slice();
                boolean arp = frame.getShort(12) == 0x0806;
                boolean next =
                        switch (seen) {
                            case 1 -> !arp && frame.get(23) == 17 && frame.getShort(34) == 53;
                            case 2 -> arp && frame.getShort(20) == 1;
                            case 3 -> arp && frame.getShort(20) == 2;
                            default -> false;
                        };
                seen += next ? 1 : 0;
                if (next && seen == 4) {
                    sections++;
                }
            }
        }
        return sections;
    }
}
