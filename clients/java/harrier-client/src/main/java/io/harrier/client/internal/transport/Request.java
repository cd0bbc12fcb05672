package io.harrier.client.internal.transport;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The part of a call that does not change when it is sent again: {@code body} is the encoded field of the oneof. */
public final class Request {
    public static final int TOKEN_MAX = 256;
    private static final int PROTOCOL_VERSION = 1;

    /** The most bytes of the fields that are written anew each time: protocol, deadline, token, traceparent. */
    public static final int HEAD_MAX = 2 + 11 + 3 + TOKEN_MAX + 2 + Traceparent.LENGTH;

    public final String call; // its name in metrics
    public final int count; // results that the answer must have; 0: a call without results
    public final boolean writes; // the server's archive: a standby refuses it
    public final byte[] body;
    public final int length; // of the body: the array may be longer
    public final String traceparent;

    public Request(String call, int count, boolean writes, byte[] body, int length, String traceparent) {
        this.call = call;
        this.count = count;
        this.writes = writes;
        this.body = body;
        this.length = length;
        this.traceparent = traceparent;
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
