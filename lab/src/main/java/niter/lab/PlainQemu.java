package niter.lab;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The peer: the machine of an instance with QEMU's own NVMe device on a file, through io_uring. Its
 * command line is the instance's, with the disk exchanged; the kernel is started directly by QEMU
 * in both. Commands go through the guest agent of docs/images.md, as niter's do.
 */
final class PlainQemu implements AutoCloseable {
    private static final int READY = 'R' << 24 | 1 << 8 | '1';
    private static final int SYN = 0x16;
    private static final int MOST_PAYLOAD = 1024;

    // An instance's functions in QEMU's command line, by their slots.
    private static final String DISK = "\"vfio-user-pci\",\"id\":\"disk4\"";
    private static final String ADAPTER = "\"vfio-user-pci\",\"id\":\"adapter5\"";

    private final Process process;
    private final SocketChannel agent;
    private final DataInputStream in;
    private final DataOutputStream out;

    /**
     * The command line for a peer of a running instance.
     *
     * @param instance the arguments of its hypervisor
     * @param folder where sockets, the disk {@code disk} and copies of the firmware tables lie
     * @param netdev what its network adapter is joined to, as QEMU's option has it; empty: it has
     *     none
     */
    static List<String> like(List<String> instance, Path folder, String netdev) throws IOException {
        List<String> command = new ArrayList<>();
        for (int n = 0; n < instance.size(); n++) {
            String option = instance.get(n);
            String value = n + 1 < instance.size() ? instance.get(n + 1) : "";
            if (option.equals("-chardev") && value.contains("id=console")) {
                command.addAll(
                        List.of(option, "file,id=console,path=" + folder.resolve("console")));
                n++;
            } else if (option.equals("-chardev") && value.contains("id=run")) {
                command.addAll(List.of(option, "socket,id=run,path=" + folder.resolve("agent")));
                n++;
            } else if (option.equals("-smbios") && value.startsWith("file=")) {
                Path table = Path.of(value.substring("file=".length()));
                Path copy = folder.resolve(table.getFileName());
                Files.copy(table, copy, StandardCopyOption.REPLACE_EXISTING);
                command.addAll(List.of(option, "file=" + copy));
                n++;
            } else if (option.equals("-device") && value.contains(ADAPTER)) {
                if (!netdev.isEmpty()) {
                    String adapter =
                            "virtio-net-pci,netdev=net,bus=pci.0,addr=5.0,mq=off,romfile=,mac=";
                    command.addAll(
                            List.of(
                                    "-netdev",
                                    netdev + ",id=net",
                                    "-device",
                                    adapter + mac(folder)));
                }
                n++;
            } else if (option.equals("-device") && value.contains(DISK)) {
                command.addAll(
                        List.of(
                                "-drive",
                                "if=none,id=disk,format=raw,aio=io_uring,file="
                                        + folder.resolve("disk"),
                                "-device",
                                "nvme,drive=disk,serial=lab,bus=pci.0,addr=4.0"));
                n++;
            } else if (option.equals("-mon") || value.contains("id=qmp")) {
                n++; // nobody listens there
            } else {
                command.add(option);
            }
        }
        return command;
    }

    /** One for each folder. */
    private static String mac(Path folder) {
        return "52:54:00:00:00:%02x".formatted(folder.getFileName().toString().hashCode() & 0xff);
    }

    /** Boots; returns when init has started the agent. */
    PlainQemu(List<String> command, Path folder) throws IOException {
        Path socket = folder.resolve("agent");
        Files.deleteIfExists(socket);
        try (ServerSocketChannel agents = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            agents.bind(UnixDomainSocketAddress.of(socket));
            process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(folder.resolve("qemu.log").toFile())
                            .start();
            agent = agents.accept();
        }
        in = new DataInputStream(Channels.newInputStream(agent));
        out = new DataOutputStream(Channels.newOutputStream(agent));
        try {
            out.write(SYN);
            int last = 0;
            while (last != READY) { // before that the terminal echoes
                last = last << 8 | in.readUnsignedByte();
            }
        } catch (IOException e) {
            String said = Files.readString(folder.resolve("qemu.log")).strip();
            throw new IOException("QEMU has ended: " + said, e);
        }
    }

    /** What a command prints; IOException where it fails. */
    String output(String... arguments) throws IOException {
        byte[] request =
                ("\0\0\0\0" + String.join("\0", arguments)).getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < request.length; at += MOST_PAYLOAD) {
            send('A', request, at, Math.min(MOST_PAYLOAD, request.length - at));
        }
        send('G', request, 0, 0);
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        while (true) {
            int type = in.readUnsignedByte();
            byte[] payload = in.readNBytes(in.readUnsignedShort());
            switch (type) {
                case 'O' -> output.writeBytes(payload);
                case 'D' -> System.err.write(payload);
                case 'X' -> {
                    String status = new String(payload, StandardCharsets.US_ASCII);
                    if (!status.equals("0")) {
                        throw new IOException(String.join(" ", arguments) + ": status " + status);
                    }
                    return output.toString(StandardCharsets.UTF_8);
                }
                default -> {} // started, ready, more input welcome
            }
        }
    }

    private void send(char type, byte[] bytes, int from, int count) throws IOException {
        out.write(type);
        out.writeShort(count);
        out.write(bytes, from, count);
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        agent.close();
        process.onExit().join();
    }
}
