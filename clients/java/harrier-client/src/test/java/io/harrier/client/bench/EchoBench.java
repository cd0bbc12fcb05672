package io.harrier.client.bench;

import io.harrier.client.HarrierClient;
import io.harrier.client.Transaction;
import io.harrier.client.internal.wire.Wire;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;

/**
 * Compares the client with a bare NIO loop that exchanges the same bytes with the same server over one connection, in
 * turns, so that both meet the same machine.
 *
 * <p>usage: EchoBench [tcp://HOST:PORT [CALLS]]. Without an address it starts a server of its own, which answers each
 * request with the same decision. The transaction is always the same, which harrierd answers as a duplicate.
 */
public final class EchoBench {
    private static final int ROUNDS = 5;
    private static final Instant TIME = Instant.parse("2026-01-02T03:04:05Z");
    private static final byte[] HELLO = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

    private EchoBench() {}

    public static void main(String[] arguments) throws Exception {
        String address = arguments.length > 0 ? arguments[0] : "tcp://127.0.0.1:" + startServer();
        int calls = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 50_000;
        String[] parts = address.substring("tcp://".length()).split(":");
        InetSocketAddress target = new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
        Duration deadline = Duration.ofSeconds(60);
        try (HarrierClient client = HarrierClient.builder(address).deadline(deadline).executor(Runnable::run).build()) {
            for (int inFlight : new int[] {1, 64}) {
                bare(target, inFlight, calls); // to warm up
                blocking(client, inFlight, calls);
                futures(client, inFlight, calls);
                System.out.printf("%d in flight: p50 and p99 in µs, calls per second%n", inFlight);
                for (int round = 0; round < ROUNDS; round++) {
                    Figures bare = bare(target, inFlight, calls);
                    print("threads", bare, blocking(client, inFlight, calls));
                    print("futures", bare, futures(client, inFlight, calls));
                }
            }
        }
        System.exit(0); // the server's threads
    }

    private static void print(String form, Figures bare, Figures own) {
        System.out.printf("  bare %s   %s %s   ratio p50 %.2f p99 %.2f%n", bare, form, own,
                (double) own.p50 / bare.p50, (double) own.p99 / bare.p99);
    }

    private record Figures(long p50, long p99, double perSecond) {
        static Figures of(long[] nanos, long took) {
            Arrays.sort(nanos);
            return new Figures(nanos[nanos.length / 2], nanos[(int) (nanos.length * 0.99)], nanos.length * 1e9 / took);
        }

        @Override
        public String toString() {
            return String.format("%7.1f %7.1f %8.0f", p50 / 1e3, p99 / 1e3, perSecond);
        }
    }

    private static Transaction transaction() {
        return Transaction.builder("bench").eventTime(TIME).amount(4999, "EUR").card("tok_9f3a").merchant("m-17").build();
    }

    /** As many chains of futures as requests in flight; the client's own thread sends each next request. */
    private static Figures futures(HarrierClient client, int inFlight, int calls) throws InterruptedException {
        int each = calls / inFlight;
        long[] nanos = new long[each * inFlight];
        CountDownLatch chains = new CountDownLatch(inFlight);
        long begun = System.nanoTime();
        for (int i = 0; i < inFlight; i++) {
            next(client, nanos, i * each, (i + 1) * each, chains);
        }
        chains.await();
        return Figures.of(nanos, System.nanoTime() - begun);
    }

    private static void next(HarrierClient client, long[] nanos, int call, int end, CountDownLatch chains) {
        if (call == end) {
            chains.countDown();
            return;
        }
        long begun = System.nanoTime();
        client.scoreAsync(transaction()).thenRun(() -> {
            nanos[call] = System.nanoTime() - begun;
            next(client, nanos, call + 1, end, chains);
        });
    }

    /** As many threads as requests in flight, each with one call after the other. */
    private static Figures blocking(HarrierClient client, int inFlight, int calls) throws InterruptedException {
        int each = calls / inFlight;
        long[] nanos = new long[each * inFlight];
        Thread[] threads = new Thread[inFlight];
        CountDownLatch begin = new CountDownLatch(1);
        for (int i = 0; i < inFlight; i++) {
            int from = i * each;
            threads[i] = new Thread(() -> {
                try {
                    begin.await();
                } catch (InterruptedException end) {
                    return;
                }
                Transaction transaction = transaction();
                for (int call = 0; call < each; call++) {
                    long begun = System.nanoTime();
                    client.score(transaction);
                    nanos[from + call] = System.nanoTime() - begun;
                }
            });
            threads[i].start();
        }
        long begun = System.nanoTime();
        begin.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        return Figures.of(nanos, System.nanoTime() - begun);
    }

