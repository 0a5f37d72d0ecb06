package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What reaches a guest: buffers, verdicts, RSS, interrupts. */
class ReceiveTest {
    private static final int L3_WRONG = 1 << 13;
    private static final int L4_WRONG = 1 << 14;
    private static final int FRAGMENT = 1 << 15;
    private static final int L4_CHECKED = 1 << 16;

    private final Driver driver = Driver.fresh();
    private Driver.Ring ring;

    @BeforeEach
    void probe() {
        driver.probe();
        ring = driver.receive(64, 1);
    }

    @Test
    void framesLieInBuffersOfAnySize() {
        SplittableRandom random = new SplittableRandom(5);
        for (int n = 0; n < 200; n++) {
            byte[] frame = new byte[14 + random.nextInt(9000)];
            random.nextBytes(frame);
            frame[12] = 0;
            int[] sizes = new int[12];
            long[] data = new long[12];
            for (int i = 0; i < 12; i++) {
                sizes[i] = 1000 + random.nextInt(3000);
                data[i] = FakeFunction.BASE + (4 << 20) + i * 8192L + random.nextInt(4000);
                ring.post(100 + i, data[i], sizes[i]);
            }
            ring.ring();
            assertThat(driver.arrives(frame)).isTrue();
            int done = 0;
            int used = 0;
            while (done < frame.length) {
                MemorySegment entry = ring.take();
                int status = entry.get(LE32, 0);
                int bytes = entry.get(LE16, 4) & 0xffff;
                assertThat(entry.get(LE16, 6)).isEqualTo((short) (100 + used));
                assertThat(status >>> 26 & 1).as("first").isEqualTo(used == 0 ? 1 : 0);
                assertThat(bytes).isEqualTo(Math.min(sizes[used], frame.length - done));
                assertThat(driver.at(data[used], bytes).toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(Arrays.copyOfRange(frame, done, done + bytes));
                done += bytes;
                used++;
                assertThat(status >>> 27 & 1).as("last").isEqualTo(done == frame.length ? 1 : 0);
            }
            assertThat(ring.hasCompletion()).isFalse();
            // The rest stays for the next ones: take it out by a new queue.
            ring.destroy();
            ring = driver.receive(64, 1);
        }
    }

    @Test
    void aLengthOfZeroIsAll64KiB() {
        ring.post(7, driver.allocate(65_536), 0);
        ring.ring();
        assertThat(driver.arrives(new byte[9000])).isTrue();
        assertThat(ring.take().get(LE16, 4)).isEqualTo((short) 9000);
    }

    @Test
    void withoutBuffersItIsDroppedAndCounted() {
        ring.post(1, driver.allocate(2000), 2000);
        ring.ring();
        assertThat(driver.arrives(new byte[2001])).as("too few").isFalse();
        assertThat(driver.arrives(new byte[2000])).as("nothing was used up").isTrue();
        assertThat(driver.arrives(new byte[60])).isFalse();
        driver.command(11);
        MemorySegment basic = driver.submit();
        assertThat(basic.get(LE32, 32)).as("packets").isEqualTo(1);
        assertThat(basic.get(LE32, 40)).as("drops").isEqualTo(2);
        assertThat(basic.get(LE32, 56)).as("overruns").isEqualTo(2);
    }

    /** The guest turns bus mastering off around a take-over, as it does to reset or to suspend. */
    @Test
    void noInterruptIsLostOverATakeOverWithoutBusMastering() {
        driver.write(0x4c, 0);
        ring.unmask();
        ring.post(1, driver.allocate(2000), 2000);
        ring.ring();
        assertThat(driver.arrives(new byte[60])).isTrue();
        int before = driver.function.interrupts[1];
        driver.function.busMaster(driver.device, false);
        driver.device = driver.create(LiveState::new);
        driver.device.attach(driver.function, true);
        driver.poll();
        assertThat(driver.function.interrupts[1]).isEqualTo(before);
        driver.function.busMaster(driver.device, true);
        driver.poll();
        assertThat(driver.function.interrupts[1]).isEqualTo(before + 1);
    }

    /** Its function has ended, and the guest's memory is not mapped any more. */
    @Test
    void whatIsClosedTouchesNoMemory() {
        long data = driver.allocate(2000);
        ring.post(1, driver.allocate(2000), 2000);
        ring.post(2, data, 2000);
        ring.ring();
        byte[] frame = new byte[60];
        Arrays.fill(frame, (byte) 7);
        assertThat(driver.arrives(frame)).isTrue();
        ring.take();
        EnaController.Traffic before = driver.device.traffic();
        assertThat(before.receivedPackets()).isEqualTo(1);
        driver.device.close();
        assertThat(driver.arrives(frame)).isFalse();
        assertThat(driver.at(data, 60).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        assertThat(ring.hasCompletion()).isFalse();
        assertThat(driver.device.traffic()).isEqualTo(before);
        assertThat(driver.device.mtu()).isEqualTo(9216);
    }

    private int verdict(byte[] frame) {
        ring.post(1, driver.allocate(2000), 2000);
        ring.ring();
        assertThat(driver.arrives(frame)).isTrue();
        return ring.take().get(LE32, 0) & 0x1ffff;
    }

    private static byte[] summed(boolean four, boolean tcp) {
        byte[] frame = Packets.ip(four, tcp, 101, true);
        int field = 14 + (four ? 20 : 40) + (tcp ? 16 : 6);
        int network = four ? 20 : 40;
        int sum =
                Packets.sum(
                        frame, 14 + network, frame.length - 14 - network, Packets.pseudo(frame));
        frame[field] = (byte) (~sum >> 8);
        frame[field + 1] = (byte) ~sum;
        return frame;
    }

    @Test
    void verdicts() {
        for (boolean four : new boolean[] {true, false}) {
            for (boolean tcp : new boolean[] {true, false}) {
                int kind = (four ? 8 : 11) | (tcp ? 12 : 13) << 8;
                byte[] frame = summed(four, tcp);
                assertThat(verdict(frame)).isEqualTo(kind | L4_CHECKED);
                frame[frame.length - 1] ^= 1;
                assertThat(verdict(frame)).isEqualTo(kind | L4_CHECKED | L4_WRONG);
            }
        }
        byte[] wrong = summed(true, true);
        wrong[22]--; // time to live, which no layer-4 sum covers
        assertThat(verdict(wrong)).isEqualTo(8 | 12 << 8 | L4_CHECKED | L3_WRONG);
        byte[] fragment = summed(true, false);
        fragment[20] = 0x20;
        assertThat(verdict(fragment)).isEqualTo(8 | FRAGMENT | L3_WRONG);
        byte[] unsummed = Packets.ip(true, false, 10, true);
        assertThat(verdict(unsummed)).as("not checked").isEqualTo(8 | 13 << 8);
        byte[] arp = new byte[60];
        arp[12] = 8;
        arp[13] = 6;
        assertThat(verdict(arp)).isZero();
        byte[] cut = Arrays.copyOf(summed(true, true), 40);
        assertThat(verdict(cut)).as("a header that ends too early").isZero();
    }

    // ---- RSS

    private int setKey(String key, int initial) {
        long buffer = driver.allocate(48);
        driver.at(buffer, 48).set(LE32, 0, 10);
        byte[] bytes = HexFormat.ofDelimiter(":").parseHex(key);
        MemorySegment.copy(bytes, 0, driver.at(buffer + 8, 40), ValueLayout.JAVA_BYTE, 0, 40);
        MemorySegment set = driver.command(9);
        set.set(LE32, 4, 48);
        set.set(LE64, 8, buffer);
        set.set(ValueLayout.JAVA_BYTE, 17, (byte) 10);
        set.set(LE32, 24, 2);
        set.set(LE32, 28, initial);
        return Driver.status(driver.submit());
    }

    private int setTable(int... queues) {
        long buffer = driver.allocate(512);
        for (int i = 0; i < 128; i++) {
            driver.at(buffer, 512).set(LE32, 4 * i, queues[i % queues.length]);
        }
        MemorySegment set = driver.command(9);
        set.set(LE32, 4, 512);
        set.set(LE64, 8, buffer);
        set.set(ValueLayout.JAVA_BYTE, 17, (byte) 12);
        set.set(LE16, 24, (short) 7);
        set.set(LE32, 28, -1);
        return Driver.status(driver.submit());
    }

    private static final String KEY =
            "77:d1:c9:34:a4:c9:bd:87:6e:35:dd:17:b2:e3:23:9e:39:6d:8a:93:2a:95:b4:72:3a:b3:7f:56:"
                    + "8e:de:b6:01:97:af:3b:2f:3a:70:e7:04";

    private static String reversed(String key) {
        String[] parts = key.split(":", -1);
        StringBuilder text = new StringBuilder();
        for (int i = parts.length - 1; i >= 0; i--) {
            text.append(parts[i]).append(i == 0 ? "" : ":");
        }
        return text.toString();
    }

    @Test
    void theCheckVectorInBothOrders() {
        ring.post(1, driver.allocate(2000), 2000);
        ring.ring();
        byte[] frame = summed(true, true);
        frame[34] = 0x1b; // port 7000
        frame[35] = 0x58;
        frame[36] = 0x1b;
        frame[37] = 0x58;
        assertThat(hash(frame, reversed(KEY), 0)).isEqualTo(0xa9828bd4);
        assertThat(hash(frame, KEY, 0)).isEqualTo(0xa4a1471a);
        assertThat(hash(frame, KEY, 0xffff_ffff)).isEqualTo(0x5b5eb8e5);
    }

    private int hash(byte[] frame, String key, int initial) {
        assertThat(setKey(key, initial)).isZero();
        ring.post(1, driver.allocate(2000), 2000);
        ring.ring();
        assertThat(driver.arrives(frame)).isTrue();
        return ring.take().get(LE32, 8);
    }

    @Test
    void flowsSpreadOverQueues() {
        Driver.Ring[] rings = {ring, driver.receive(64, 2), driver.receive(64, 3)};
        assertThat(setTable(0, 1, 2)).isZero();
        assertThat(setTable(0, 1, 3)).as("names a queue that is not there").isEqualTo(5);
        assertThat(setKey(KEY, 0)).isZero();
        for (Driver.Ring queue : rings) {
            for (int i = 0; i < 60; i++) {
                queue.post(i, driver.allocate(256), 256);
            }
            queue.ring();
        }
        byte[] frame = summed(true, true);
        for (int flow = 0; flow < 90; flow++) {
            frame[34] = (byte) (flow * 13);
            driver.arrives(frame);
        }
        for (Driver.Ring queue : rings) {
            int got = 0;
            while (got < 60 && queue.hasCompletion()) {
                queue.take();
                got++;
            }
            assertThat(got).isBetween(10, 60);
        }
    }

    @Test
    void theDriversKeyIsNotClobbered() {
        long buffer = driver.allocate(48);
        driver.at(buffer, 48).fill((byte) 0x5a);
        assertThat(getKey(buffer)).isZero();
        assertThat(driver.at(buffer, 48).get(LE32, 8)).isEqualTo(0x5a5a_5a5a);
        setKey(KEY, 3);
        assertThat(getKey(buffer)).isZero();
        assertThat(driver.at(buffer, 48).get(LE32, 0)).isEqualTo(10);
        assertThat(driver.at(buffer + 8, 40).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x77);
    }

    private int getKey(long buffer) {
        MemorySegment get = driver.command(8);
        get.set(LE32, 4, 48);
        get.set(LE64, 8, buffer);
        get.set(ValueLayout.JAVA_BYTE, 17, (byte) 10);
        return Driver.status(driver.submit());
    }

    // ---- interrupts

    @Test
    void oneMessageForEachUnmask() {
        int vector = 1;
        for (int i = 0; i < 10; i++) {
            ring.post(i, driver.allocate(256), 256);
        }
        ring.ring();
        int before = driver.function.interrupts[vector];
        driver.arrives(new byte[60]);
        driver.poll();
        assertThat(driver.function.interrupts[vector]).as("masked at first").isEqualTo(before);
        ring.unmask();
        driver.poll();
        assertThat(driver.function.interrupts[vector]).isEqualTo(before + 1);
        driver.arrives(new byte[60]);
        driver.arrives(new byte[60]);
        driver.poll();
        assertThat(driver.function.interrupts[vector]).as("masks itself").isEqualTo(before + 1);
        ring.unmask();
        driver.poll();
        assertThat(driver.function.interrupts[vector]).isEqualTo(before + 2);
        ring.unmask();
        driver.poll();
        assertThat(driver.function.interrupts[vector]).as("nothing new").isEqualTo(before + 2);
        driver.arrives(new byte[60]);
        driver.poll();
        assertThat(driver.function.interrupts[vector]).isEqualTo(before + 3);
    }

    @Test
    void anyQueueOfTheVectorUnmasksIt() {
        Driver.Ring transmit = driver.transmit(64, 1);
        ring.post(1, driver.allocate(256), 256);
        ring.ring();
        driver.arrives(new byte[60]);
        driver.poll();
        int before = driver.function.interrupts[1];
        transmit.unmask();
        driver.poll();
        assertThat(driver.function.interrupts[1]).isEqualTo(before + 1);
    }

    @Test
    void delaysHoldInterruptsBack() {
        for (int i = 0; i < 4; i++) {
            ring.post(i, driver.allocate(256), 256);
        }
        ring.ring();
        driver.poll();
        int before = driver.function.interrupts[1];
        driver.write(ring.unmask, 1 << 30 | 20 | 64 << 15);
        driver.arrives(new byte[60]);
        driver.poll();
        assertThat(driver.function.interrupts[1]).isEqualTo(before);
        assertThat(driver.device.nextDeadlineNanos()).isEqualTo(20_000);
        driver.nanos += 20_000;
        driver.poll();
        assertThat(driver.function.interrupts[1]).isEqualTo(before + 1);
        driver.write(ring.unmask, 1 << 31);
        driver.arrives(new byte[60]);
        driver.nanos += 100_000;
        driver.poll();
        assertThat(driver.function.interrupts[1]).as("DPDK's disable").isEqualTo(before + 1);
    }

    @Test
    void nothingIsWrittenAfterADestroy() {
        ring.post(1, driver.allocate(256), 256);
        ring.ring();
        ring.destroy();
        MemorySegment memory = driver.at(ring.completions, 16L * ring.depth);
        memory.fill((byte) 0xa5);
        assertThat(driver.arrives(new byte[60])).isFalse();
        assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0xa5);
    }
}
