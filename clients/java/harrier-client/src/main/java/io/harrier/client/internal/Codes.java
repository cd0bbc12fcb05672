package io.harrier.client.internal;

import java.util.Locale;

/** Names of enums as the other clients, the metrics and the policies spell them. */
public final class Codes {
    private Codes() {}

    public static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
