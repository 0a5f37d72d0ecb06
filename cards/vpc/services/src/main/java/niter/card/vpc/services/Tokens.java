package niter.card.vpc.services;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * IMDSv2's session tokens: signed, not stored, so that there is nothing that a guest could fill and
 * nothing that a restart loses but the key, which the keeper holds. A token says when it ends;
 * whose it is goes into the signature only, so that another's is as good as a forged one.
 *
 * <pre>
 * u8 version  u48 end, Unix milliseconds  u24 random  32 bytes HMAC-SHA256     56 characters
 * </pre>
 */
final class Tokens {
    static final int KEY_BYTES = 32;
    static final Duration LONGEST = Duration.ofSeconds(21_600);

    private static final int VERSION = 1;
    private static final int SIGNED = 10;
    private static final int BYTES = SIGNED + 32;
    private static final int CHARACTERS = BYTES / 3 * 4;
    private static final String ALGORITHM = "HmacSHA256";

    private final SecretKeySpec key;
    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();

    Tokens(byte[] key, InstantSource clock) {
        this.key = new SecretKeySpec(key, ALGORITHM);
        this.clock = clock;
    }

    /**
     * A new token.
     *
     * @param scope who may use it
     */
    String issue(String scope, Duration life) {
        byte[] token = new byte[BYTES];
        long end = clock.millis() + life.toMillis();
        ByteBuffer.wrap(token)
                .putLong((long) VERSION << 56 | end << 8 | random.nextInt(256))
                .putShort((short) random.nextInt());
        System.arraycopy(sign(token, scope), 0, token, SIGNED, BYTES - SIGNED);
        return Base64.getUrlEncoder().encodeToString(token);
    }

    /** Whether it was issued for that scope and has not ended. */
    boolean isGood(String text, String scope) {
        if (text.length() != CHARACTERS) {
            return false;
        }
        byte[] token;
        try {
            token = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            return false;
        }
        if (token.length != BYTES) {
            return false;
        }
        byte[] signature = new byte[BYTES - SIGNED];
        System.arraycopy(token, SIGNED, signature, 0, signature.length);
        boolean genuine = MessageDigest.isEqual(signature, sign(token, scope));
        long first = ByteBuffer.wrap(token).getLong();
        long left = (first >>> 8 & 0xffff_ffff_ffffL) - clock.millis();
        return genuine && first >>> 56 == VERSION && left > 0 && left <= LONGEST.toMillis();
    }

    private byte[] sign(byte[] token, String scope) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            mac.update(token, 0, SIGNED);
            return mac.doFinal(scope.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new AssertionError("every Java has " + ALGORITHM, e);
        }
    }
}
