package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.util.BitSet;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A guest that writes, zeroes, deallocates, reads and flushes, many commands at once but one to a
 * block, and writes down what it was told. Every block it writes says in each of its words which
 * command wrote it, and where.
 */
final class PowerLoad {
    private static final int BLOCK = RecordingQueue.BLOCK;
    private static final int MOST_BLOCKS = BareGuest.BUFFER_BYTES / BLOCK;

    /** A command under way. @param change null: it reads or flushes */
    private record Command(
            int opcode, int first, int blocks, Versions.@Nullable Change change, int since) {}

    private final BareGuest guest;
    private final PowerLog log;
    private final SplittableRandom random;
    private final boolean writeThrough;
    private final long[] current; // by block, what was written last
    private final BitSet busy = new BitSet();
    private final BitSet running = new BitSet(); // by command
    private final @Nullable Command[] commands = new @Nullable Command[BareGuest.COMMANDS];
    private long number;

    PowerLoad(VolumeFile volume, PowerLog log, SplittableRandom random) {
        guest = new BareGuest(volume);
        this.log = log;
        this.random = random;
        current = new long[(int) (volume.sizeBytes() / BLOCK)];
        writeThrough = random.nextInt(4) == 0;
        if (writeThrough) {
            guest.writeThrough();
        }
    }

    /** Runs so many commands, then shuts the controller down. */
    void run(int count) {
        for (int n = 0; n < count; ) {
            int command = running.nextClearBit(0);
            boolean submitted = command < BareGuest.COMMANDS && submit(command);
            n += submitted ? 1 : 0;
            if (!submitted || random.nextInt(3) == 0) {
                guest.poll(this::completed);
            }
        }
        while (!running.isEmpty()) {
            guest.poll(this::completed);
        }
        int since = log.now();
        guest.shutDown();
        while (!guest.isShutDown()) {
            guest.poll(this::completed);
        }
        log.flushed(PowerLog.Layer.GUEST, since);
    }

    /** False where a block of the drawn ones is in use. */
    private boolean submit(int command) {
        int first = random.nextInt(current.length);
        int blocks = random.nextInt(1, Math.min(MOST_BLOCKS, current.length - first) + 1);
        int kind = random.nextInt(100);
        if (kind < 12) {
            begin(command, new Command(BareGuest.FLUSH, 0, 0, null, log.now()));
            guest.submit(command, BareGuest.FLUSH, 0, 0, 0);
            return true;
        }
        if (!busy.get(first, first + blocks).isEmpty()) {
            return false;
        }
        busy.set(first, first + blocks);
        if (kind < 22) {
            begin(command, new Command(BareGuest.READ, first, blocks, null, 0));
            guest.submit(command, BareGuest.READ, first, blocks, 0);
        } else if (kind < 30) {
            change(command, BareGuest.DATASET_MANAGEMENT, first, new long[blocks], false);
            guest.deallocate(command, first, blocks, first + random.nextInt(blocks));
        } else {
            boolean zeroes = kind < 42;
            int opcode = zeroes ? BareGuest.WRITE_ZEROES : BareGuest.WRITE;
            boolean forced = random.nextInt(5) == 0;
            int flags = forced ? BareGuest.FORCE_UNIT_ACCESS : 0;
            int mayDeallocate = zeroes && random.nextBoolean() ? 1 << 25 : 0;
            long[] values = zeroes ? new long[blocks] : fill(command, first, blocks);
            change(command, opcode, first, values, forced || writeThrough);
            guest.submit(command, opcode, first, blocks, flags | mayDeallocate);
        }
        return true;
    }

    private long[] fill(int command, int first, int blocks) {
        number++;
        long[] values = new long[blocks];
        for (int n = 0; n < blocks; n++) {
            values[n] = number << 16 | first + n;
            for (long at = 0; at < BLOCK; at += 8) {
                guest.buffer(command).set(JAVA_LONG, (long) n * BLOCK + at, values[n]);
            }
        }
        return values;
    }

    private void change(int command, int opcode, int first, long[] values, boolean durable) {
        Versions.Change change = new Versions.Change(first, values, durable);
        log.began(PowerLog.Layer.GUEST, change);
        begin(command, new Command(opcode, first, values.length, change, 0));
    }

    private void begin(int command, Command what) {
        commands[command] = what;
        running.set(command);
    }

    private void completed(int command, int status) {
        Command what = commands[command];
        if (what == null || status != 0) {
            throw new AssertionError("command %d, %s: status %x".formatted(command, what, status));
        }
        commands[command] = null;
        running.clear(command);
        busy.clear(what.first, what.first + what.blocks);
        if (what.change != null) {
            System.arraycopy(what.change.values, 0, current, what.first, what.blocks);
            log.ended(PowerLog.Layer.GUEST, what.change, what.blocks);
        } else if (what.opcode == BareGuest.FLUSH) {
            log.flushed(PowerLog.Layer.GUEST, what.since);
        } else {
            verify(command, what);
        }
    }

    private void verify(int command, Command read) {
        long address = guest.buffer(command).address();
        for (int n = 0; n < read.blocks; n++) {
            long value = RecordingQueue.value(address + (long) n * BLOCK);
            if (value != current[read.first + n]) {
                throw new AssertionError(
                        "block %d reads %x, written was %x"
                                .formatted(read.first + n, value, current[read.first + n]));
            }
        }
    }
}
