package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a guest sends: descriptors, sums, segments. */
class TransmitTest {
    private static final int L4 = 1 << 14;
    private static final int L3 = 1 << 13;
    private static final int PARTIAL = 1 << 17;
    private static final int TSO = 1 << 7;
    private static final int FIRST = 1 << 26;
    private static final int STORE = 1 << 21;
    private static final int META = 1 << 23;

    private final Driver driver = Driver.fresh();
    private Driver.Ring ring;

    @BeforeEach
    void probe() {
        driver.probe();
        ring = driver.transmit(64, 1);
    }

    private static int protocol(boolean four, boolean tcp) {
        return (four ? 8 : 11) | (tcp ? 12 : 13) << 8;
    }

    /** A meta descriptor: segment size, header sizes. */
    private void meta(int mss, int network, int transport) {
        ring.put(
                META | STORE | FIRST | 1 << 14 | 1 << 20 | (mss >>> 10) << 16,
                0,
                network | 14 << 8 | transport / 4 << 16 | mss << 22,
                0);
    }

    private void sendAfterMeta(byte[] frame, int id, int offloads) {
        long data = driver.allocate(frame.length);
        MemorySegment.copy(
                frame, 0, driver.at(data, frame.length), ValueLayout.JAVA_BYTE, 0, frame.length);
        int word0 = frame.length & 0xffff | 1 << 27 | 1 << 28 | (id >>> 10) << 16;
        ring.put(word0, offloads | id << 22, (int) data, 0);
        ring.ring();
        driver.poll();
    }

    private void completed(int id) {
        MemorySegment entry = ring.take();
        assertThat(entry.get(LE16, 0) & 0xffff).isEqualTo(id);
        assertThat(entry.get(ValueLayout.JAVA_BYTE, 2)).isZero();
        assertThat(entry.get(LE16, 6) & 0xffff).isEqualTo(ring.tail & 0xffff);
    }

