package niter.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Engine;
import niter.controller.control.protocol.Launch;
import org.junit.jupiter.api.Test;

/** The command line as a whole: a change to it is a change to every instance. */
class QemuCommandTest {
    @Test
    void isExactlyThis() {
        Launch launch = TestLaunch.minimal().build();
        assertThat(QemuCommand.of(launch, List.of(Path.of("/i/smbios.0"), Path.of("/i/smbios.1"))))
                .containsExactly(
                        "/usr/bin/qemu",
                        "-name",
                        "i-0123456789abcdef0,process=niter-hypervisor,debug-threads=on",
                        "-machine",
                        "pc,memory-backend=ram,hpet=off,usb=off,vmport=off,smm=off,fd-bootchk=off,"
                                + "dump-guest-core=off",
                        "-accel",
                        "tcg,tb-size=256",
                        "-cpu",
                        "max,la57=off",
                        "-smp",
                        "1",
                        "-m",
                        "size=512M",
                        "-object",
                        "memory-backend-memfd,id=ram,size=536870912,share=on,seal=on",
                        "-uuid",
                        TestLaunch.UUID,
                        "-nodefaults",
                        "-no-user-config",
                        "-display",
                        "none",
                        "-global",
                        "PIIX4_PM.disable_s3=1",
                        "-rtc",
                        "base=utc",
                        "-action",
                        "reboot=reset,shutdown=poweroff",
                        "-sandbox",
                        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
                        "-chardev",
                        "socket,id=console,fd=3",
                        "-device",
                        "isa-serial,chardev=console,index=0",
                        "-chardev",
                        "socket,id=run,path=/run/i-1.run.sock,server=on,wait=off",
                        "-device",
                        "isa-serial,chardev=run,index=1",
                        "-chardev",
                        "socket,id=qmp,fd=4",
                        "-mon",
                        "chardev=qmp,mode=control",
                        "-smbios",
                        "file=/i/smbios.0",
                        "-smbios",
                        "file=/i/smbios.1",
                        "-smbios",
                        "type=4,manufacturer=Amazon EC2,version=Not Specified",
                        "-smbios",
                        "type=17,manufacturer=Not Specified",
                        "-device",
                        "{\"driver\":\"vfio-user-pci\",\"id\":\"disk4\",\"bus\":\"pci.0\","
                                + "\"addr\":\"4.0\",\"socket\":{\"type\":\"unix\","
                                + "\"path\":\"/run/vol-1.sock\"}}",
                        "-kernel",
                        "/images/micro/vmlinuz",
                        "-append",
                        "root=/dev/nvme0n1 console=ttyS0,115200n8");
    }

    @Test
    void usesTheProcessorWhereItCanAndTheEnginesOwnArguments() {
        Engine engine =
                Engine.newBuilder()
                        .addCommand("/e/ld.so")
                        .addCommand("/e/qemu")
                        .setKvm(true)
                        .build();
        Launch launch = TestLaunch.minimal().setEngine(engine).setInitrd("/i/initrd").build();
        List<String> command = QemuCommand.of(launch, List.of());
        assertThat(command).startsWith("/e/ld.so", "/e/qemu", "-name");
        assertThat(command).containsSubsequence("-accel", "kvm", "-cpu", "host");
        assertThat(command).containsSubsequence("-initrd", "/i/initrd", "-append");
    }

    @Test
    void pathsMayHoldWhatQemuTakesForSyntax() {
        Launch launch =
                TestLaunch.minimal()
                        .setRunSocket("/a,b/run")
                        .clearDisk()
                        .addDisk(Disk.newBuilder().setSlot(26).setSocketPath("/a\"b\\c"))
                        .build();
        List<String> command = QemuCommand.of(launch, List.of(Path.of("/a,b/smbios.0")));
        assertThat(command)
                .contains("socket,id=run,path=/a,,b/run,server=on,wait=off")
                .contains("file=/a,,b/smbios.0")
                .anyMatch(argument -> argument.contains("\"addr\":\"1a.0\""))
                .anyMatch(argument -> argument.contains("\"path\":\"/a\\\"b\\\\c\""));
    }
}
