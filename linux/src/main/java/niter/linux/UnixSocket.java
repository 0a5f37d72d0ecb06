package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Unix sockets that pass descriptors. All descriptors made or received here are closed on exec, and
 * no send raises SIGPIPE. Calls that wait belong on platform threads.
 */
public final class UnixSocket {
    public static final int MSG_PEEK = 0x2;
    public static final int MSG_CTRUNC = 0x8;
    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_WAITALL = 0x100;
    public static final int MSG_NOSIGNAL = 0x4000;
    public static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private static final int AF_UNIX = 1;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_PEERCRED = 17;
    private static final long SIOCOUTQ = 0x5411;
    private static final int SHUT_RDWR = 2;
    private static final int O_PATH = 0x20_0000;
    private static final int OWNER_ONLY = 0600;

    // struct sockaddr_un: u16 family, 108 bytes of path with its NUL.
    private static final long ADDRESS_BYTES = 110;
    private static final int MAX_PATH_BYTES = 107;

    // struct ucred: pid, uid, gid.
    private static final int CREDENTIALS_BYTES = 12;

    /** Stream: bytes. Seqpacket: messages with boundaries. */
    public enum Type {
        STREAM(1),
        SEQPACKET(5);

        private final int number;

        Type(int number) {
            this.number = number;
        }
    }

    private UnixSocket() {}

