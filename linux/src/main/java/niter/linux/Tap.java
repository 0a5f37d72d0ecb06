package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * TAP devices: network interfaces whose frames a program sends and receives. Linux's tuntap.rst.
 */
public final class Tap {
    private static final Path CONTROL = Path.of("/dev/net/tun");
    private static final int TUNSETIFF = 0x4004_54ca;
    private static final int SIOCGIFHWADDR = 0x8927;
    private static final short IFF_TAP = 0x0002;
    private static final short IFF_NO_PI = 0x1000;

    // struct ifreq: the name and, of a union, the flags or a struct sockaddr with the address.
    private static final int NAME_BYTES = 16;
    private static final int ADDRESS = 18;
    private static final int ADDRESS_BYTES = 6;
    private static final int IFREQ_BYTES = 40;

    private Tap() {}

    /**
     * Attaches to a device, and leaves it at once. With CAP_NET_ADMIN one that is not there is made
     * for that time.
     *
     * @param name at most 15 ASCII characters
     * @return its MAC address
     * @throws LinuxException EPERM if it is another user's, EBUSY if a program has it, EINVAL if it
     *     is no TAP device
     */
    public static byte[] probe(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        if (bytes.length == 0 || bytes.length >= NAME_BYTES) {
            throw new IllegalArgumentException("name: expected 1 to 15 characters, got " + name);
        }
        try (Descriptor control = FileIo.open(CONTROL, FileIo.O_RDWR, 0)) {
            long at = Libc.scratch();
            MemorySegment request = Memory.all().asSlice(at, IFREQ_BYTES).fill((byte) 0);
            MemorySegment.copy(bytes, 0, request, JAVA_BYTE, 0, bytes.length);
            request.set(JAVA_SHORT, NAME_BYTES, (short) (IFF_TAP | IFF_NO_PI));
            control(control, TUNSETIFF, name, at);
            control(control, SIOCGIFHWADDR, name, at);
            return request.asSlice(ADDRESS, ADDRESS_BYTES).toArray(JAVA_BYTE);
        }
    }

    private static void control(Descriptor tun, int request, String name, long argument) {
        long result = Libc.restarted(SystemCall.IOCTL, tun.number(), request, argument, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of(CONTROL + " for " + name, (int) -result);
        }
    }
}
