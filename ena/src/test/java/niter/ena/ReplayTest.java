package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Processes end between any two stores while a driver sends, receives and talks to the admin queue.
 * It looks at a completion ring only after an interrupt, so one that is lost shows as a stall.
 * Packets may be sent again, never completed twice; what is completed as received lies in its
 * buffer.
 */
class ReplayTest {
    private static final int OPERATIONS = 150;
    private static final int DEPTH = 16;

    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;

        Killed() {
            super("killed", null, false, false);
        }
    }

    static LongStream seeds() {
        return LongStream.concat(
                LongStream.rangeClosed(1, 300), ThreadLocalRandom.current().longs(20));
    }

    private final FakeFunction function = new FakeFunction(4 << 20);
    private final Driver driver = new Driver(function);
    private long stepsLeft = Long.MAX_VALUE;
    private int kills;
    private Driver.Ring transmit;
    private Driver.Ring receive;
    private final List<Integer> posted = new ArrayList<>(); // request ids in order
    private final long[] buffers = new long[65_536];
    private int sendId;
    private int completedId;
    private int arrived;
    private int received; // frames, by their number
    private int seenInterrupts;
    private boolean waiting; // for an interrupt

    @BeforeEach
    void probe() {
        driver.probe();
        driver.listen();
        transmit = driver.transmit(DEPTH, 1);
        receive = driver.receive(DEPTH, 1);
    }

    private void step() {
        if (--stepsLeft == 0) {
            throw new Killed();
        }
    }

    /** Does a thing; where the process ends in it, a successor attaches and it is done again. */
    private void survive(SplittableRandom random, boolean again, Runnable deed) {
        boolean done = false;
        while (!done) {
            try {
                deed.run();
                done = true;
            } catch (Killed e) {
                succeed(random);
                done = !again;
            }
        }
    }

    private void succeed(SplittableRandom random) {
        boolean attached = false;
        while (!attached) {
            kills++;
            function.forgetTransaction();
            stepsLeft = random.nextInt(1, 400);
            try {
                driver.device = driver.create(memory -> new DyingLiveState(memory, this::step));
                boolean suspended = random.nextInt(4) == 0; // bus mastering is off for a while
                function.busMaster = !suspended;
                driver.device.attach(function, true);
                if (suspended) {
                    driver.device.poll(64);
                    function.busMaster(driver.device, true);
                }
                attached = true;
            } catch (Killed e) {
                // and the next
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void theGuestNoticesNothing(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        driver.write(transmit.unmask, 1 << 30);
        waiting = true;
        driver.poll();
        seenInterrupts = function.interrupts[1];
        function.step = this::step;
        stepsLeft = 1;
        for (int i = 0; i < OPERATIONS; i++) {
            switch (random.nextInt(6)) {
                case 0, 1 -> send(random);
                case 2 -> post(random);
                case 3 -> survive(random, false, this::arrive);
                case 4 -> admin(random);
                default -> survive(random, true, driver::poll);
            }
            driver.nanos += random.nextInt(300_000_000);
            interrupt(random);
            events(random);
        }
        stepsLeft = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) { // each wait ends with an interrupt, or there is nothing left
            driver.poll();
            interrupt(random);
        }
        assertThat(completedId).as("packets completed").isEqualTo(sendId);
        assertThat(receive.hasCompletion()).isFalse();
        assertThat(function.errors).isEmpty();
        assertThat(kills).isGreaterThan(3);
        checkSent();
    }

    private void send(SplittableRandom random) {
        int outstanding = sendId - completedId;
        int count = Math.min(random.nextInt(1, 5), (DEPTH - 1 - 2 * outstanding) / 2);
        for (int i = 0; i < count; i++) {
            byte[] frame = new byte[60];
            frame[20] = (byte) sendId;
            frame[21] = (byte) (sendId >> 8);
            long data = driver.allocate(60);
            MemorySegment.copy(frame, 0, driver.at(data, 60), ValueLayout.JAVA_BYTE, 0, 60);
            Driver.put(transmit, sendId & 0xffff, data, 30, 0, true, false);
            Driver.put(transmit, 0, data + 30, 30, 0, false, true);
            sendId++;
        }
        survive(random, true, transmit::ring);
    }

    private void post(SplittableRandom random) {
        int count = Math.min(random.nextInt(1, 6), DEPTH - 1 - posted.size());
        for (int i = 0; i < count; i++) {
            int id = random.nextInt(65_536);
            while (posted.contains(id)) {
                id = random.nextInt(65_536);
            }
            buffers[id] = driver.allocate(1600);
            receive.post(id, buffers[id], 800);
            posted.add(id);
        }
        survive(random, true, receive::ring);
    }

    /** A frame of one or two buffers that carries its number at both ends. */
    private void arrive() {
        arrived++;
        byte[] frame = new byte[arrived % 2 == 0 ? 700 : 1400];
        frame[20] = (byte) arrived;
        frame[21] = (byte) (arrived >> 8);
        frame[frame.length - 1] = (byte) arrived;
        driver.arrives(frame);
    }

    private void admin(SplittableRandom random) {
        driver.command(8).set(ValueLayout.JAVA_BYTE, 17, (byte) 20);
        driver.submitted++;
        survive(random, true, () -> driver.write(0x2c, driver.submitted & 0xffff));
        survive(random, true, driver::poll);
        assertThat(driver.answer().get(LE16, 8)).isEqualTo((short) 1);
    }

    /** What the driver does when its vector fired: takes everything, then unmasks. */
    private void interrupt(SplittableRandom random) {
        if (waiting && function.interrupts[1] == seenInterrupts) {
            return;
        }
        seenInterrupts = function.interrupts[1];
        while (transmit.hasCompletion()) {
            MemorySegment entry = transmit.take();
            assertThat(entry.get(LE16, 0) & 0xffff).isEqualTo(completedId & 0xffff);
            completedId++;
        }
        while (receive.hasCompletion()) {
            take();
        }
        survive(random, true, transmit::unmask);
    }

    private void take() {
        MemorySegment entry = receive.take();
        assertThat(entry.get(LE32, 0) >>> 26 & 1).as("first").isEqualTo(1);
        int id = entry.get(LE16, 6) & 0xffff;
        assertThat(id).isEqualTo(posted.removeFirst());
        int bytes = entry.get(LE16, 4) & 0xffff;
        MemorySegment data = driver.at(buffers[id], 800);
        int number = data.get(LE16, 20) & 0xffff;
        assertThat(number).as("each at most once").isGreaterThan(received);
        received = number;
        if (number % 2 != 0) {
            MemorySegment second = receive.take();
            int secondId = second.get(LE16, 6) & 0xffff;
            assertThat(secondId).isEqualTo(posted.removeFirst());
            assertThat(second.get(LE16, 4)).isEqualTo((short) 600);
            data = driver.at(buffers[secondId], 800);
            bytes = 600;
        }
        assertThat(data.get(ValueLayout.JAVA_BYTE, bytes - 1)).isEqualTo((byte) number);
    }

    private void events(SplittableRandom random) {
        while (driver.event() != null) {
            // keep-alives and link states
        }
        int credit = driver.eventsSeen + Driver.EVENT_DEPTH & 0xffff;
        survive(random, true, () -> driver.write(0x40, credit));
    }

    /** Each packet went out, in order; after a kill those of a batch, perhaps, once more. */
    private void checkSent() {
        int expected = 0;
        for (byte[] frame : driver.sent) {
            int number = frame[20] & 0xff | (frame[21] & 0xff) << 8;
            assertThat(number).isBetween(expected - TransmitPath.BATCH, expected);
            expected = number + 1;
        }
        assertThat(expected).isEqualTo(sendId);
    }
}
