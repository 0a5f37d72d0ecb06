package niter.images;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/** An instance of an image on plain QEMU with QEMU's own NVMe: no card of ours is in the way. */
final class Guest implements AutoCloseable {
    private static final int READY = 'R' << 24 | 1 << 8 | '1'; // type, length 1, protocol 1
    private static final int SYN = 0x16;

    private final Path disk;
    private final Path console;
    private final Process process;
    private final SocketChannel agent;
    private final SocketChannel monitor;
    private final DataInputStream in;
    private final DataOutputStream out;

    /** How a command ended. */
    record Ended(int status, byte[] output, byte[] errors) {
        String text() {
            return new String(output, StandardCharsets.UTF_8);
        }

        String errorText() {
            return new String(errors, StandardCharsets.UTF_8);
        }
    }

    Guest(Engine engine, Image image, Path folder, String... devices) throws IOException {
        disk = folder.resolve("disk");
        console = folder.resolve("console");
        Command.Result copied =
                Command.run(
                        List.of("cp", "--sparse=always", image.rootDisk() + "", disk + ""),
                        java.util.Map.of());
        if (!copied.good()) {
            throw new IOException(copied.complaint());
        }
        try (ServerSocketChannel agents = listen(folder.resolve("agent"));
                ServerSocketChannel monitors = listen(folder.resolve("qmp"))) {
            process =
                    new ProcessBuilder(command(engine, image, folder, devices))
                            .redirectErrorStream(true)
                            .redirectOutput(folder.resolve("qemu").toFile())
                            .start();
            monitor = monitors.accept();
            agent = agents.accept();
        }
        in = new DataInputStream(Channels.newInputStream(agent));
        out = new DataOutputStream(Channels.newOutputStream(agent));
        awaitReady();
    }

    private static ServerSocketChannel listen(Path socket) throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(socket));
    }

    private List<String> command(Engine engine, Image image, Path folder, String... devices) {
        List<String> command = new ArrayList<>(engine.command());
        for (Path firmware : engine.firmwareDirectories()) {
            command.addAll(List.of("-L", firmware.toString()));
        }
        String text =
                "-M pc -cpu max -m 512 -nodefaults -no-user-config -display none -no-reboot -accel "
                        + (engine.kvm() ? "kvm" : "tcg")
                        + " -kernel "
                        + image.kernel()
                        + " -drive if=none,id=d,format=raw,cache=unsafe,file="
                        + disk
                        + " -device nvme,drive=d,serial=test -chardev file,id=console,path="
                        + console
                        + " -device isa-serial,chardev=console -chardev socket,id=agent,path="
                        + folder.resolve("agent")
                        + " -device isa-serial,chardev=agent -qmp unix:"
                        + folder.resolve("qmp");
        command.addAll(List.of(text.split(" ")));
        command.addAll(List.of("-append", image.commandLine()));
        command.addAll(List.of(devices));
        return command;
    }

    /** Skips what the terminal echoed before the agent had made it raw. */
    private void awaitReady() throws IOException {
        out.write(SYN);
        int last = 0;
        while (last != READY) {
            last = last << 8 | in.readUnsignedByte();
        }
    }

    /** Runs a command with pipes. */
    Ended run(byte[] input, String... arguments) throws IOException {
        return run("", input, (type, payload) -> {}, arguments);
    }

    /**
     * Runs a command.
     *
     * @param flags "t" for a terminal of 24 rows and 80 columns
     * @param heard hears each frame of output; may {@link #send} meanwhile
     */
    Ended run(String flags, byte[] input, BiConsumer<Character, String> heard, String... arguments)
            throws IOException {
        String request = flags + "\0xterm\00024\00080\0" + String.join("\0", arguments);
        byte[] bytes = request.getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < bytes.length; at += 1000) {
            send('A', bytes, at, Math.min(1000, bytes.length - at));
        }
        send('G', "");
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int sent = 0;
        int credit = 0;
        boolean open = true;
        while (true) {
            int type = in.readUnsignedByte();
            byte[] payload = in.readNBytes(in.readUnsignedShort());
            String text = new String(payload, StandardCharsets.ISO_8859_1);
            heard.accept((char) type, text);
            switch (type) {
                case 'O' -> output.writeBytes(payload);
                case 'D' -> errors.writeBytes(payload);
                case 'C' -> credit += Integer.parseInt(text);
                case 'X' -> {
                    return new Ended(
                            Integer.parseInt(text), output.toByteArray(), errors.toByteArray());
                }
                default -> {} // S, or R for a second SYN
            }
            while (credit > 0 && sent < input.length) {
                int count = Math.min(Math.min(credit, 1024), input.length - sent);
                send('I', input, sent, count);
                sent += count;
                credit -= count;
            }
            if (open && sent == input.length && type == 'C') {
                send('E', "");
                open = false;
            }
        }
    }

    void send(char type, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        send(type, bytes, 0, bytes.length);
    }

    private void send(char type, byte[] bytes, int from, int count) {
        try {
            out.write(type);
            out.writeShort(count);
            out.write(bytes, from, count);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Presses the power button and waits until the machine is off. */
    boolean powerDown() throws IOException, InterruptedException {
        OutputStream to = Channels.newOutputStream(monitor);
        String capabilities = "{\"execute\":\"qmp_capabilities\"}";
        to.write(capabilities.getBytes(StandardCharsets.UTF_8));
        to.write("{\"execute\":\"system_powerdown\"}".getBytes(StandardCharsets.UTF_8));
        InputStream from = Channels.newInputStream(monitor);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        from.transferTo(said); // until QEMU closes it
        return process.waitFor(20, TimeUnit.SECONDS)
                && said.toString(StandardCharsets.UTF_8).contains("\"SHUTDOWN\"");
    }

    Path disk() {
        return disk;
    }

    String consoleText() throws IOException {
        return Files.readString(console, StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        agent.close();
        monitor.close();
    }
}
