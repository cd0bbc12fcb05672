package io.harrier.client;

import com.google.protobuf.InvalidProtocolBufferException;
import io.harrier.client.internal.wire.Wire;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import javax.net.ssl.SSLContext;

/** A server over tcp, perhaps with TLS, that answers as a test wants. */
public final class FakeServer implements AutoCloseable {
    private static final byte[] HELLO = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

    private final ServerSocket listener;
    private final String scheme;
    private final Map<Socket, Boolean> connections = new ConcurrentHashMap<>();
    private final List<Wire.Request> requests = new CopyOnWriteArrayList<>();
    private volatile boolean found;
    private volatile Function<Wire.Request, Wire.Response> answer = FakeServer::approve;

    private FakeServer(ServerSocket listener, String scheme) {
        this.listener = listener;
        this.scheme = scheme;
        start(this::accept);
    }

    /** Approves everything. */
    public static FakeServer start() throws IOException {
        return new FakeServer(new ServerSocket(0, 64, InetAddress.getLoopbackAddress()), "tcp");
    }

    static FakeServer start(SSLContext context) throws IOException {
        ServerSocket listener = context.getServerSocketFactory()
                .createServerSocket(0, 64, InetAddress.getLoopbackAddress());
        return new FakeServer(listener, "tls+tcp");
    }

    /** Gives each transaction this verdict: "approve", "review", "challenge" or "decline". */
    public void decide(String verdict) {
        answering(request -> decide(request, Wire.Verdict.valueOf("VERDICT_" + verdict.toUpperCase())));
    }

    /** Answers nothing any more. */
    public void silence() {
        answering(request -> null);
    }

    /** Is a standby from now on, whose primary is at this address; "": none is known. */
    public void standBy(String primary) {
        answering(request -> {
            if (!request.hasStatus()) {
                return notPrimary(primary);
            }
            return Wire.Response.newBuilder()
                    .setStatus(Wire.StatusResponse.newBuilder().setVersion("fake").setState("standby")
                            .setNode("fake-1").setPrimary(primary).setCommittedPosition(7))
                    .build();
        });
    }

    /** Null: no answer. */
    void answering(Function<Wire.Request, Wire.Response> answer) {
        this.answer = answer;
    }

    public String address() {
        return scheme + "://127.0.0.1:" + listener.getLocalPort();
    }

    public int port() {
        return listener.getLocalPort();
    }

    List<Wire.Request> requests() {
        return requests;
    }

    /** Whether a client has ever connected. */
    boolean wasFound() {
        return found;
    }

    void breakConnections() {
        connections.keySet().forEach(FakeServer::close);
    }

    @Override
    public void close() throws IOException {
        listener.close();
        breakConnections();
    }

    static Wire.Response approve(Wire.Request request) {
        return decide(request, Wire.Verdict.VERDICT_APPROVE);
    }

    private static Wire.Response decide(Wire.Request request, Wire.Verdict verdict) {
        if (request.hasAmend()) {
            Wire.AmendResponse.Builder results = Wire.AmendResponse.newBuilder();
            for (Wire.Amendment one : request.getAmend().getAmendmentsList()) {
                results.addResultsBuilder().getAcceptedBuilder()
                        .setTransactionId(one.getTransactionId()).setPosition(8).setChanged(true);
            }
            return Wire.Response.newBuilder().setAmend(results).build();
        }
        if (!request.hasScore()) {
            return Wire.Response.newBuilder()
                    .setStatus(Wire.StatusResponse.newBuilder().setVersion("fake").setState("ready"))
                    .build();
        }
        Wire.ScoreResponse.Builder results = Wire.ScoreResponse.newBuilder();
        for (Wire.Transaction one : request.getScore().getTransactionsList()) {
            results.addResultsBuilder().getDecisionBuilder()
                    .setTransactionId(one.getId()).setVerdict(verdict).setPosition(results.getResultsCount());
        }
        return Wire.Response.newBuilder().setScore(results).build();
    }

    static Wire.Response error(Wire.ErrorCode code, String message) {
        return Wire.Response.newBuilder()
                .setError(Wire.Error.newBuilder().setCode(code).setMessage(message))
                .build();
    }

    static Wire.Response notPrimary(String primary) {
        return Wire.Response.newBuilder()
                .setError(Wire.Error.newBuilder().setCode(Wire.ErrorCode.ERROR_NOT_PRIMARY)
                        .setMessage("it is a standby").setPrimary(primary))
                .build();
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "fake-server");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            for (;;) {
                Socket socket = listener.accept();
                connections.put(socket, true);
                found = true;
                start(() -> serve(socket));
            }
        } catch (IOException closed) {
            // The end of the test.
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            in.readNBytes(HELLO.length);
            out.write(HELLO);
            for (;;) {
                byte[] message = in.readNBytes((int) in.readLong());
                reply(message, out);
            }
        } catch (EOFException end) {
            // The client closed the connection.
        } catch (IOException broken) {
            // It did so in the middle of something, or the test did.
        } finally {
            connections.remove(socket);
        }
    }

    private void reply(byte[] message, DataOutputStream out) throws IOException {
        Wire.Request request;
        try {
            request = Wire.Request.parser().parseFrom(message, Integer.BYTES, message.length - Integer.BYTES);
        } catch (InvalidProtocolBufferException invalid) {
            throw new UncheckedIOException(invalid);
        }
        requests.add(request);
        Wire.Response response = answer.apply(request);
        if (response != null) {
            byte[] body = response.toByteArray();
            out.writeLong(Integer.BYTES + body.length);
            out.write(message, 0, Integer.BYTES);
            out.write(body);
            out.flush();
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException ignored) {
            // It is closed.
        }
    }
}
