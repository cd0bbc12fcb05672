package io.harrier.client.internal.transport;

/** W3C Trace Context version 00. */
public final class Traceparent {
    static final int LENGTH = 55;

    private Traceparent() {}

    /** {@code 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}}, neither id all zeros. */
    public static boolean isWellFormed(String text) {
        if (text == null || text.length() != LENGTH || !text.startsWith("00-")) {
            return false;
        }
        for (int i = 3; i < LENGTH; i++) {
            char c = text.charAt(i);
            boolean right = i == 35 || i == 52 ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            if (!right) {
                return false;
            }
        }
        return !isZero(text, 3, 35) && !isZero(text, 36, 52);
    }

    private static boolean isZero(String text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text.charAt(i) != '0') {
                return false;
            }
        }
        return true;
    }
}
