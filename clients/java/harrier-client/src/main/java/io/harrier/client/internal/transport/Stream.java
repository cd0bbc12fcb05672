package io.harrier.client.internal.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A connected socket that does not block, perhaps with TLS. One thread may read while another one writes. */
abstract class Stream {
    final SocketChannel channel;

    Stream(SocketChannel channel) {
        this.channel = channel;
    }

    /** Goes on with the handshake; returns whether it is complete. Called by one thread, before anything else. */
    abstract boolean handshake() throws IOException;

    /** Returns whether everything was written. If not, the caller waits until the socket can be written. */
    abstract boolean write(ByteBuffer from) throws IOException;

    /** Returns how many bytes were read: 0 if there are none at the moment, -1 at the end. */
    abstract int read(ByteBuffer to) throws IOException;

    /** Whether write has something to send although it is given nothing. */
    abstract boolean wantsWrite();

    /** Whether the socket did not accept everything yet. Called by the thread that writes. */
    abstract boolean hasUnwritten();

    static Stream plain(SocketChannel channel) {
        return new Stream(channel) {
            @Override
            boolean handshake() {
                return true;
            }

            @Override
            boolean write(ByteBuffer from) throws IOException {
                channel.write(from);
                return !from.hasRemaining();
            }

            @Override
            int read(ByteBuffer to) throws IOException {
                return channel.read(to);
            }

            @Override
            boolean wantsWrite() {
                return false;
            }

            @Override
            boolean hasUnwritten() {
                return false;
            }
        };
    }
}
