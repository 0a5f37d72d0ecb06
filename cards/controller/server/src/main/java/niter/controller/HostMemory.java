package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory the host has: proc_meminfo(5). */
final class HostMemory {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final long KIB = 1024;

    private HostMemory() {}

    static long totalBytes() throws IOException {
        return bytes("MemTotal:");
    }

    /** What new processes may take without swapping. */
    static long availableBytes() throws IOException {
        return bytes("MemAvailable:");
    }

    private static long bytes(String field) throws IOException {
        for (String line : Files.readAllLines(MEMINFO)) {
            if (line.startsWith(field)) {
                String number = line.substring(field.length()).replace("kB", "").strip();
                return Long.parseLong(number) * KIB;
            }
        }
        throw new IOException(MEMINFO + ": has no " + field);
    }
}
