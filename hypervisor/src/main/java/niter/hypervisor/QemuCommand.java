package niter.hypervisor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.controller.control.protocol.Adapter;
import niter.controller.control.protocol.Disk;
import niter.controller.control.protocol.Launch;

/**
 * The command line of the tcg engine: QEMU's 440FX machine with EC2's slots and nothing that is not
 * needed. Its only devices are serial ports and cards' functions over vfio-user.
 */
final class QemuCommand {
    /** Descriptors of the process, as the control channel's Launch says. */
    static final int CONSOLE = 3;

    static final int QMP = 4;

    /** How many descriptors it is given. */
    static final int DESCRIPTORS = QMP + 1;

    /** How large translated code may grow, in MiB; QEMU's own limit would be a GiB. */
    private static final int TRANSLATED_MIB = 256;

    /**
     * No sleep state S3, which EC2 does not have either; the RTC is in UTC; a reset stays inside,
     * turning off ends the process.
     */
    private static final String FIXED =
            "-nodefaults -no-user-config -display none -global PIIX4_PM.disable_s3=1 -rtc base=utc"
                    + " -action reboot=reset,shutdown=poweroff -sandbox"
                    + " on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

    private final List<String> command = new ArrayList<>();

    private QemuCommand() {}

    /**
     * The whole command, the program first.
     *
     * @param launch checked
     * @param firmwareTables files with one SMBIOS structure each
     */
    static List<String> of(Launch launch, List<Path> firmwareTables) {
        QemuCommand qemu = new QemuCommand();
        qemu.command.addAll(launch.getEngine().getCommandList());
        qemu.machine(launch);
        qemu.add(FIXED.split(" "));
        qemu.serialPorts(launch);
        for (Path table : firmwareTables) {
            qemu.add("-smbios", "file=" + escaped(table.toString()));
        }
        // QEMU makes these itself and would put its own name in.
        qemu.add("-smbios", "type=4,manufacturer=Amazon EC2,version=Not Specified");
        qemu.add("-smbios", "type=17,manufacturer=Not Specified");
        for (Disk disk : launch.getDiskList()) {
            qemu.add("-device", device("disk", disk.getSlot(), disk.getSocketPath()));
        }
        for (Adapter adapter : launch.getAdapterList()) {
            qemu.add("-device", device("adapter", adapter.getSlot(), adapter.getSocketPath()));
        }
        qemu.add("-kernel", launch.getKernel());
        if (!launch.getInitrd().isEmpty()) {
            qemu.add("-initrd", launch.getInitrd());
        }
        qemu.add("-append", launch.getCommandLine());
        return qemu.command;
    }

    private void machine(Launch launch) {
        boolean kvm = launch.getEngine().getKvm();
        long bytes = launch.getMemoryBytes();
        add("-name", launch.getInstanceId() + ",process=niter-hypervisor,debug-threads=on");
        add(
                "-machine",
                "pc,memory-backend=ram,hpet=off,usb=off,vmport=off,smm=off,fd-bootchk=off,"
                        + "dump-guest-core=off");
        add("-accel", kvm ? "kvm" : "tcg,tb-size=" + TRANSLATED_MIB);
        add("-cpu", kvm ? "host" : "max,la57=off"); // five levels of page tables are only slower
        add("-smp", Integer.toString(launch.getVcpus()));
        add("-m", "size=" + (bytes >> 20) + "M");
        add("-object", "memory-backend-memfd,id=ram,size=" + bytes + ",share=on,seal=on");
        add("-uuid", launch.getUuid());
    }

    private void serialPorts(Launch launch) {
        add("-chardev", "socket,id=console,fd=" + CONSOLE);
        add("-device", "isa-serial,chardev=console,index=0");
        String path = escaped(launch.getRunSocket());
        add("-chardev", "socket,id=run,path=" + path + ",server=on,wait=off");
        add("-device", "isa-serial,chardev=run,index=1");
        add("-chardev", "socket,id=qmp,fd=" + QMP);
        add("-mon", "chardev=qmp,mode=control");
    }

    private static String device(String kind, int slot, String socket) {
        return """
        {"driver":"vfio-user-pci","id":"%1$s%2$d","bus":"pci.0","addr":"%2$x.0",\
        "socket":{"type":"unix","path":"%3$s"}}"""
                .formatted(kind, slot, json(socket));
    }

    private static String json(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    /** In QEMU's options a comma ends a value, two are one. */
    private static String escaped(String text) {
        return text.replace(",", ",,");
    }

    private void add(String... arguments) {
        command.addAll(List.of(arguments));
    }
}
