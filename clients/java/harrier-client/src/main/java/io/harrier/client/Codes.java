package io.harrier.client;

import java.util.Locale;

/** Names of enums as the other clients, the metrics and the policies spell them. */
final class Codes {
    private Codes() {}

    static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
