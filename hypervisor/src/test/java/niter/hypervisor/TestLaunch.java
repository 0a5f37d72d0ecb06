package niter.hypervisor;

import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Engine;
import niter.controller.control.protocol.Launch;

/** A launch as the controller writes it. */
final class TestLaunch {
    static final String ID = "i-0123456789abcdef0";
    static final String UUID = "ec2e1916-9099-7caf-fd21-0123456789ab";

    private TestLaunch() {}

    static Launch.Builder minimal() {
        return Launch.newBuilder()
                .setVersion(1)
                .setInstanceId(ID)
                .setInstanceType("niter.small")
                .setUuid(UUID)
                .setVcpus(1)
                .setMemoryBytes(512L << 20)
                .setKernel("/images/micro/vmlinuz")
                .setCommandLine("root=/dev/nvme0n1 console=ttyS0,115200n8")
                .addDisk(Disk.newBuilder().setSlot(4).setSocketPath("/run/vol-1.sock"))
                .setRunSocket("/run/i-1.run.sock")
                .setEngine(Engine.newBuilder().addCommand("/usr/bin/qemu"))
                .setReservationId("r-0123456789abcdef0");
    }
}
