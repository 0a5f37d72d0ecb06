package niter.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import niter.images.Engine;
import org.jspecify.annotations.Nullable;

/**
 * The engine's QEMU without a guest: its processor is stopped before its first instruction, and
 * each access is asked for by QEMU's qtest protocol, a line of text that is answered by "OK" and
 * what was read. What a management program says goes by QMP. For one thread.
 */
final class QtestMachine implements AutoCloseable {
    /** A board, and where its host bridge, 00:00.0, has the registers that move memory. */
    enum Board {
        PC("pc", "pci.0", 0x59, 0x72),
        Q35("q35", "pcie.0", 0x90, 0x9d);

        private final String machine;
        private final String bus;

        /** The first of seven registers PAM, which say what lies at 0xc0000 to 0xfffff. */
        final int pam;

        /** Bit 6, D_OPEN, brings memory to 0xa0000 to 0xbffff. */
        final int smram;

        Board(String machine, String bus, int pam, int smram) {
            this.machine = machine;
            this.bus = bus;
            this.pam = pam;
            this.smram = smram;
        }
    }

    /** What a test waits for. */
    interface Condition {
        boolean holds() throws IOException;
    }

    static final int RAM_MIB = 64;

    private static final int CONFIG_ADDRESS = 0xcf8;
    private static final int CONFIG_DATA = 0xcfc;
    private static final int MEMORY_HOT_PLUG = 0xa00; // docs/specs/acpi_mem_hotplug.rst
    private static final int PCI_HOT_PLUG = 0xae00; // docs/specs/acpi_pci_hotplug.rst
    private static final String SUFFIXES = " bw l   q"; // by bytes
    private static final long PATIENCE_NANOS = 5_000_000_000L;
    private static final long PAUSE_NANOS = 200_000;

    final Board board;

    private final Path log;
    private final Process process;
    private final Line accesses;
    private final Line monitor;
    private final List<String> events = new ArrayList<>();

    /** One of the two connections that QEMU makes to us. */
    private record Line(SocketChannel channel, BufferedReader in, OutputStream out) {
        static Line of(SocketChannel channel) {
            return new Line(
                    channel,
                    new BufferedReader(Channels.newReader(channel, StandardCharsets.US_ASCII)),
                    Channels.newOutputStream(channel));
        }

        void say(String line) throws IOException {
            out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        }
    }

    /**
     * Starts it.
     *
     * @param folder for its sockets and what it prints
     * @param functions the sockets of its functions, at 00:04.0 and on
     */
    QtestMachine(Engine engine, Board board, Path folder, List<Path> functions) throws IOException {
        this.board = board;
        log = folder.resolve("qemu.log");
        List<String> command = new ArrayList<>(engine.command());
        for (Path firmware : engine.firmwareDirectories()) {
            command.addAll(List.of("-L", firmware.toString()));
        }
        // A display adapter, for what lies at 0xa0000 when memory does not.
        String fixed =
                "-machine %s,memory-backend=ram -m size=%dM,slots=1,maxmem=1G -object"
                        + " memory-backend-memfd,id=ram,size=%dM,share=on,seal=on -accel tcg -S"
                        + " -nodefaults -no-user-config -display none -device VGA,romfile="
                        + " -qtest-log none";
        command.addAll(List.of(fixed.formatted(board.machine, RAM_MIB, RAM_MIB).split(" ")));
        command.addAll(List.of("-qtest", "unix:" + folder.resolve("qtest")));
        command.addAll(List.of("-qmp", "unix:" + folder.resolve("qmp")));
        for (int n = 0; n < functions.size(); n++) {
            command.addAll(List.of("-device", function(4 + n, functions.get(n))));
        }
        try (ServerSocketChannel qtest = listen(folder.resolve("qtest"));
                ServerSocketChannel qmp = listen(folder.resolve("qmp"))) {
            process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
            process.onExit().thenRun(() -> close(qtest, qmp)); // or we would wait for ever
            accesses = Line.of(qtest.accept());
            monitor = Line.of(qmp.accept());
        } catch (ClosedChannelException e) {
            throw ended();
        }
        qmp("{'execute':'qmp_capabilities'}"); // answered once the machine is complete
    }

