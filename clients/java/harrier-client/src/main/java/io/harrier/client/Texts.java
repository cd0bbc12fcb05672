package io.harrier.client;

/** Texts that can be encoded as UTF-8. */
final class Texts {
    private Texts() {}

    /** A surrogate without its other half is in no encoding of UTF-8. */
    static String check(String field, String text) {
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else {
                throw HarrierException.invalid(field, "a lone surrogate at " + i + "; expected Unicode characters");
            }
        }
        return text;
    }
}
