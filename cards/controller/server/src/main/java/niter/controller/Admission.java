package niter.controller;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import niter.controller.northbound.Capacity;
import niter.controller.northbound.InstanceType;
import niter.controller.record.InstanceRecord;

/**
 * Decides whether an instance fits the host. vCPUs share the host's processors, four to one; memory
 * is never shared, and {@link #RESERVED_BYTES} stay with the host.
 */
final class Admission {
    static final int VCPUS_PER_PROCESSOR = 4;
    static final long RESERVED_BYTES = 1L << 30;

    private static final long MIB = 1L << 20;

    private final int vcpus;
    private final long memoryBytes;
    private final Path volumes;

    /** For this host; volumes lie in the given directory. */
    static Admission ofHost(Path volumes) throws IOException {
        int processors = Runtime.getRuntime().availableProcessors();
        long memory = Math.max(0, HostMemory.totalBytes() - RESERVED_BYTES);
        return new Admission(processors * VCPUS_PER_PROCESSOR, memory, volumes);
    }

    Admission(int vcpus, long memoryBytes, Path volumes) {
        this.vcpus = vcpus;
        this.memoryBytes = memoryBytes;
        this.volumes = volumes;
    }

    /**
     * Checks that so many more fit.
     *
     * @param running what has its share already
     * @throws ApiException names what is missing: RESOURCE_EXHAUSTED
     */
    void check(Collection<InstanceRecord> running, InstanceType type, int count)
            throws ApiException, IOException {
        long freeVcpus = vcpus - usedVcpus(running);
        long freeMemory = memoryBytes - usedMemory(running);
        long wantedVcpus = (long) type.getVcpus() * count;
        long wantedMemory = type.getMemoryBytes() * count;
        if (wantedVcpus > freeVcpus) {
            throw ApiException.exhausted(
                    "vCPUs: %d are free on this host, %s needs %d: stop an instance or take a smaller type"
                            .formatted(Math.max(0, freeVcpus), name(type, count), wantedVcpus));
        }
        long available = Math.min(freeMemory, HostMemory.availableBytes());
        if (wantedMemory > available) {
            throw ApiException.exhausted(
                    "memory: %d MiB are free on this host, %s needs %d MiB: stop an instance or take a smaller type"
                            .formatted(
                                    Math.max(0, available) / MIB,
                                    name(type, count),
                                    wantedMemory / MIB));
        }
    }

    private static String name(InstanceType type, int count) {
        return count == 1 ? type.getName() : count + " times " + type.getName();
    }

    /**
     * Checks that the disk has room for copies of an image's root disk. Its holes take none.
     *
     * @throws ApiException RESOURCE_EXHAUSTED
     */
    void checkDisk(Path rootDisk, int count) throws ApiException, IOException {
        long free = volumes.toFile().getUsableSpace();
        long wanted = count * AllocatedBytes.of(rootDisk);
        if (wanted > free) {
            throw ApiException.exhausted(
                    "disk: %d MiB are free in %s, the image's root disk needs %d MiB: make room there"
                            .formatted(free / MIB, volumes, wanted / MIB));
        }
    }

    /** What is used and what there is; without volumes. */
    Capacity.Builder describe(Collection<InstanceRecord> running) {
        return Capacity.newBuilder()
                .setVcpus(vcpus)
                .setVcpusUsed((int) usedVcpus(running))
                .setMemoryBytes(memoryBytes)
                .setMemoryUsedBytes(usedMemory(running))
                .setDiskFreeBytes(volumes.toFile().getUsableSpace());
    }

    private static long usedVcpus(Collection<InstanceRecord> running) {
        return running.stream().mapToLong(InstanceRecord::getVcpus).sum();
    }

    private static long usedMemory(Collection<InstanceRecord> running) {
        return running.stream().mapToLong(InstanceRecord::getMemoryBytes).sum();
    }
}
