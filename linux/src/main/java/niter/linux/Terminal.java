package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/** The terminal behind a descriptor. ioctl_tty(2), x86-64. */
public final class Terminal {
    private static final int TCGETS = 0x5401;
    private static final int TCSETS = 0x5402;
    private static final int TIOCGWINSZ = 0x5413;

    // The kernel's struct termios: u32 input, output, control and local modes, u8 line discipline,
    // 19 control characters.
    private static final int TERMIOS_BYTES = 36;
    private static final int OUTPUT = 4;
    private static final int CONTROL = 8;
    private static final int LOCAL = 12;
    private static final int CHARACTERS = 17;
    private static final int VTIME = 5;
    private static final int VMIN = 6;

    // As cfmakeraw(3): IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON; OPOST; ECHO ECHONL
    // ICANON ISIG IEXTEN; CSIZE PARENB, and CS8.
    private static final int NOT_INPUT = 0x5eb;
    private static final int NOT_OUTPUT = 0x1;
    private static final int NOT_LOCAL = 0x804b;
    private static final int NOT_CONTROL = 0x130;
    private static final int CS8 = 0x30;

    private Terminal() {}

    /**
     * A window's size in characters.
     *
     * @param rows 0 where nobody knows
     * @param columns 0 where nobody knows
     */
    public record Size(int rows, int columns) {}

    /** How a terminal treats what is typed and printed, for {@link #restore}. */
    public static final class Settings {
        private final byte[] termios;

        private Settings(byte[] termios) {
            this.termios = termios;
        }
    }

    /** Whether a descriptor is a terminal. */
    public static boolean isTerminal(int fd) {
        return Libc.syscall(SystemCall.IOCTL, fd, TCGETS, Libc.scratch(), 0, 0, 0) == 0;
    }

    /** Passes bytes as they are, without echo, lines or signals. The settings of before. */
    public static Settings makeRaw(int fd) {
        long at = Libc.scratch();
        control(fd, TCGETS, "TCGETS", at);
        MemorySegment termios = Memory.all().asSlice(at, TERMIOS_BYTES);
        Settings before = new Settings(termios.toArray(JAVA_BYTE));
        termios.set(JAVA_INT, 0, termios.get(JAVA_INT, 0) & ~NOT_INPUT);
        termios.set(JAVA_INT, OUTPUT, termios.get(JAVA_INT, OUTPUT) & ~NOT_OUTPUT);
        termios.set(JAVA_INT, CONTROL, termios.get(JAVA_INT, CONTROL) & ~NOT_CONTROL | CS8);
        termios.set(JAVA_INT, LOCAL, termios.get(JAVA_INT, LOCAL) & ~NOT_LOCAL);
        termios.set(JAVA_BYTE, CHARACTERS + VTIME, (byte) 0);
        termios.set(JAVA_BYTE, CHARACTERS + VMIN, (byte) 1); // one byte is enough to return
        control(fd, TCSETS, "TCSETS", at);
        return before;
    }

    /** Goes back to the settings of before. */
    public static void restore(int fd, Settings settings) {
        long at = Libc.scratch();
        MemorySegment.copy(settings.termios, 0, Memory.all(), JAVA_BYTE, at, TERMIOS_BYTES);
        control(fd, TCSETS, "TCSETS", at);
    }

    /** The window's size now. */
    public static Size size(int fd) {
        long at = Libc.scratch();
        control(fd, TIOCGWINSZ, "TIOCGWINSZ", at); // struct winsize: u16 rows, columns, pixels
        int rows = Short.toUnsignedInt(Memory.all().get(JAVA_SHORT, at));
        int columns = Short.toUnsignedInt(Memory.all().get(JAVA_SHORT, at + Short.BYTES));
        return new Size(rows, columns);
    }

    private static void control(int fd, int request, String name, long argument) {
        long result = Libc.restarted(SystemCall.IOCTL, fd, request, argument, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("ioctl(" + fd + ", " + name + ")", (int) -result);
        }
    }
}
