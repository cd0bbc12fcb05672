package io.harrier.client;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The part of a call that does not change when it is sent again: {@code body} is the encoded field of the oneof. */
final class Request {
    static final int ITEMS_MAX = 1000;
    static final int SIZE_MAX = 2 << 20;
    static final int PROTOCOL_VERSION = 1;

    /** The most bytes of the fields that are written anew each time: protocol, deadline, token, traceparent. */
    static final int HEAD_MAX = 2 + 11 + 3 + Options.TOKEN_MAX + 2 + Traceparent.LENGTH;

    final String call; // its name in metrics
    final int count; // results that the answer must have; 0: a call without results
    final byte[] body;
    final int length; // of the body: the array may be longer
    final String traceparent;

    Request(String call, int count, byte[] body, int length, String traceparent) {
        if (length + HEAD_MAX > SIZE_MAX) {
            throw HarrierException.of(
                    ErrorCode.TOO_LARGE, "",
                    "a request of " + (length + HEAD_MAX) + " bytes; expected at most " + SIZE_MAX,
                    HarrierException.Decided.NO);
        }
        this.call = call;
        this.count = count;
        this.body = body;
        this.length = length;
        this.traceparent = traceparent;
    }

    static void checkCount(int count, String what) {
        if (count == 0) {
            throw HarrierException.invalid(what, "no " + what + "; expected 1 to " + ITEMS_MAX);
        }
        if (count > ITEMS_MAX) {
            throw HarrierException.of(
                    ErrorCode.TOO_LARGE, what, count + " " + what + "; expected at most " + ITEMS_MAX,
                    HarrierException.Decided.NO);
        }
    }

    /** Writes the fields before the body, in the order of their numbers. */
    void putHead(ByteBuffer to, long leftNanos, String token) {
        to.put((byte) 0x08).put((byte) PROTOCOL_VERSION);
        to.put((byte) 0x10);
        putVarint(to, Math.max(1, leftNanos / 1000)); // 0 would mean: no deadline
        putText(to, (byte) 0x1a, token);
        putText(to, (byte) 0x22, traceparent);
    }

    private static void putText(ByteBuffer to, byte tag, String text) {
        if (!text.isEmpty()) {
            to.put(tag);
            putVarint(to, text.length());
            to.put(text.getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void putVarint(ByteBuffer to, long value) {
        while ((value & ~0x7fL) != 0) {
            to.put((byte) (value | 0x80));
            value >>>= 7;
        }
        to.put((byte) value);
    }
}
