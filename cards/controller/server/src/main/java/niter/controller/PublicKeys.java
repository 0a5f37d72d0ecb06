package niter.controller;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import niter.controller.northbound.PublicKey;

/** OpenSSH public keys for a new instance, checked before a guest relies on them. */
final class PublicKeys {
    private static final int MAX_KEYS = 5;
    private static final int MAX_KEY = 8 * 1024;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._@-]{1,64}");
    private static final Set<String> TYPES =
            Set.of(
                    "ssh-ed25519",
                    "ssh-rsa",
                    "ecdsa-sha2-nistp256",
                    "ecdsa-sha2-nistp384",
                    "ecdsa-sha2-nistp521",
                    "sk-ssh-ed25519@openssh.com",
                    "sk-ecdsa-sha2-nistp256@openssh.com");

    private PublicKeys() {}

    /**
     * Checks each.
     *
     * @throws ApiException that names the field and what was expected
     */
    static void check(List<PublicKey> keys) throws ApiException {
        require(
                keys.size() <= MAX_KEYS,
                "InvalidParameterValue: public_key: expected at most 5, got " + keys.size());
        Set<String> names = new HashSet<>();
        for (PublicKey key : keys) {
            String name = key.getName();
            require(
                    NAME.matcher(name).matches(),
                    "InvalidParameterValue: public_key.name: expected up to 64 letters, digits, .,"
                            + " _, @ and -, got "
                            + name);
            require(
                    names.add(name),
                    "InvalidParameterValue: public_key.name: " + name + " is there twice");
            require(
                    isKey(key.getOpensshKey()),
                    "InvalidKey.Format: public_key.openssh_key: expected one line as in a .pub"
                            + " file of OpenSSH");
        }
    }

    private static void require(boolean holds, String otherwise) throws ApiException {
        if (!holds) {
            throw ApiException.invalid(otherwise);
        }
    }

    private static boolean isKey(String line) {
        if (line.length() > MAX_KEY || line.chars().anyMatch(Character::isISOControl)) {
            return false;
        }
        String[] words = line.split(" ", 3);
        return words.length >= 2 && TYPES.contains(words[0]) && isOf(words[0], words[1]);
    }

    /** The encoded key begins with its type too. RFC 4253, section 6.6. */
    private static boolean isOf(String type, String encoded) {
        byte[] key;
        try {
            key = Base64.getDecoder().decode(encoded);
        } catch (IllegalArgumentException e) {
            return false;
        }
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        return key.length > Integer.BYTES + name.length
                && ByteBuffer.wrap(key).getInt() == name.length
                && ByteBuffer.wrap(key, Integer.BYTES, name.length).equals(ByteBuffer.wrap(name));
    }
}
