package io.harrier.client;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Pseudonyms as the server makes them of a field with {@code protect: hmac}. */
public final class Pseudonyms {
    private static final int KEY_BYTES_MIN = 32;
    private static final int DOMAIN_BYTES_MAX = 64;
    private static final int VALUE_BYTES_MAX = 1024;
    private static final int MAC_BYTES = 16;
    private static final String DIGITS = "abcdefghijklmnopqrstuvwxyz234567";
    private static final Pattern KEY_ID = Pattern.compile("[a-z0-9]{1,8}");
    private static final Pattern PSEUDONYM = Pattern.compile("p1\\.[a-z0-9]{1,8}\\.[a-z2-7]{25}[aeimquy4]");

    private Pseudonyms() {}

    /**
     * The pseudonym of a value by this key. The value is taken as it is: trim and fold it before, if the server's values
     * are.
     *
     * @param key the secret, at least 32 bytes
     * @param keyId its id in the server's file of keys
     * @param domain the name of the protected field, or its {@code protect_as}
     * @param value the clear value
     * @return such as {@code p1.k1.jtf2noxhbpijpjo5qxfv4dmsmi}
     * @throws IllegalArgumentException if an argument is invalid
     */
    public static String of(byte[] key, String keyId, String domain, String value) {
        byte[] domainBytes = domain.getBytes(StandardCharsets.UTF_8);
        byte[] valueBytes = value.getBytes(StandardCharsets.UTF_8);
        if (key.length < KEY_BYTES_MIN) {
            throw new IllegalArgumentException(
                    "the key has " + key.length + " bytes; expected at least " + KEY_BYTES_MIN);
        }
        if (!KEY_ID.matcher(keyId).matches()) {
            throw new IllegalArgumentException("a key id has 1 to 8 small letters and digits");
        }
        if (domainBytes.length == 0 || domainBytes.length > DOMAIN_BYTES_MAX || domain.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("expected a field's name of at most " + DOMAIN_BYTES_MAX + " bytes");
        }
        if (valueBytes.length > VALUE_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "the value has " + valueBytes.length + " bytes; expected at most " + VALUE_BYTES_MAX);
        }
        return "p1." + keyId + "." + base32(mac(key, domainBytes, valueBytes));
    }

    /**
     * Whether a value has exactly the form of a pseudonym.
     *
     * @param value any text
     * @return true if it has
     */
    public static boolean isPseudonym(String value) {
        return PSEUDONYM.matcher(value).matches();
    }

    private static byte[] mac(byte[] key, byte[] domain, byte[] value) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update(domain);
            mac.update((byte) 0);
            return mac.doFinal(value);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    private static String base32(byte[] mac) {
        StringBuilder text = new StringBuilder();
        int bits = 0;
        int count = 0;
        for (int i = 0; i < MAC_BYTES; i++) {
            bits = (bits << 8 | (mac[i] & 0xff)) & 0xfff;
            for (count += 8; count >= 5; count -= 5) {
                text.append(DIGITS.charAt(bits >> (count - 5) & 31));
            }
        }
        return text.append(DIGITS.charAt(bits << (5 - count) & 31)).toString();
    }
}
