package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A command as a guest writes it. */
final class Command {
    final MemorySegment bytes = Arena.ofAuto().allocate(64, 8);

    Command(int opcode) {
        bytes.set(LE32, 0, opcode);
    }

    static Command io(int opcode, long block, int blocks, long prp1, long prp2) {
        return new Command(opcode)
                .namespace(1)
                .prp(prp1, prp2)
                .dword(10, (int) block)
                .dword(11, (int) (block >>> 32))
                .dword(12, blocks - 1);
    }

    static Command read(long block, int blocks, long prp1, long prp2) {
        return io(2, block, blocks, prp1, prp2);
    }

    static Command write(long block, int blocks, long prp1, long prp2) {
        return io(1, block, blocks, prp1, prp2);
    }

    static Command flush() {
        return new Command(0).namespace(1);
    }

    static Command identify(int structure, int namespace, long prp1) {
        return new Command(6).namespace(namespace).prp(prp1, 0).dword(10, structure);
    }

    static Command createCompletion(Guest.Pair pair, int vector, int flags) {
        return new Command(5)
                .prp(pair.completionBase, 0)
                .dword(10, pair.id | pair.completionSize - 1 << 16)
                .dword(11, flags | vector << 16);
    }

    static Command createSubmission(Guest.Pair pair, int completion) {
        return new Command(1)
                .prp(pair.submissionBase, 0)
                .dword(10, pair.id | pair.submissionSize - 1 << 16)
                .dword(11, 1 | completion << 16);
    }

    static Command deleteSubmission(int id) {
        return new Command(0).dword(10, id);
    }

    static Command deleteCompletion(int id) {
        return new Command(4).dword(10, id);
    }

    /** Get Log Page of {@code dwords} from {@code offset} bytes on. */
    static Command log(int id, int namespace, int dwords, long offset, long prp1) {
        return new Command(2)
                .namespace(namespace)
                .prp(prp1, 0)
                .dword(10, id | dwords - 1 << 16)
                .dword(12, (int) offset)
                .dword(13, (int) (offset >>> 32));
    }

    static Command setFeature(int id, int value) {
        return new Command(9).dword(10, id).dword(11, value);
    }

    static Command getFeature(int id) {
        return new Command(0x0a).dword(10, id);
    }

    static Command eventRequest() {
        return new Command(0x0c);
    }

    Command namespace(int id) {
        bytes.set(LE32, 4, id);
        return this;
    }

    Command prp(long first, long second) {
        bytes.set(LE64, 24, first);
        bytes.set(LE64, 32, second);
        return this;
    }

    Command dword(int n, int value) {
        bytes.set(LE32, 4L * n, value);
        return this;
    }

    Command or(int n, int bits) {
        return dword(n, bytes.get(LE32, 4L * n) | bits);
    }

    Command commandId(int id) {
        bytes.set(LE32, 0, bytes.get(LE32, 0) & 0xffff | id << 16);
        return this;
    }

    int commandId() {
        return bytes.get(LE32, 0) >>> 16;
    }

    @Override
    public String toString() {
        return "command %02x, id %04x".formatted(bytes.get(LE32, 0) & 0xff, commandId());
    }
}
