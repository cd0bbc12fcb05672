package io.harrier.client.internal.transport;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Cuts a stream of SP into messages. A frame is a length of 8 bytes, big-endian, and a message; over ipc, a byte 1 is
 * before it. A message to a REQ socket begins with the id of the request that it answers.
 */
final class FrameReader {
    static final int MESSAGE_MAX = (8 << 20) + Integer.BYTES;

    /** Takes the messages. */
    @FunctionalInterface
    interface Sink {
        void message(int requestId, byte[] body);
    }

    private final boolean ipc;
    private final byte[] head;
    private int headLength;
    private byte[] body; // null while the head is incomplete
    private int bodyLength;

    FrameReader(boolean ipc) {
        this.ipc = ipc;
        head = new byte[(ipc ? 1 : 0) + Long.BYTES + Integer.BYTES];
    }

    /** Takes all bytes. Throws if they are not SP, or a message is too large. */
    void feed(ByteBuffer in, Sink sink) throws IOException {
        while (in.hasRemaining()) {
            if (body == null) {
                int taken = Math.min(head.length - headLength, in.remaining());
                in.get(head, headLength, taken);
                headLength += taken;
                if (headLength < head.length) {
                    return;
                }
                body = new byte[bodyLength()];
                bodyLength = 0;
            }
            int taken = Math.min(body.length - bodyLength, in.remaining());
            in.get(body, bodyLength, taken);
            bodyLength += taken;
            if (bodyLength == body.length) {
                byte[] complete = body;
                body = null;
                headLength = 0;
                sink.message(ByteBuffer.wrap(head).getInt(head.length - Integer.BYTES), complete);
            }
        }
    }

    private int bodyLength() throws IOException {
        ByteBuffer given = ByteBuffer.wrap(head);
        if (ipc && given.get() != 1) {
            throw new IOException("the server does not speak SP over ipc");
        }
        long length = given.getLong();
        if (length < Integer.BYTES || length > MESSAGE_MAX) {
            throw new IOException("the server sent a message of " + Long.toUnsignedString(length) + " bytes");
        }
        return (int) length - Integer.BYTES;
    }
}
