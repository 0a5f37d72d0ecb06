package niter.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** An ext4 file system in a sparse file: the same tar gives the same bytes. */
final class RootDisk {
    private RootDisk() {}

    /** Makes it from a tar, with mke2fs 1.47.1 or newer that has libarchive. */
    static void make(Tool ext4, String name, Path tar, Path disk, long sizeBytes) {
        UUID id = UUID.nameUUIDFromBytes(("niter image " + name).getBytes());
        // Nothing is left for the guest's kernel to zero in the background: a hole is zeros.
        // Without
        // an orphan file, whose 512 blocks the kernel reads one by one at every mount.
        List<String> command =
                ext4.command(
                        "mke2fs",
                        "-q",
                        "-F",
                        "-t",
                        "ext4",
                        "-b",
                        "4096",
                        "-m",
                        "0",
                        "-N",
                        "262144",
                        "-O",
                        "^orphan_file",
                        "-J",
                        "size=16",
                        "-L",
                        "niter-root",
                        "-U",
                        id.toString(),
                        "-E",
                        "assume_storage_prezeroed=1,hash_seed=" + id,
                        "-d",
                        tar.toString(),
                        disk.toString(),
                        (sizeBytes >> 10) + "k");
        Command.Result result =
                Command.run(
                        command,
                        Map.of(
                                "SOURCE_DATE_EPOCH",
                                Long.toString(RootTar.EPOCH_SECONDS),
                                "MKE2FS_CONFIG",
                                ext4.root().resolve("etc/mke2fs.conf").toString()));
        if (!result.good()) {
            throw new ImageException(
                    "mke2fs cannot make %s (%s): free some space, or set XDG_CACHE_HOME"
                            .formatted(disk, result.complaint()));
        }
    }

    /** What a sparse file occupies: 512-byte blocks, as stat(2) counts them. */
    static long allocatedBytes(Path disk) throws IOException {
        Command.Result result = Command.run(List.of("stat", "-c", "%b", disk.toString()), Map.of());
        if (!result.good() || result.output().isEmpty()) {
            throw new IOException(result.complaint());
        }
        return Files.size(disk) == 0 ? 0 : 512 * Long.parseLong(result.output().getFirst());
    }
}
