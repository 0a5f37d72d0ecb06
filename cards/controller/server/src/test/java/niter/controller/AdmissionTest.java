package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import niter.controller.northbound.InstanceType;
import niter.controller.record.InstanceRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdmissionTest {
    private static final long MIB = 1 << 20;
    private static final InstanceType TINY =
            InstanceType.newBuilder().setName("tiny").setVcpus(1).setMemoryBytes(16 * MIB).build();
    private static final InstanceRecord RUNNING =
            InstanceRecord.newBuilder().setVcpus(2).setMemoryBytes(32 * MIB).build();

    @TempDir Path volumes;

    @Test
    void whatFitsIsAdmitted() throws Exception {
        Admission admission = new Admission(4, 64 * MIB, volumes);
        admission.check(List.of(RUNNING), TINY, 2);
        assertThat(admission.describe(List.of(RUNNING)).getVcpusUsed()).isEqualTo(2);
        assertThat(admission.describe(List.of(RUNNING)).getMemoryUsedBytes()).isEqualTo(32 * MIB);
    }

    @Test
    void whatIsMissingIsNamed() {
        Admission admission = new Admission(4, 64 * MIB, volumes);
        assertThatThrownBy(() -> admission.check(List.of(RUNNING), TINY, 3))
                .isInstanceOfSatisfying(
                        ApiException.class,
                        e ->
                                assertThat(e.status().getCode())
                                        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED))
                .hasMessageStartingWith("vCPUs: 2 are free on this host, 3 times tiny needs 3");
        Admission small = new Admission(64, 40 * MIB, volumes);
        assertThatThrownBy(() -> small.check(List.of(RUNNING), TINY, 1))
                .hasMessageStartingWith("memory: 8 MiB are free on this host, tiny needs 16 MiB");
    }

    @Test
    void aSparseDiskNeedsOnlyWhatItHolds() throws Exception {
        Path disk = volumes.resolve("disk");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(1L << 40);
        }
        Admission admission = new Admission(4, 64 * MIB, volumes);
        admission.checkDisk(disk, 64);
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.write(new byte[1 << 20]);
        }
        assertThatThrownBy(() -> admission.checkDisk(disk, Integer.MAX_VALUE))
                .hasMessageStartingWith("disk: ");
    }
}