    /** Others were given frames of the batch that nobody else tells them of. */
    @Test
    void whatWasSentBeforeADefectIsTold() {
        driver.broken = true;
        int before = driver.flushes;
        byte[] frame = new byte[100];
        long data = driver.allocate(frame.length);
        ring.put(frame.length | FIRST | 1 << 27 | 1 << 28, 0, (int) data, 0);
        ring.ring();
        assertThatThrownBy(driver::poll).hasMessage("a defect");
        assertThat(driver.flushes).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 17, 19, 20})
    void packetsOfSeveralBuffersAcrossTheRingsEnd(int buffers) {
        SplittableRandom random = new SplittableRandom(buffers);
        for (int n = 0; n < 40; n++) {
            byte[] frame = new byte[100 + random.nextInt(1300)];
            random.nextBytes(frame);
            int id = random.nextInt(65_536);
            int from = 0;
            for (int i = 0; i < buffers; i++) {
                int to = i == buffers - 1 ? frame.length : from + frame.length / buffers;
                long data = driver.allocate(to - from + 7) + random.nextInt(7);
                MemorySegment.copy(
                        frame,
                        from,
                        driver.at(data, to - from),
                        ValueLayout.JAVA_BYTE,
                        0,
                        to - from);
                Driver.put(ring, id, data, to - from, 0, i == 0, i == buffers - 1);
                from = to;
            }
            ring.ring();
            driver.poll();
            completed(id);
            assertThat(driver.sent.removeLast()).isEqualTo(frame);
            assertThat(ring.hasCompletion()).as("one completion a packet").isFalse();
        }
    }

    @Test
    void manyPacketsForOneDoorbell() {
        for (int i = 0; i < 60; i++) {
            driver.send(ring, i, new byte[60 + i], 0);
        }
        ring.ring();
        driver.poll();
        assertThat(driver.sent).hasSize(60);
        for (int i = 0; i < 60; i++) {
            assertThat(driver.sent.get(i)).hasSize(60 + i);
            assertThat(ring.take().get(LE16, 0)).isEqualTo((short) i);
        }
    }

    @Test
    void aPacketWithoutItsLastDescriptorWaits() {
        long data = driver.allocate(64);
        Driver.put(ring, 3, data, 30, 0, true, false);
        ring.ring();
        driver.poll();
        assertThat(ring.hasCompletion()).isFalse();
        Driver.put(ring, 3, data, 30, 0, false, true);
        ring.ring();
        driver.poll();
        assertThat(ring.take().get(LE16, 0)).isEqualTo((short) 3);
        assertThat(driver.sent.getFirst()).hasSize(60);
    }

    @ParameterizedTest
    @CsvSource({
        "true,true,0",
        "true,true,1",
        "true,true,1000",
        "true,false,33",
        "false,true,7",
        "false,true,1200",
        "false,false,0",
        "false,false,9"
    })
    void sumsInPartAndInFull(boolean four, boolean tcp, int payload) {
        byte[] plain = Packets.ip(four, tcp, payload, true);
        byte[] partial = plain.clone();
        int field = 14 + (four ? 20 : 40) + (tcp ? 16 : 6);
        int pseudo = Packets.pseudo(plain);
        partial[field] = (byte) (pseudo >> 8);
        partial[field + 1] = (byte) pseudo;
        meta(0, four ? 20 : 40, tcp ? 20 : 0);
        sendAfterMeta(partial, 1, L4 | PARTIAL | protocol(four, tcp));
        assertThat(driver.sent.getLast()).matches(Packets::sumsRight, "partial");

        byte[] wrong = Packets.ip(four, tcp, payload, false);
        wrong[field] = 0x55; // what lies there is ignored
        driver.send(ring, 2, wrong, L4 | L3 | protocol(four, tcp));
        ring.ring();
        driver.poll();
        assertThat(driver.sent.getLast()).matches(Packets::sumsRight, "full, geometry remembered");
    }

    @Test
    void aUdpSumOfZeroBecomesOnes() {
        byte[] frame = Packets.ip(true, false, 2, true);
        for (int first = 0; first < 256; first++) {
            for (int second = 0; second < 256; second++) {
                frame[42] = (byte) first;
                frame[43] = (byte) second;
                frame[40] = 0;
                frame[41] = 0;
                int bytes = Packets.sum(frame, 34, 10, Packets.pseudo(frame));
                if (bytes == 0xffff) {
                    driver.send(ring, 1, frame, L4 | protocol(true, false));
                    ring.ring();
                    driver.poll();
                    assertThat(Packets.u16(driver.sent.getLast(), 40)).isEqualTo(0xffff);
                    return;
                }
            }
        }
        throw new AssertionError("no such payload");
    }

    @Test
    void aNewQueueKnowsNoOldGeometry() {
        meta(1000, 24, 40);
        sendAfterMeta(new byte[60], 1, 0);
        ring.destroy();
        ring = driver.transmit(64, 1);
        driver.send(ring, 1, Packets.ip(true, true, 10, true), L4 | protocol(true, true));
        ring.ring();
        driver.poll();
        assertThat(driver.sent.getLast()).matches(Packets::sumsRight);
    }

    @ParameterizedTest
    @CsvSource({
        "true,1448,64000",
        "true,1000,1001",
        "true,8949,60000",
        "false,1428,65000",
        "false,536,536",
        "true,100,70"
    })
    void segments(boolean four, int mss, int payload) {
        byte[] whole = Packets.ip(four, true, payload, true);
        int transport = four ? 34 : 54;
        int field = transport + 16;
        whole[field] = 0x11; // the sum over the whole packet: ignored
        meta(mss, four ? 20 : 40, 20);
        int half = whole.length / 2;
        long data = driver.allocate(whole.length);
        MemorySegment.copy(
                whole, 0, driver.at(data, whole.length), ValueLayout.JAVA_BYTE, 0, whole.length);
        int offloads = TSO | L4 | L3 | protocol(four, true);
        ring.put(half | 1 << 28, offloads | 5 << 22, (int) data, 0);
        ring.put(whole.length - half | 1 << 27, 0, (int) data + half, 0);
        ring.ring();
        driver.poll();
        completed(5);
        check(driver.sent, whole, four, mss, payload);
    }

    private static void check(
            List<byte[]> segments, byte[] whole, boolean four, int mss, int payload) {
        int transport = four ? 34 : 54;
        int headers = transport + 20;
        assertThat(segments).hasSize((payload + mss - 1) / mss);
        int done = 0;
        for (int i = 0; i < segments.size(); i++) {
            byte[] segment = segments.get(i);
            int bytes = segment.length - headers;
            assertThat(segment).matches(Packets::sumsRight, "sums of segment " + i);
            assertThat(Packets.u32(segment, transport + 4)).isEqualTo(1000 + done);
            assertThat(Arrays.copyOfRange(segment, headers, segment.length))
                    .isEqualTo(Arrays.copyOfRange(whole, headers + done, headers + done + bytes));
            if (four) {
                assertThat(Packets.u16(segment, 16)).isEqualTo(segment.length - 14);
                assertThat(Packets.u16(segment, 18)).isEqualTo(7 + i);
                assertThat(Packets.u16(segment, 20)).as("DF").isEqualTo(0x4000);
            } else {
                assertThat(Packets.u16(segment, 18)).isEqualTo(segment.length - 54);
            }
            int flags = segment[transport + 13] & 0xff;
            boolean last = i == segments.size() - 1;
            assertThat(flags & 0x80).as("CWR").isEqualTo(i == 0 ? 0x80 : 0);
            assertThat(flags & 0x09).as("FIN, PSH").isEqualTo(last ? 0x09 : 0);
            assertThat(flags & 0x10).as("ACK").isEqualTo(0x10);
            done += bytes;
        }
        assertThat(done).isEqualTo(payload);
    }

    @Test
    void whatCannotBeSentIsDroppedAndCompleted() {
        int[] lengths = {0, 13, 9216 + 19};
        for (int i = 0; i < lengths.length; i++) {
            driver.send(ring, i, new byte[lengths[i]], 0);
        }
        meta(5000, 20, 20); // larger than a header field, and no payload
        sendAfterMeta(Packets.ip(true, true, 0, true), 3, TSO | protocol(true, true));
        for (int i = 0; i < 4; i++) {
            assertThat(ring.take().get(LE16, 0)).isEqualTo((short) i);
        }
        assertThat(driver.sent).isEmpty();
        assertThat(driver.read(0x58) & 0x20).isZero();
        driver.send(ring, 9, new byte[9216 + 18], 0);
        ring.ring();
        driver.poll();
        assertThat(driver.sent).hasSize(1);
    }

    @Test
    void aBrokenRingEndsTheAdapterUntilItIsReset() {
        breaksBy(() -> driver.write(ring.doorbell, 65));
        breaksBy(
                () -> { // no first
                    Driver.put(ring, 0, driver.allocate(60), 60, 0, false, true);
                    ring.ring();
                });
        breaksBy(
                () -> { // a buffer that was not granted
                    Driver.put(ring, 0, 0x10, 60, 0, true, true);
                    ring.ring();
                });
        breaksBy(
                () -> { // no end
                    for (int i = 0; i < 40; i++) {
                        Driver.put(ring, 0, driver.allocate(60), 60, 0, i == 0, false);
                    }
                    ring.ring();
                });
    }

    private void breaksBy(Runnable deed) {
        driver.reset(0);
        driver.probe();
        ring = driver.transmit(64, 1);
        int before = driver.function.errors.size();
        deed.run();
        driver.poll();
        assertThat(driver.read(0x58) & 0x20).as("fatal").isEqualTo(0x20);
        assertThat(driver.function.errors).hasSize(before + 1);
        driver.reset(7);
        assertThat(driver.read(0x58) & 0x20).isZero();
    }

    @Test
    void theCountersCount() {
        driver.send(ring, 0, new byte[100], 0);
        driver.send(ring, 1, new byte[5], 0);
        ring.ring();
        driver.poll();
        driver.command(11);
        MemorySegment basic = driver.submit();
        assertThat(basic.get(LE32, 8)).isEqualTo(100);
        assertThat(basic.get(LE32, 16)).isEqualTo(1);
        assertThat(basic.get(LE32, 48)).isEqualTo(1);
        driver.probe();
        driver.command(11);
        assertThat(driver.submit().get(LE32, 16)).as("since the last reset").isZero();
    }
}
