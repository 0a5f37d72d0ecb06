package niter.images;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/** SHA-256 of files, as lower-case hex. */
final class Digests {
    private static final int BLOCK_BYTES = 4096;

    private Digests() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    static String of(String... texts) {
        MessageDigest digest = sha256();
        for (String text : texts) {
            digest.update(text.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }
        return hex(digest);
    }

    static String of(Path file) throws IOException {
        MessageDigest digest = sha256();
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(file)) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
            }
        }
        return hex(digest);
    }

    /**
     * Of a sparse file: its size, then offset and content of each 4 KiB block that is not all
     * zeros. So holes cost nothing, and zeros written out count as holes.
     */
    static String ofSparse(Path file) throws IOException {
        MessageDigest digest = sha256();
        ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
        ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        byte[] zeros = new byte[BLOCK_BYTES];
        try (FileChannel channel = FileChannel.open(file);
                Descriptor descriptor = FileIo.open(file, FileIo.O_RDONLY | FileIo.O_CLOEXEC, 0)) {
            long size = channel.size();
            digest.update(number.putLong(0, size).array());
            long at = FileIo.nextData(descriptor.number(), 0);
            while (at < size) {
                long end = FileIo.nextHole(descriptor.number(), at);
                for (at -= at % BLOCK_BYTES; at < end; ) {
                    buffer.clear().limit((int) Math.min(buffer.capacity(), size - at));
                    int count = channel.read(buffer, at);
                    for (int i = 0; i < count && at + i < end; i += BLOCK_BYTES) {
                        int length = Math.min(BLOCK_BYTES, count - i);
                        if (!Arrays.equals(buffer.array(), i, i + length, zeros, 0, length)) {
                            digest.update(number.putLong(0, at + i).array());
                            digest.update(buffer.array(), i, length);
                        }
                    }
                    at += count - count % BLOCK_BYTES;
                    if (count < BLOCK_BYTES) {
                        break;
                    }
                }
                at = FileIo.nextData(descriptor.number(), end);
            }
        }
        return hex(digest);
    }
}
