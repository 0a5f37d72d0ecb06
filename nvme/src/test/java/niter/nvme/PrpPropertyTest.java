package niter.nvme;

import static niter.nvme.SubmissionEntry.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/** PRP lists of every shape against a byte-by-byte model. */
class PrpPropertyTest {
    private static final int PAGE = 4096;
    private static final int PAGES = 512;

    private final FakeFunction function = new FakeFunction((long) PAGES * PAGE);
    private final PrpReader reader = new PrpReader(function);
    private final MemorySegment target = Arena.ofAuto().allocate(16L * Limits.SEGMENTS, 8);

    private long page(int n) {
        return FakeFunction.BASE + (long) n * PAGE;
    }

    @RepeatedTest(200)
    void addressesAreTheModels(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        for (int round = 0; round < 50; round++) {
            check(random);
        }
    }

    private void check(SplittableRandom random) {
        int offset = random.nextInt(4) == 0 ? 0 : 4 * random.nextInt(PAGE / 4);
        int bytes = size(random);
        int pages = (offset + bytes + PAGE - 1) / PAGE;
        long[] data = new long[pages];
        boolean contiguous = random.nextInt(4) == 0;
        for (int n = 0; n < pages; n++) {
            data[n] = contiguous ? page(n) : page(random.nextInt(PAGES / 2));
        }
        long prp1 = data[0] + offset;
        long prp2 = pages == 2 ? data[1] : pages > 2 ? list(random, data) : 0;
        int pairs = reader.translate(prp1, prp2, bytes, random.nextBoolean(), target);
        assertThat(pairs).isBetween(1, Limits.SEGMENTS);
        int done = 0;
        for (int n = 0; n < pairs; n++) {
            long host = target.get(LE64, 16L * n);
            long length = target.get(LE64, 16L * n + 8);
            for (long at = 0; at < length; at += 4) {
                int position = offset + done;
                long expected = data[position / PAGE] + position % PAGE;
                long iova = host + at - function.ram.address() + FakeFunction.BASE;
                if (iova != expected) { // not AssertJ: this runs a hundred million times
                    throw new AssertionError("%x instead of %x".formatted(iova, expected));
                }
                done += 4;
            }
        }
        assertThat(done).isEqualTo(bytes);
    }

    private static int size(SplittableRandom random) {
        return switch (random.nextInt(4)) {
            case 0 -> 4 * (1 + random.nextInt(PAGE / 4));
            case 1 -> PAGE * (1 + random.nextInt(64));
            case 2 -> Limits.TRANSFER_BYTES;
            default -> 4 * (1 + random.nextInt(Limits.TRANSFER_BYTES / 4));
        };
    }

    /** Writes the entries after the first from any 8-byte place on; chains where a page ends. */
    private long list(SplittableRandom random, long[] data) {
        int next = PAGES / 2;
        long start = page(next) + 8L * random.nextInt(PAGE / 8);
        long at = start;
        for (int n = 1; n < data.length; n++) {
            boolean last = (at & PAGE - 1) == PAGE - 8;
            if (last && n < data.length - 1) {
                next++;
                set(at, page(next));
                at = page(next);
            }
            set(at, data[n]);
            at += 8;
        }
        return start;
    }

    private void set(long iova, long value) {
        function.ram.set(LE64, iova - FakeFunction.BASE, value);
    }

    @RepeatedTest(100)
    void brokenListsAreErrorsAndNeverReachOutside(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(1000 + repetition.getCurrentRepetition());
        for (int round = 0; round < 200; round++) {
            for (int n = 0; n < 64; n++) {
                set(page(PAGES / 2) + 8L * random.nextInt(PAGE / 8), anything(random));
            }
            int pairs =
                    reader.translate(
                            anything(random),
                            anything(random),
                            size(random),
                            random.nextBoolean(),
                            target);
            if (pairs < 0) {
                assertThat(-pairs).isIn(Status.PRP_OFFSET_INVALID, Status.DATA_TRANSFER_ERROR);
                continue;
            }
            for (int n = 0; n < pairs; n++) {
                long from = target.get(LE64, 16L * n) - function.ram.address();
                long length = target.get(LE64, 16L * n + 8);
                assertThat(from).isNotNegative();
                assertThat(length).isPositive();
                assertThat(from + length).isLessThanOrEqualTo(function.ram.byteSize());
            }
        }
    }

    private long anything(SplittableRandom random) {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> page(random.nextInt(PAGES));
            case 2 -> page(PAGES / 2) + 8L * random.nextInt(PAGE / 8);
            case 3 -> page(random.nextInt(PAGES)) + random.nextInt(PAGE);
            case 4 -> FakeFunction.BASE + function.ram.byteSize() - random.nextInt(2 * PAGE);
            default -> -random.nextInt(2 * PAGE);
        };
    }
}
