package io.harrier.client.internal.transport;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One connection to one server, with all requests in flight on it. The thread that sends a request also writes it, and
 * those that others send meanwhile, so that no request waits for another thread; the loop's thread writes what the
 * socket did not accept at once, and reads. It ends once, when it breaks or is closed.
 */
public final class Connection {
    private static final int BUFFER_SIZE = 64 << 10;
    // REQ0 says hello: zero, "SP", version 0, its protocol number, reserved. REP0 answers.
    private static final byte[] HELLO = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    private static final byte[] HELLO_BACK = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    // SP: set in the last word of a request's header, which is its id.
    private static final int REQUEST_ID_BIT = 0x80000000;

    /** Learns when the connection can be used, and when it has ended. */
    public interface Owner {
        void up(Connection connection);

        /** Called once, by the loop's thread. The owner then calls {@link #end}. */
        void down(Connection connection, IOException why);
    }

    private enum Phase {
        TLS,
        GREETING,
        UP,
        DOWN
    }

    private final EventLoop loop;
    private final Stream stream;
    private final SelectionKey key;
    private final Owner owner;

    // Of the loop's thread.
    private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER_SIZE);
    private final FrameReader reader;
    private final ByteBuffer hello = ByteBuffer.wrap(HELLO.clone());
    private boolean helloWritten;
    private final byte[] helloBack = new byte[HELLO_BACK.length];
    private int helloBackLength;
    private Phase phase = Phase.TLS;
    private boolean answered;

    // Of the thread that writes.
    private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER_SIZE).limit(0); // ready to be read
    private final FrameWriter writer;

    // Guarded by this.
    private final ArrayDeque<Exchange> queue = new ArrayDeque<>();
    private final Map<Integer, Exchange> waiting = new HashMap<>();
    private int lastId = ThreadLocalRandom.current().nextInt();
    private boolean broken;
    private boolean writing = true; // a thread writes, or the socket accepts no more: until the greetings are over

    public Connection(EventLoop loop, Stream stream, boolean ipc, SelectionKey key, Owner owner) {
        this.loop = loop;
        this.stream = stream;
        this.key = key;
        this.owner = owner;
        reader = new FrameReader(ipc);
        writer = new FrameWriter(ipc);
    }

    /** Whether a request was answered. Called by the loop's thread. */
    boolean hasAnswered() {
        return answered;
    }

    // ------------------------------------------------------------------------------------------------------------
    // Requests: any thread

    /** Queues a request and writes what the socket accepts. Returns false if the connection has broken. */
    public boolean send(Exchange exchange) {
        synchronized (this) {
            if (exchange.withdrawn) {
                return true; // its call ended while it was on its way here
            }
            if (broken) {
                return false;
            }
            do {
                lastId = (lastId + 1) | REQUEST_ID_BIT;
            } while (waiting.containsKey(lastId));
            exchange.id = lastId;
            waiting.put(lastId, exchange);
            queue.add(exchange);
            if (writing) {
                return true;
            }
            writing = true;
        }
        if (loop.isCurrentThread()) {
            loop.execute(this::write); // after the answers that have arrived, so that what they cause goes out together
        } else {
            write();
        }
        return true;
    }

    /** Gives an exchange up. Returns false if its answer, or its end, has just arrived or is about to. */
    public synchronized boolean withdraw(Exchange exchange) {
        if (exchange.id != 0 && !waiting.remove(exchange.id, exchange)) {
            return false;
        }
        exchange.withdrawn = true;
        return true;
    }

    /** Withdraws all requests that were not sent, and returns them. */
    public synchronized List<Exchange> withdrawUnsent() {
        List<Exchange> unsent = new ArrayList<>();
        for (Exchange exchange : queue) {
            if (!exchange.withdrawn && waiting.remove(exchange.id, exchange)) {
                exchange.withdrawn = true;
                unsent.add(exchange);
            }
        }
        queue.clear();
        return unsent;
    }

    // ------------------------------------------------------------------------------------------------------------
    // Writing: the thread that has set `writing`

    private void write() {
        try {
            while (fill()) {
                if (!stream.write(out)) {
                    loop.interested(key, SelectionKey.OP_WRITE); // `writing` stays set, until the loop goes on
                    return;
                }
            }
        } catch (IOException | RuntimeException failed) {
            IOException why = failed instanceof IOException known ? known : new IOException(failed);
            loop.execute(() -> fail(why));
        }
    }

    /** Returns false if there is nothing to write; then `writing` is reset. */
    private synchronized boolean fill() {
        if (broken) {
            return false;
        }
        if (out.hasRemaining()) {
            return true;
        }
        out.clear();
        writer.proceed(out);
        long now = 0;
        while (!queue.isEmpty() && writer.canBegin(out)) {
            Exchange exchange = queue.remove();
            if (!exchange.withdrawn) {
                now = now == 0 ? EventLoop.now() : now;
                exchange.sent = true;
                writer.begin(out, exchange, now);
            }
        }
        out.flip();
        if (!out.hasRemaining() && !stream.wantsWrite()) {
            writing = false;
            return false;
        }
        return true;
    }

    // ------------------------------------------------------------------------------------------------------------
    // Events: the loop's thread

    /** Goes on with whatever the socket is ready for. */
    public void ready() {
        try {
            if (phase == Phase.TLS && stream.handshake()) {
                phase = Phase.GREETING;
            }
            if (phase == Phase.TLS) {
                key.interestOps(SelectionKey.OP_READ | (stream.hasUnwritten() ? SelectionKey.OP_WRITE : 0));
                return;
            }
            if (!helloWritten) {
                helloWritten = stream.write(hello);
                key.interestOps(helloWritten ? SelectionKey.OP_READ : SelectionKey.OP_READ | SelectionKey.OP_WRITE);
            } else if (phase == Phase.UP && key.isWritable()) {
                key.interestOpsAnd(~SelectionKey.OP_WRITE);
                write();
            }
            read();
        } catch (IOException | RuntimeException failed) {
            fail(failed instanceof IOException known ? known : new IOException(failed));
        }
    }

    private void read() throws IOException {
        // As long as the buffer was filled there may be more.
        boolean more = true;
        while (more && phase != Phase.DOWN) {
            in.clear();
            int count = stream.read(in);
            if (count < 0) {
                throw new EOFException("the server closed the connection");
            }
            more = count > 0 && (stream instanceof TlsStream || !in.hasRemaining());
            in.flip();
            if (phase == Phase.GREETING) {
                greet();
            }
            if (phase == Phase.UP) {
                reader.feed(in, this::take);
            }
        }
        if (stream.wantsWrite()) {
            answerTls();
        }
    }

    private void greet() throws IOException {
        int taken = Math.min(helloBack.length - helloBackLength, in.remaining());
        in.get(helloBack, helloBackLength, taken);
        helloBackLength += taken;
        if (helloBackLength < helloBack.length) {
            return;
        }
        if (!Arrays.equals(helloBack, HELLO_BACK)) {
            throw new IOException("the server does not speak SP's REP protocol");
        }
        phase = Phase.UP;
        synchronized (this) {
            writing = false;
        }
        owner.up(this);
    }

    private void take(int id, byte[] answer) {
        Exchange exchange;
        synchronized (this) {
            exchange = waiting.get(id);
            if (exchange == null || !exchange.sent) {
                return; // late: its call has ended
            }
            waiting.remove(id);
        }
        answered = true;
        exchange.answered(answer);
    }

    private void answerTls() {
        synchronized (this) {
            if (writing || broken) {
                return; // the thread that writes looks for it before it ends
            }
            writing = true;
        }
        write();
    }

    /** Called by the loop's thread. */
    public void fail(IOException why) {
        if (phase != Phase.DOWN) {
            phase = Phase.DOWN;
            close();
            owner.down(this, why);
        }
    }

    /** Ends all requests on it. Called by the loop's thread, when no call can choose this connection any more. */
    public void end() {
        phase = Phase.DOWN;
        close();
        List<Exchange> left;
        synchronized (this) {
            broken = true;
            left = new ArrayList<>(waiting.values());
            waiting.clear();
            queue.clear();
        }
        left.forEach(Exchange::broken);
    }

    private void close() {
        try {
            stream.channel.close();
        } catch (IOException ignored) {
            // Nothing more can be done with it.
        }
    }
}
