package io.harrier.client.internal.transport;

import java.nio.ByteBuffer;

/**
 * Fills a buffer with requests, each framed for SP. A request that does not fit continues in the next buffer. The time
 * that is left is written at the last moment.
 */
final class FrameWriter {
    private static final int FRAME_HEAD_MAX = 1 + Long.BYTES + Integer.BYTES + Request.HEAD_MAX;

    private final boolean ipc;
    private Request current; // whose body is not complete
    private int bodyAt;

    FrameWriter(boolean ipc) {
        this.ipc = ipc;
    }

    /** Whether the next request can begin in this buffer. */
    boolean canBegin(ByteBuffer to) {
        return current == null && to.remaining() >= FRAME_HEAD_MAX;
    }

    void begin(ByteBuffer to, Exchange exchange, long now) {
        if (ipc) {
            to.put((byte) 1);
        }
        int lengthAt = to.position();
        to.putLong(0).putInt(exchange.id);
        exchange.request.putHead(to, exchange.ends - now, exchange.token);
        int head = to.position() - lengthAt - Long.BYTES;
        to.putLong(lengthAt, (long) head + exchange.request.length);
        current = exchange.request;
        bodyAt = 0;
        proceed(to);
    }

    /** Goes on with the body of a request that has begun. */
    void proceed(ByteBuffer to) {
        if (current == null) {
            return;
        }
        int taken = Math.min(current.length - bodyAt, to.remaining());
        to.put(current.body, bodyAt, taken);
        bodyAt += taken;
        if (bodyAt == current.length) {
            current = null;
        }
    }
}
