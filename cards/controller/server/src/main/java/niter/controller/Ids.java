package niter.controller;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.UUID;

/** Makes identifiers as EC2 spells them: a prefix and 17 hexadecimal digits, the first one 0. */
final class Ids {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int RANDOM_BYTES = 8;

    private Ids() {}

    /** A new one: {@code i-0123456789abcdef0}. */
    static String make(String prefix) {
        byte[] bytes = new byte[RANDOM_BYTES];
        RANDOM.nextBytes(bytes);
        return prefix + "-0" + HexFormat.of().formatHex(bytes);
    }

    /** A machine's UUID: lower case, beginning with ec2, by which guests know where they run. */
    static String uuid() {
        return "ec2" + UUID.randomUUID().toString().substring(3);
    }
}
