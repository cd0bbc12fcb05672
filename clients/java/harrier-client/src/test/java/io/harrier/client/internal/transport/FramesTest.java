package io.harrier.client.internal.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FramesTest {
    private static ByteBuffer frame(boolean ipc, int id, byte[] body) {
        ByteBuffer frame = ByteBuffer.allocate(32 + body.length);
        if (ipc) {
            frame.put((byte) 1);
        }
        return frame.putLong(4 + body.length).putInt(id).put(body).flip();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void messagesComeOutWhereverTheStreamIsCut(boolean ipc) throws IOException {
        Random random = new Random(7);
        ByteBuffer stream = ByteBuffer.allocate(1 << 20);
        List<byte[]> bodies = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            byte[] body = new byte[i % 5 == 0 ? 0 : random.nextInt(5000)];
            random.nextBytes(body);
            bodies.add(body);
            stream.put(frame(ipc, i, body));
        }
        stream.flip();
        FrameReader reader = new FrameReader(ipc);
        List<byte[]> read = new ArrayList<>();
        while (stream.hasRemaining()) {
            int length = Math.min(stream.remaining(), 1 + random.nextInt(3000));
            ByteBuffer piece = stream.slice(stream.position(), length);
            reader.feed(piece, (id, body) -> {
                assertEquals(read.size(), id);
                read.add(body);
            });
            assertFalse(piece.hasRemaining());
            stream.position(stream.position() + length);
        }
        assertEquals(bodies.size(), read.size());
        for (int i = 0; i < read.size(); i++) {
            assertArrayEquals(bodies.get(i), read.get(i));
        }
    }

    @Test
    void whatIsNotSpIsRefused() {
        FrameReader.Sink none = (id, body) -> { };
        ByteBuffer short3 = ByteBuffer.allocate(12).putLong(3).putInt(0).flip();
        assertThrows(IOException.class, () -> new FrameReader(false).feed(short3, none));
        ByteBuffer large = ByteBuffer.allocate(12).putLong(FrameReader.MESSAGE_MAX + 1).putInt(0).flip();
        assertThrows(IOException.class, () -> new FrameReader(false).feed(large, none));
        ByteBuffer negative = ByteBuffer.allocate(12).putLong(-1).putInt(0).flip();
        assertThrows(IOException.class, () -> new FrameReader(false).feed(negative, none));
        ByteBuffer otherType = frame(true, 1, new byte[3]).put(0, (byte) 2);
        assertThrows(IOException.class, () -> new FrameReader(true).feed(otherType, none));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestsAreFramedAndCutIntoBuffers(boolean ipc) throws IOException {
        byte[] body = new byte[1000];
        Arrays.fill(body, (byte) 0); // tag 0 would be invalid, but nothing here decodes it
        String trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        Request request = new Request("score", 1, true, body, 900, trace);
        Exchange exchange = exchange(request, "k1.secret", 5_000_000);
        exchange.id = 0x80000001;
        FrameWriter writer = new FrameWriter(ipc);
        FrameReader reader = new FrameReader(ipc);
        List<byte[]> read = new ArrayList<>();
        ByteBuffer out = ByteBuffer.allocate(700);
        writer.begin(out, exchange, 2_000_000);
        assertFalse(writer.canBegin(out), "the body goes on in the next buffer");
        while (out.position() > 0) {
            reader.feed(out.flip(), (id, message) -> {
                assertEquals(0x80000001, id);
                read.add(message);
            });
            out.clear();
            writer.proceed(out);
        }
        assertEquals(1, read.size());
        byte[] message = read.get(0);
        Wire.Request head = Wire.Request.parser().parseFrom(message, 0, message.length - 900);
        assertEquals(1, head.getProtocol());
        assertEquals(3000, head.getDeadlineUs());
        assertEquals("k1.secret", head.getToken());
        assertEquals(trace, head.getTraceparent());
    }

    @Test
    void theDeadlineIsNeverZero() throws IOException {
        FrameWriter writer = new FrameWriter(false);
        ByteBuffer out = ByteBuffer.allocate(1000);
        writer.begin(out, exchange(new Request("status", 0, false, new byte[0], 0, ""), "", 1000), 5000);
        out.flip().position(12);
        Wire.Request sent = Wire.Request.parseFrom(com.google.protobuf.ByteString.copyFrom(out));
        assertEquals(1, sent.getDeadlineUs());
    }

    private static Exchange exchange(Request request, String token, long ends) {
        return new Exchange(request, token, ends) {
            @Override
            public void answered(byte[] answer) {}

            @Override
            public void broken() {}

            @Override
            public void moved() {}
        };
    }
}