    private static ServerSocketChannel listen(Path socket) throws IOException {
        Files.deleteIfExists(socket);
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(socket));
    }

    private static void close(ServerSocketChannel... sockets) {
        try {
            for (ServerSocketChannel socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * As the hypervisor has it, but for the patience: on a machine that is busy, a card that was
     * killed may be away for more than QEMU's five seconds.
     */
    private String function(int slot, Path socket) {
        return """
        {'driver':'vfio-user-pci','id':'function%1$d','bus':'%2$s','addr':'%1$d.0',\
        'x-msg-timeout':60000,'socket':{'type':'unix','path':'%3$s'}}"""
                .formatted(slot, board.bus, socket);
    }

    // ---- what a processor does

    private String ask(String line) throws IOException {
        accesses.say(line);
        @Nullable String answer = accesses.in.readLine();
        if (answer == null) {
            throw ended();
        }
        if (!answer.startsWith("OK")) {
            throw new IOException(line + ": " + answer);
        }
        return answer.substring(2).strip();
    }

    private static long number(String answer) {
        return Long.parseUnsignedLong(answer.substring(2), 16);
    }

    /** Reads 1, 2, 4 or 8 bytes. */
    long read(long address, int bytes) throws IOException {
        return number(ask("read%c 0x%x".formatted(SUFFIXES.charAt(bytes), address)));
    }

    /** Writes 1, 2, 4 or 8 bytes. */
    void write(long address, int bytes, long value) throws IOException {
        long low = bytes == 8 ? value : value & (1L << 8 * bytes) - 1;
        ask("write%c 0x%x 0x%x".formatted(SUFFIXES.charAt(bytes), address, low));
    }

    /** Any number of bytes of memory. */
    byte[] bytes(long address, int count) throws IOException {
        return HexFormat.of()
                .parseHex(ask("read 0x%x 0x%x".formatted(address, count)).substring(2));
    }

    /** Zeroes in memory. */
    void clear(long address, int count) throws IOException {
        ask("memset 0x%x 0x%x 0x0".formatted(address, count));
    }

    private void out(int port, int bytes, long value) throws IOException {
        ask("out%c 0x%x 0x%x".formatted(SUFFIXES.charAt(bytes), port, value));
    }

    /** Reads 1, 2 or 4 bytes of a configuration space; they lie within a doubleword. */
    long config(int slot, int offset, int bytes) throws IOException {
        select(slot, offset);
        int port = CONFIG_DATA + (offset & 3);
        return number(ask("in%c 0x%x".formatted(SUFFIXES.charAt(bytes), port)));
    }

    /** Writes there. */
    void config(int slot, int offset, int bytes, long value) throws IOException {
        select(slot, offset);
        out(CONFIG_DATA + (offset & 3), bytes, value & (1L << 8 * bytes) - 1);
    }

    private void select(int slot, int offset) throws IOException {
        out(CONFIG_ADDRESS, 4, 0x8000_0000L | slot << 11 | offset & ~3);
    }

    // ---- what a management program does

    /** QMP's answer to a command; an IOException where it is an error. */
    String qmp(String command) throws IOException {
        monitor.say(command);
        while (true) {
            String line = next();
            if (line.startsWith("{\"return\"")) {
                return line;
            }
            if (line.startsWith("{\"error\"")) {
                throw new IOException(command + ": " + line);
            }
            events.add(line);
        }
    }

    /** Waits for an event in which all these words are, and forgets those before it. */
    void awaitEvent(String... words) throws IOException {
        while (true) {
            String line = events.isEmpty() ? next() : events.removeFirst();
            if (List.of(words).stream().allMatch(line::contains)) {
                return;
            }
        }
    }

    private String next() throws IOException {
        @Nullable String line = monitor.in.readLine();
        if (line == null) {
            throw ended();
        }
        return line;
    }

    /** Plugs a function in. */
    void plug(int slot, Path socket) throws IOException {
        qmp("{'execute':'device_add','arguments':" + function(slot, socket) + "}");
    }

    /** Unplugs it, the guest's part in it included; of a pc. */
    void unplug(int slot) throws IOException {
        qmp("{'execute':'device_del','arguments':{'id':'function%d'}}".formatted(slot));
        out(PCI_HOT_PLUG + 8, 4, 1L << slot);
        awaitEvent("DEVICE_DELETED", "function" + slot);
    }

    /** Plugs the memory module of this backend in; where it lies. */
    long plugMemory(String backend) throws IOException {
        qmp(
                "{'execute':'device_add','arguments':{'driver':'pc-dimm','id':'dimm','memdev':'%s'}}"
                        .formatted(backend));
        String devices = qmp("{'execute':'query-memory-devices'}");
        return Long.parseLong(devices.replaceAll(".*\"addr\": ([0-9]+).*", "$1"));
    }

    /** Unplugs it, the guest's part in it included. */
    void unplugMemory() throws IOException {
        qmp("{'execute':'device_del','arguments':{'id':'dimm'}}");
        out(MEMORY_HOT_PLUG, 4, 0); // the module's slot
        out(MEMORY_HOT_PLUG + 0x14, 1, 8); // eject
        awaitEvent("DEVICE_DELETED", "\"dimm\"");
    }

    // ----

    /** Waits until the condition holds; an IOException where it does not within a minute. */
    static void await(String what, Condition condition) throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                throw new IOException("waited in vain: " + what);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private IOException ended() throws IOException {
        return new IOException("QEMU has ended: " + Files.readString(log).strip());
    }

    /** Kills it. */
    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        process.onExit().join();
        accesses.channel.close();
        monitor.channel.close();
    }
}
