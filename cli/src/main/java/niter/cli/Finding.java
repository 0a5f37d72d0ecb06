package niter.cli;

import java.util.Locale;

/**
 * What a check found.
 *
 * @param what was checked
 * @param found how it is; where it is not well, also the mend
 */
record Finding(Level level, String what, String found) {
    /** Well; slower or poorer than it could be; does not work. */
    enum Level {
        OK,
        NOTE,
        BROKEN
    }

    static Finding ok(String what, String found) {
        return new Finding(Level.OK, what, found);
    }

    static Finding note(String what, String found) {
        return new Finding(Level.NOTE, what, found);
    }

    static Finding broken(String what, String found) {
        return new Finding(Level.BROKEN, what, found);
    }

    /** One line: "ok memory: 12 GiB available". */
    String line() {
        return "%-7s %s: %s".formatted(level.name().toLowerCase(Locale.ROOT), what, found);
    }
}
