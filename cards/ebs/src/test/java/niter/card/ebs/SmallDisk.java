package niter.card.ebs;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.nvme.Namespace.Operation;

/** Fills a file system that is small, makes room and goes on; says what happened. */
public final class SmallDisk {
    private static final int MIB = 1 << 20;
    private static final int VOLUME_MIB = 32;
    private static final String ID = "vol-0123456789abcdef0";

    private static final DiskFull.Listener PRINTER =
            new DiskFull.Listener() {
                @Override
                public void diskFull() {
                    System.out.println("event disk-full");
                }

                @Override
                public void diskSpaceAgain() {
                    System.out.println("event disk-space-again");
                }

                @Override
                public void writesLost() {
                    System.out.println("event writes-lost");
                }
            };

    private final VolumeFile volume;
    private final MemorySegment memory = Arena.global().allocate(MIB).fill((byte) 1);
    private final MemorySegment iovec = Arena.global().allocate(Iovecs.BYTES, Long.BYTES);
    private int lastErrno;

    private SmallDisk(VolumeFile volume) {
        this.volume = volume;
        Iovecs.set(iovec, 0, memory.address(), MIB);
    }

    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]);
        Path ballast = directory.resolve("ballast");
        Files.write(ballast, new byte[4 * MIB]);
        Volumes volumes = new Volumes(directory);
        volumes.create(ID, (long) VOLUME_MIB * MIB, "");
        Descriptor file = FileIo.open(volumes.path(ID), FileIo.O_RDWR, 0);
        FileQueue queue = VolumeFileTest.Back.valueOf(arguments[1]).over(file);
        try (VolumeFile volume = VolumeFile.over(file, queue, PRINTER)) {
            new SmallDisk(volume).run(ballast);
        }
        try {
            volumes.create(
                    "vol-0123456789abcdef1", (long) VOLUME_MIB * MIB, volumes.path(ID).toString());
        } catch (RefusedException e) {
            System.out.println(e.getMessage());
        }
        try (var left = Files.list(directory)) {
            System.out.println(left.count() + " files");
        }
    }

    private void run(Path ballast) throws Exception {
        int written = 0;
        while (write(written)) {
            written++;
        }
        System.out.println(Errno.name(lastErrno) + " in range: " + (written >= 3 && written < 8));
        System.out.println("overwrite " + write(0) + ", elsewhere " + write(VOLUME_MIB - 1));
        Files.delete(ballast);
        System.out.println("after making room " + write(written));
        while (write(written)) {
            written++;
        }
        volume.prepare(Operation.DEALLOCATE, 0, 0, 2 * MIB, MemorySegment.NULL, 0);
        volume.quiesce((tag, errno) -> lastErrno = errno);
        System.out.println("after the guest gave back " + write(0));
    }

    private boolean write(int at) {
        volume.prepare(Operation.WRITE, 0, (long) at * MIB, MIB, iovec, 1);
        volume.quiesce((tag, errno) -> lastErrno = errno);
        return lastErrno == 0;
    }
}