    /** One thread that sends and receives, without protobuf, retries or deadlines. */
    private static Figures bare(InetSocketAddress target, int inFlight, int calls) throws IOException {
        byte[] body = Wire.Request.newBuilder().setProtocol(1).setDeadlineUs(60_000_000)
                .setScore(Wire.ScoreRequest.newBuilder().addTransactions(Wire.Transaction.newBuilder().setId("bench")
                        .setEventTimeUs(TIME.getEpochSecond() * 1_000_000).setAmountMinor(4999).setCurrency("EUR")
                        .setCard("tok_9f3a").setMerchant("m-17")))
                .build().toByteArray();
        ByteBuffer out = ByteBuffer.allocateDirect((12 + body.length) * inFlight + HELLO.length);
        ByteBuffer in = ByteBuffer.allocateDirect(1 << 20);
        long[] begun = new long[inFlight];
        long[] nanos = new long[calls];
        try (SocketChannel channel = SocketChannel.open(target); Selector selector = Selector.open()) {
            channel.socket().setTcpNoDelay(true);
            channel.write(ByteBuffer.wrap(HELLO));
            ByteBuffer hello = ByteBuffer.allocate(HELLO.length);
            while (hello.hasRemaining()) {
                channel.read(hello);
            }
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            long start = System.nanoTime();
            int sent = 0;
            while (sent < Math.min(inFlight, calls)) {
                put(out, body, sent, begun);
                sent++;
            }
            for (int done = 0; done < calls; ) {
                out.flip();
                while (out.hasRemaining()) {
                    channel.write(out);
                }
                out.clear();
                selector.select();
                selector.selectedKeys().clear();
                if (channel.read(in) < 0) {
                    throw new EOFException();
                }
                in.flip();
                while (in.remaining() >= 12 && in.remaining() >= 8 + in.getLong(in.position())) {
                    int slot = in.getInt(in.position() + 8) & Integer.MAX_VALUE;
                    in.position(in.position() + 8 + (int) in.getLong(in.position()));
                    nanos[done++] = System.nanoTime() - begun[slot];
                    if (sent < calls) {
                        put(out, body, slot, begun);
                        sent++;
                    }
                }
                in.compact();
            }
            return Figures.of(nanos, System.nanoTime() - start);
        }
    }

    private static void put(ByteBuffer out, byte[] body, int slot, long[] begun) {
        begun[slot] = System.nanoTime();
        out.putLong(4 + body.length).putInt(slot | Integer.MIN_VALUE).put(body);
    }

    // ------------------------------------------------------------------------------------------------------------
    // The server

    /** Returns its port. */
    private static int startServer() throws IOException {
        ServerSocket listener = new ServerSocket(0);
        Thread thread = new Thread(() -> {
            try {
                for (;;) {
                    Socket socket = listener.accept();
                    Thread connection = new Thread(() -> serve(socket));
                    connection.setDaemon(true);
                    connection.start();
                }
            } catch (IOException closed) {
                // The end of the program.
            }
        });
        thread.setDaemon(true);
        thread.start();
        return listener.getLocalPort();
    }

    private static void serve(Socket socket) {
        byte[] answer = Wire.Response.newBuilder()
                .setScore(Wire.ScoreResponse.newBuilder().addResults(Wire.ScoreResult.newBuilder()
                        .setDecision(Wire.Decision.newBuilder().setTransactionId("bench")
                                .setVerdict(Wire.Verdict.VERDICT_APPROVE).setPosition(1).setDuplicate(true))))
                .build().toByteArray();
        try (socket) {
            socket.setTcpNoDelay(true);
            DataInputStream in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), 1 << 16));
            ByteBuffer out = ByteBuffer.allocate(1 << 16);
            in.readNBytes(HELLO.length);
            socket.getOutputStream().write(new byte[] {0, 'S', 'P', 0, 0, 0x31, 0, 0});
            for (;;) {
                byte[] message = in.readNBytes((int) in.readLong());
                out.putLong(4 + answer.length).put(message, 0, 4).put(answer);
                // Answers to requests that arrived together go out together.
                if (in.available() < 12 || out.remaining() < 12 + answer.length) {
                    socket.getOutputStream().write(out.array(), 0, out.position());
                    out.clear();
                }
            }
        } catch (IOException closed) {
            // The client is done.
        }
    }
}
