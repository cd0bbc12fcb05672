package io.harrier.client.internal.transport;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;

/** TLS 1.2 or later. The server's certificate must be valid for the host of the address. */
final class TlsStream extends Stream {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final SSLEngine engine;
    private final ByteBuffer encryptedIn; // ready to be filled
    private final ByteBuffer encryptedOut; // ready to be read
    // What was decrypted during the handshake; ready to be read.
    private final ByteBuffer early;
    // The engine has to answer something of TLS itself, such as a new key.
    private volatile boolean wantsWrite;

    TlsStream(SocketChannel channel, SSLContext context, String host, int port) throws SSLException {
        super(channel);
        engine = context.createSSLEngine(host, port);
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS"); // the engine does not check the host otherwise
        parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
        engine.setSSLParameters(parameters);
        int packet = engine.getSession().getPacketBufferSize();
        encryptedIn = ByteBuffer.allocateDirect(4 * packet);
        encryptedOut = ByteBuffer.allocateDirect(4 * packet).limit(0);
        early = ByteBuffer.allocate(2 * engine.getSession().getApplicationBufferSize()).limit(0);
        engine.beginHandshake();
    }

    @Override
    boolean handshake() throws IOException {
        for (;;) {
            if (!flush()) {
                return false;
            }
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> runTasks();
                case NEED_WRAP -> wrap(NOTHING.duplicate());
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                    early.compact();
                    SSLEngineResult result;
                    try {
                        result = unwrap(early);
                    } finally {
                        early.flip();
                    }
                    if (result.getStatus() == Status.CLOSED) {
                        throw new EOFException("the server ended the TLS handshake");
                    }
                    if (result.getStatus() == Status.BUFFER_UNDERFLOW && !fill()) {
                        return false;
                    }
                }
                default -> {
                    return flush();
                }
            }
        }
    }

    @Override
    boolean write(ByteBuffer from) throws IOException {
        for (;;) {
            if (!flush()) {
                return false;
            }
            if (!from.hasRemaining() && !wantsWrite) {
                return true;
            }
            wantsWrite = false;
            SSLEngineResult result = wrap(from);
            if (result.getStatus() == Status.CLOSED) {
                throw new EOFException("the TLS connection is closed");
            }
            if (result.getHandshakeStatus() == HandshakeStatus.NEED_TASK) {
                runTasks();
            }
        }
    }

    @Override
    int read(ByteBuffer to) throws IOException {
        if (early.hasRemaining()) {
            int taken = Math.min(early.remaining(), to.remaining());
            to.put(early.slice(early.position(), taken));
            early.position(early.position() + taken);
            return taken;
        }
        for (;;) {
            SSLEngineResult result = unwrap(to);
            switch (result.getHandshakeStatus()) {
                case NEED_TASK -> runTasks();
                case NEED_WRAP -> wantsWrite = true;
                default -> { }
            }
            if (result.bytesProduced() > 0) {
                return result.bytesProduced();
            }
            switch (result.getStatus()) {
                case CLOSED -> {
                    return -1;
                }
                case BUFFER_OVERFLOW -> {
                    return 0; // the caller's buffer is full
                }
                case BUFFER_UNDERFLOW -> {
                    int before = encryptedIn.position();
                    if (channel.read(encryptedIn) < 0) {
                        return -1;
                    }
                    if (encryptedIn.position() == before) {
                        return 0;
                    }
                }
                default -> { }
            }
        }
    }

    @Override
    boolean wantsWrite() {
        return wantsWrite;
    }

    @Override
    boolean hasUnwritten() {
        return encryptedOut.hasRemaining();
    }

    /** Returns whether something was read. */
    private boolean fill() throws IOException {
        int count = channel.read(encryptedIn);
        if (count < 0) {
            throw new EOFException("the server closed the connection during the TLS handshake");
        }
        return count > 0;
    }

    /** Returns whether nothing is left to write. */
    private boolean flush() throws IOException {
        if (encryptedOut.hasRemaining()) {
            channel.write(encryptedOut);
        }
        return !encryptedOut.hasRemaining();
    }

    /** Called when nothing is left to write. */
    private SSLEngineResult wrap(ByteBuffer from) throws SSLException {
        encryptedOut.clear();
        SSLEngineResult result;
        try {
            do { // several records in one write
                result = engine.wrap(from, encryptedOut);
            } while (result.getStatus() == Status.OK && from.hasRemaining() && result.bytesConsumed() > 0);
        } finally {
            encryptedOut.flip();
        }
        return result;
    }

    private SSLEngineResult unwrap(ByteBuffer to) throws SSLException {
        encryptedIn.flip();
        try {
            return engine.unwrap(encryptedIn, to);
        } finally {
            encryptedIn.compact();
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }
}
