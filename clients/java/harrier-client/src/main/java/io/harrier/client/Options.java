package io.harrier.client;

import io.harrier.client.internal.transport.Address;
import io.harrier.client.internal.transport.Request;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/** A client's options, checked. The token is a function even if it is fixed. */
record Options(
        List<Address> addresses,
        long deadlineNanos,
        Fallback fallback,
        int retriesMax,
        int inFlightMax,
        int ejectAfter,
        Metrics metrics,
        Supplier<String> token,
        SSLContext sslContext,
        Executor executor) {

    static final int IN_FLIGHT_MOST = 1 << 20;
    private static final Duration DEADLINE_MAX = Duration.ofHours(1);

    static List<Address> parseAddresses(List<String> texts) {
        try {
            return Address.parseAll(texts);
        } catch (IllegalArgumentException wrong) {
            throw HarrierException.invalid("addresses", wrong.getMessage());
        }
    }

    /** The place of an address in the list, compared as it is written; -1: it is not there. */
    int indexOf(String text) {
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).text().equals(text)) {
                return i;
            }
        }
        return -1;
    }

    /** Returns it in nanoseconds. */
    static long checkDeadline(Duration deadline) {
        if (deadline.isNegative() || deadline.isZero() || deadline.compareTo(DEADLINE_MAX) > 0) {
            throw HarrierException.invalid("deadline", deadline + "; expected more than 0 and at most one hour");
        }
        return deadline.toNanos();
    }

    static int checkRange(String field, int value, int least, int most) {
        if (value < least || value > most) {
            throw HarrierException.invalid(field, value + "; expected " + least + " to " + most);
        }
        return value;
    }

    /** Never shows the token. Null means none. */
    static String checkToken(String token) {
        if (token == null) {
            return "";
        }
        for (int i = 0; i < token.length(); i++) {
            if (token.charAt(i) <= ' ' || token.charAt(i) > '~') {
                throw HarrierException.invalid("token", "expected printable ASCII without spaces");
            }
        }
        if (token.length() > Request.TOKEN_MAX) {
            throw HarrierException.invalid(
                    "token", token.length() + " bytes; expected at most " + Request.TOKEN_MAX);
        }
        return token;
    }

    /** The token to send now; "" for none. */
    String currentToken() {
        if (token == null) {
            return "";
        }
        String current;
        try {
            current = token.get();
        } catch (RuntimeException thrown) {
            HarrierException failure = HarrierException.invalid("token", "the token function failed");
            failure.initCause(thrown);
            throw failure;
        }
        return checkToken(current);
    }

    /** Without the token, which a record would print. */
    @Override
    public String toString() {
        return "Options[" + addresses.stream().map(Address::text).toList() + "]";
    }
}
