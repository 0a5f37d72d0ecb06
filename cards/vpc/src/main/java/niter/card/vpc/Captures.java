package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import niter.pcie.Core;
import org.jspecify.annotations.Nullable;

/**
 * Where those come who want to see an interface's packets. A client's first message is the
 * interface's id; from then on it gets a pcapng file, a message for each of its blocks, until it
 * leaves or the interface does. An id that is not there ends the connection at once; who is one too
 * many is told so.
 */
final class Captures {
    private static final System.Logger LOG = System.getLogger(Captures.class.getName());
    private static final int MOST = 16; // captures at once
    private static final int MOST_CLIENTS = 2 * MOST; // with those that have not said what
    private static final int BACKLOG = 4;
    private static final int NAME_BYTES = 64;

    private final Core core;
    private final Vpc vpc;
    private final Descriptor listener;
    private final int uid;

    // The core's thread:
    private final Map<Descriptor, String> clients = new HashMap<>(); // "" before they named one
    private final MemorySegment name = Arena.ofAuto().allocate(NAME_BYTES);
    private final MessageHeader receive = MessageHeader.allocate(Arena.ofAuto(), 1, 0);

    /** Listens; nobody is heard before {@link #start}. */
    Captures(Path path, Core core, Vpc vpc) throws IOException {
        uid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        this.core = core;
        this.vpc = vpc;
        listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, BACKLOG);
        UnixSocket.setNonBlocking(listener.number(), true);
    }

    void start() {
        core.execute(() -> core.watch(listener, this::accept));
    }

    /** The listener's end; after the core's. */
    void close() {
        listener.close();
        clients.keySet().forEach(Descriptor::close);
    }

    private void accept() {
        try {
            @Nullable Descriptor client = UnixSocket.accept(listener);
            if (client == null) {
                return;
            }
            boolean own = UnixSocket.peerUid(client.number()) == uid;
            if (!own || clients.size() == MOST_CLIENTS) {
                client.close();
                return;
            }
            clients.put(client, "");
            core.watch(client, () -> readable(client));
        } catch (LinuxException e) { // out of descriptors, say: guests go first
            LOG.log(System.Logger.Level.WARNING, "no capture accepted: {0}", e.getMessage());
        }
    }

    private void readable(Descriptor client) {
        receive.iovec(0, name.address(), NAME_BYTES);
        long got = UnixSocket.recvmsg(client.number(), receive.address(), UnixSocket.MSG_DONTWAIT);
        if (got == -Errno.EAGAIN) {
            return;
        }
        @Nullable String before = clients.get(client);
        if (got <= 0 || before == null || !before.isEmpty()) {
            end(client);
            return;
        }
        byte[] bytes = name.asSlice(0, got).toArray(JAVA_BYTE);
        String id = new String(bytes, StandardCharsets.UTF_8);
        @Nullable Attachment attachment = vpc.attachment(id);
        if (attachment == null) {
            end(client);
            return;
        }
        if (clients.values().stream().filter(named -> !named.isEmpty()).count() == MOST) {
            refuse(client);
            end(client);
            return;
        }
        clients.put(client, id);
        attachment.begin(new Capture(client, attachment.config()));
    }

    /** Text, as no file begins. */
    private static void refuse(Descriptor client) {
        byte[] why =
                ("expected no more than " + MOST + " captures at once")
                        .getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(JAVA_BYTE, why);
            UnixSocket.send(client.number(), text.address(), why.length, UnixSocket.MSG_DONTWAIT);
        }
    }

    /** An interface is gone: so are those who watched it. */
    void ended(String interfaceId) {
        clients.entrySet().stream()
                .filter(client -> client.getValue().equals(interfaceId))
                .map(Map.Entry::getKey)
                .toList()
                .forEach(this::end);
    }

    private void end(Descriptor client) {
        @Nullable String id = clients.remove(client);
        @Nullable Attachment attachment = id == null ? null : vpc.attachment(id);
        if (attachment != null) {
            attachment.end(client);
        }
        core.unwatch(client);
        client.close();
    }
}