    /**
     * Listens at a path, accessible to this user only. A socket left there by a dead process gives
     * way; a file that is no socket does not.
     */
    public static Descriptor listen(Path path, Type type, int backlog) {
        Descriptor socket = create(type);
        try {
            int fd = socket.number();
            removeStale(path);
            // Before bind: the socket's mode becomes the mode of the file that bind makes.
            check(Libc.syscall(SystemCall.FCHMOD, fd, OWNER_ONLY, 0, 0, 0, 0), "fchmod", fd, path);
            withAddress(SystemCall.BIND, "bind", fd, path);
            check(Libc.syscall(SystemCall.LISTEN, fd, backlog, 0, 0, 0, 0), "listen", fd, path);
            return socket;
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** The next connection, or null where a non-blocking listener has none. */
    public static @Nullable Descriptor accept(Descriptor listener) {
        int fd = listener.number();
        long result;
        do {
            result = Libc.restarted(SystemCall.ACCEPT4, fd, 0, 0, SOCK_CLOEXEC, 0, 0);
        } while (result == -Errno.ECONNABORTED); // it left before we came to it
        if (result == -Errno.EAGAIN) {
            return null;
        }
        if (result < 0) {
            throw LinuxException.of("accept4(" + fd + ")", (int) -result);
        }
        return Descriptor.adopt((int) result);
    }

    /** Connects; ENOENT and ECONNREFUSED say that nobody listens. */
    public static Descriptor connect(Path path, Type type) {
        Descriptor socket = create(type);
        try {
            withAddress(SystemCall.CONNECT, "connect", socket.number(), path);
            return socket;
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** Two sockets connected to each other. */
    public static Descriptor[] pair(Type type) {
        long at = Libc.scratch();
        long flags = type.number | SOCK_CLOEXEC;
        long result = Libc.syscall(SystemCall.SOCKETPAIR, AF_UNIX, flags, 0, at, 0, 0);
        if (result < 0) {
            throw LinuxException.of("socketpair(AF_UNIX, " + name(type) + ")", (int) -result);
        }
        int first = Memory.all().get(JAVA_INT, at);
        int second = Memory.all().get(JAVA_INT, at + Integer.BYTES);
        return new Descriptor[] {Descriptor.adopt(first), Descriptor.adopt(second)};
    }

    /**
     * Ends both directions: the peer reads its end, and a thread of ours that waits here returns.
     */
    public static void shutdown(int fd) {
        long result = Libc.syscall(SystemCall.SHUTDOWN, fd, SHUT_RDWR, 0, 0, 0, 0);
        if (result < 0 && result != -Errno.ENOTCONN) {
            throw LinuxException.of("shutdown(" + fd + ", SHUT_RDWR)", (int) -result);
        }
    }

    public static void setNonBlocking(int fd, boolean nonBlocking) {
        FileIo.setFlag(fd, FileIo.O_NONBLOCK, nonBlocking);
    }

    /**
     * How much memory holds what was sent and the peer has not read: at most the send buffer, and
     * more than the bytes themselves. 0 where the socket cannot tell.
     */
    public static int unreadBytes(int fd) {
        long at = Libc.scratch();
        long result = Libc.syscall(SystemCall.IOCTL, fd, SIOCOUTQ, at, 0, 0, 0);
        return result < 0 ? 0 : Memory.all().get(JAVA_INT, at);
    }

    /** Process id of the peer when it connected, or of who listened, seen from its client. */
    public static int peerPid(int fd) {
        return credential(fd, 0);
    }

    /** User id of the peer when it connected. */
    public static int peerUid(int fd) {
        return credential(fd, Integer.BYTES);
    }

    private static int credential(int fd, long offset) {
        long at = Libc.scratch();
        long length = at + 16;
        Memory.all().set(JAVA_INT, length, CREDENTIALS_BYTES);
        long result =
                Libc.syscall(SystemCall.GETSOCKOPT, fd, SOL_SOCKET, SO_PEERCRED, at, length, 0);
        if (result < 0) {
            throw LinuxException.of("getsockopt(" + fd + ", SO_PEERCRED)", (int) -result);
        }
        return Memory.all().get(JAVA_INT, at + offset);
    }

    /**
     * Sends one piece of memory, with descriptors where the message needs them (this allocates).
     *
     * @return bytes sent, or a negated errno
     */
    public static long send(int fd, long address, long bytes, int flags, int... descriptors) {
        try (Arena arena = Arena.ofConfined()) {
            MessageHeader message = MessageHeader.allocate(arena, 1, descriptors.length);
            message.iovec(0, address, bytes);
            message.putDescriptors(descriptors);
            return sendmsg(fd, message.address(), flags);
        }
    }

    /** sendmsg(2). Bytes sent, or a negated errno. */
    public static long sendmsg(int fd, long msghdr, int flags) {
        return Libc.restarted(SystemCall.SENDMSG, fd, msghdr, flags | MSG_NOSIGNAL, 0, 0, 0);
    }

    /** recvmsg(2). Bytes received, 0 at the end of the stream, or a negated errno. */
    public static long recvmsg(int fd, long msghdr, int flags) {
        return Libc.restarted(SystemCall.RECVMSG, fd, msghdr, flags | MSG_CMSG_CLOEXEC, 0, 0, 0);
    }

    /**
     * sendmmsg(2): messages sent, each with its msg_len written, or a negated errno if none was.
     */
    public static int sendmmsg(int fd, long mmsghdrs, int n, int flags) {
        return (int)
                Libc.restarted(SystemCall.SENDMMSG, fd, mmsghdrs, n, flags | MSG_NOSIGNAL, 0, 0);
    }

    /** recvmmsg(2) without a time limit: messages received, or a negated errno if none was. */
    public static int recvmmsg(int fd, long mmsghdrs, int n, int flags) {
        return (int)
                Libc.restarted(
                        SystemCall.RECVMMSG, fd, mmsghdrs, n, flags | MSG_CMSG_CLOEXEC, 0, 0);
    }

    private static Descriptor create(Type type) {
        long flags = type.number | SOCK_CLOEXEC;
        long fd = Libc.syscall(SystemCall.SOCKET, AF_UNIX, flags, 0, 0, 0, 0);
        if (fd < 0) {
            throw LinuxException.of("socket(AF_UNIX, " + name(type) + ")", (int) -fd);
        }
        return Descriptor.adopt((int) fd);
    }

    private static void removeStale(Path path) {
        try {
            var attributes =
                    Files.readAttributes(
                            path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (attributes.isOther()) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException e) {
            return; // nothing is there, as it should be
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void withAddress(long number, String call, int fd, Path path) {
        if (bytes(path.toString()).length <= MAX_PATH_BYTES) {
            withAddress(number, call, fd, path, path.toString());
            return;
        }
        // Too long for a socket address: reach its folder through a descriptor.
        Path absolute = path.toAbsolutePath();
        Path folder = absolute.getParent();
        Path file = absolute.getFileName();
        if (folder == null || file == null) {
            throw new IllegalArgumentException("no path of a socket: " + path);
        }
        try (Descriptor opened = FileIo.open(folder, O_PATH | FileIo.O_DIRECTORY, 0)) {
            withAddress(number, call, fd, path, "/proc/self/fd/" + opened.number() + "/" + file);
        }
    }

    private static void withAddress(long number, String call, int fd, Path path, String text) {
        byte[] bytes = bytes(text);
        if (bytes.length > MAX_PATH_BYTES) {
            throw LinuxException.of(call + "(" + fd + ", " + path + ")", Errno.ENAMETOOLONG);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(ADDRESS_BYTES, Long.BYTES); // zeroed
            address.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, address, 2, bytes.length);
            long length = address.byteSize();
            check(Libc.restarted(number, fd, address.address(), length, 0, 0, 0), call, fd, path);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void check(long result, String call, int fd, Path path) {
        if (result < 0) {
            throw LinuxException.of(call + "(" + fd + ", " + path + ")", (int) -result);
        }
    }

    private static String name(Type type) {
        return "SOCK_" + type.name();
    }
}
