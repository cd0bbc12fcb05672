package io.harrier.client;

/**
 * Why a call, or one item of a call, failed. There is a subclass for each {@link ErrorCode}. No message contains a
 * token.
 */
public abstract sealed class HarrierException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Whether a call that failed may have decided its transactions. */
    public enum Decided {
        /** Certainly not. */
        NO,
        /** Perhaps. Sending the same transaction again resolves it, because an id is decided only once. */
        UNKNOWN
    }

    private final ErrorCode code;
    private final String field;
    private final Decided decided;
    private Verdict fallback;

    HarrierException(ErrorCode code, String field, String message, Decided decided) {
        super(message);
        this.code = code;
        this.field = field;
        this.decided = decided;
    }

    /**
     * The kind of error.
     *
     * @return the code that the subclass stands for
     */
    public ErrorCode code() {
        return code;
    }

    /**
     * The field at fault, as policies name it.
     *
     * @return such as {@code "currency"}; empty if no single field is at fault
     */
    public String field() {
        return field;
    }

    /**
     * Whether the call may have decided its transactions.
     *
     * @return {@link Decided#NO} if it certainly did not
     */
    public Decided decided() {
        return decided;
    }

    /**
     * The policy's verdict for what there was no time to decide.
     *
     * @return null if the server sent none
     */
    public Verdict fallback() {
        return fallback;
    }

    HarrierException withFallback(Verdict verdict) {
        fallback = verdict;
        return this;
    }

    @Override
    public String toString() {
        return code.code() + (field.isEmpty() ? "" : ": " + field) + ": " + getMessage();
    }

    static HarrierException of(ErrorCode code, String field, String message, Decided decided) {
        return switch (code) {
            case INVALID -> new Invalid(field, message, decided);
            case ID_CONFLICT -> new IdConflict(field, message, decided);
            case TOO_LARGE -> new TooLarge(field, message, decided);
            case NOT_FOUND -> new NotFound(field, message, decided);
            case UNSUPPORTED -> new Unsupported(field, message, decided);
            case DENIED -> new Denied(field, message, decided);
            case DEADLINE -> new Deadline(field, message, decided);
            case UNAVAILABLE -> new Unavailable(field, message, decided);
            case BUSY -> new Busy(field, message, decided);
            case OVERLOADED -> new Overloaded(field, message, decided);
            case CLOSED -> new Closed(field, message, decided);
            case INTERNAL -> new Internal(field, message, decided);
            case PROTOCOL -> new Protocol(field, message, decided);
        };
    }

    static HarrierException invalid(String field, String message) {
        return new Invalid(field, message, Decided.NO);
    }

    static HarrierException protocol(String message) {
        return new Protocol("", "the server's answer: " + message, Decided.UNKNOWN);
    }

    /** The same error, thrown in another thread: with that thread's stack, and this one as its cause. */
    HarrierException thrownAgain() {
        HarrierException again = of(code, field, getMessage(), decided);
        again.initCause(this);
        return again;
    }

    /** The call breaks a rule; the same call fails again. {@link #field} names what is wrong. */
    public static final class Invalid extends HarrierException {
        private static final long serialVersionUID = 1;

        Invalid(String field, String message, Decided decided) {
            super(ErrorCode.INVALID, field, message, decided);
        }
    }

    /** This transaction id was scored before with other content. */
    public static final class IdConflict extends HarrierException {
        private static final long serialVersionUID = 1;

        IdConflict(String field, String message, Decided decided) {
            super(ErrorCode.ID_CONFLICT, field, message, decided);
        }
    }

    /** Over a limit: bytes of a message, items of a call. */
    public static final class TooLarge extends HarrierException {
        private static final long serialVersionUID = 1;

        TooLarge(String field, String message, Decided decided) {
            super(ErrorCode.TOO_LARGE, field, message, decided);
        }
    }

    /** No such transaction, entity or list. */
    public static final class NotFound extends HarrierException {
        private static final long serialVersionUID = 1;

        NotFound(String field, String message, Decided decided) {
            super(ErrorCode.NOT_FOUND, field, message, decided);
        }
    }

    /** The server does not have this call, or not this version of the protocol. */
    public static final class Unsupported extends HarrierException {
        private static final long serialVersionUID = 1;

        Unsupported(String field, String message, Decided decided) {
            super(ErrorCode.UNSUPPORTED, field, message, decided);
        }
    }

    /** The token is missing or wrong, or lacks the scope of this call. */
    public static final class Denied extends HarrierException {
        private static final long serialVersionUID = 1;

        Denied(String field, String message, Decided decided) {
            super(ErrorCode.DENIED, field, message, decided);
        }
    }

    /** Sent, but not answered in time; or the server reported that it was too late. */
    public static final class Deadline extends HarrierException {
        private static final long serialVersionUID = 1;

        Deadline(String field, String message, Decided decided) {
            super(ErrorCode.DEADLINE, field, message, decided);
        }
    }

    /** No server accepted the request in time, none is the primary, or it was sent again too often. */
    public static final class Unavailable extends HarrierException {
        private static final long serialVersionUID = 1;

        Unavailable(String field, String message, Decided decided) {
            super(ErrorCode.UNAVAILABLE, field, message, decided);
        }
    }

    /** As many requests in flight as allowed, until the deadline. */
    public static final class Busy extends HarrierException {
        private static final long serialVersionUID = 1;

        Busy(String field, String message, Decided decided) {
            super(ErrorCode.BUSY, field, message, decided);
        }
    }

    /** The server refused it at once, because it would not have answered in time. Nothing happened. */
    public static final class Overloaded extends HarrierException {
        private static final long serialVersionUID = 1;

        Overloaded(String field, String message, Decided decided) {
            super(ErrorCode.OVERLOADED, field, message, decided);
        }
    }

    /** The client is closed, or was closed during the call. */
    public static final class Closed extends HarrierException {
        private static final long serialVersionUID = 1;

        Closed(String field, String message, Decided decided) {
            super(ErrorCode.CLOSED, field, message, decided);
        }
    }

    /** A defect of the server. */
    public static final class Internal extends HarrierException {
        private static final long serialVersionUID = 1;

        Internal(String field, String message, Decided decided) {
            super(ErrorCode.INTERNAL, field, message, decided);
        }
    }

    /** The answer cannot be decoded, or does not match the request. */
    public static final class Protocol extends HarrierException {
        private static final long serialVersionUID = 1;

        Protocol(String field, String message, Decided decided) {
            super(ErrorCode.PROTOCOL, field, message, decided);
        }
    }
}
