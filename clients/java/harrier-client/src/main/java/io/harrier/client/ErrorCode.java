package io.harrier.client;

import io.harrier.client.internal.Codes;

/** The kind of a {@link HarrierException}. */
public enum ErrorCode {
    /** The call breaks a rule; the same call fails again. */
    INVALID,
    /** This transaction id was scored before with other content. */
    ID_CONFLICT,
    /** Over a limit: bytes of a message, items of a call. */
    TOO_LARGE,
    /** No such transaction, entity or list. */
    NOT_FOUND,
    /** The server does not have this call, or not this version of the protocol. */
    UNSUPPORTED,
    /** The token is missing or wrong, or lacks the scope of this call. */
    DENIED,
    /** Sent, but not answered in time; or the server reported that it was too late. */
    DEADLINE,
    /** No server accepted the request in time, none is the primary, or it was sent again too often. */
    UNAVAILABLE,
    /** As many requests in flight as allowed, until the deadline. */
    BUSY,
    /** The server refused it at once, because it would not have answered in time. Nothing happened. */
    OVERLOADED,
    /** The client is closed, or was closed during the call. */
    CLOSED,
    /** A defect of the server. */
    INTERNAL,
    /** The answer cannot be decoded, or does not match the request. */
    PROTOCOL;

    /**
     * The name in all clients, and in metrics.
     *
     * @return such as {@code "id_conflict"}
     */
    public String code() {
        return Codes.lower(this);
    }

    /** Whether fallback decisions replace an error that ends a whole call. */
    boolean standsForCall() {
        return switch (this) {
            case DEADLINE, UNAVAILABLE, BUSY, OVERLOADED, INTERNAL, PROTOCOL -> true;
            default -> false;
        };
    }

    /** Whether a fallback decision replaces the error of one transaction in a call that was answered. */
    boolean standsForTransaction() {
        return switch (this) {
            case DEADLINE, UNAVAILABLE, OVERLOADED, INTERNAL -> true;
            default -> false;
        };
    }
}
