package niter.card.ebs;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import niter.nvme.Namespace.Operation;

/** Opens a volume, says "open" and writes durable ones everywhere until it is killed. */
public final class BusyWriter {
    private static final int TAGS = 64;

    private BusyWriter() {}

    public static void main(String[] arguments) throws RefusedException {
        VolumeFile volume = VolumeFile.open(Path.of(arguments[0]), 0, new Silence());
        int bytes = (int) (volume.sizeBytes() / TAGS);
        MemorySegment memory = Arena.global().allocate(bytes).fill((byte) 1);
        MemorySegment iovec = Arena.global().allocate(Iovecs.BYTES, Long.BYTES);
        Iovecs.set(iovec, 0, memory.address(), bytes);
        System.out.println("open");
        while (true) {
            for (int tag = 0; tag < TAGS; tag++) {
                volume.prepare(Operation.WRITE_FUA, tag, (long) tag * bytes, bytes, iovec, 1);
            }
            volume.quiesce((tag, errno) -> {});
        }
    }
}
