package io.harrier.client.internal.transport;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/** Keeps one connection to one address: it connects, and connects again. Everything runs in the loop's thread. */
public final class Endpoint implements Connection.Owner {
    private static final long RECONNECT_MIN = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long RECONNECT_MAX = TimeUnit.MILLISECONDS.toNanos(500);
    // For a connection and its handshakes, so that a server that hangs does not block it for ever.
    private static final long CONNECT_MAX = TimeUnit.SECONDS.toNanos(10);

    /** Learns of connections that can be used, in the loop's thread. */
    public interface Owner {
        void up(Connection connection);

        /** Called after each failed attempt, too. */
        void down(IOException why);
    }

    private final EventLoop loop;
    private final Address address;
    private final SSLContext sslContext; // null: that of the platform
    private final Owner owner;

    private final Deque<SocketAddress> targets = new ArrayDeque<>(); // that are still to be tried
    private SocketChannel channel; // of the current attempt or connection
    private Connection connection; // null until the socket is connected
    private long pause = RECONNECT_MIN;
    private long upSince;
    private boolean closed;

    private final Timers.Timer reconnect = new Timers.Timer() {
        @Override
        public void fire() {
            begin();
        }
    };
    private final Timers.Timer patience = new Timers.Timer() {
        @Override
        public void fire() {
            lost(new SocketTimeoutException("no connection within 10 s"));
        }
    };

    public Endpoint(EventLoop loop, Address address, SSLContext sslContext, Owner owner) {
        this.loop = loop;
        this.address = address;
        this.sslContext = sslContext;
        this.owner = owner;
    }

    /** The current one, which may not be up; null: none. */
    public Connection connection() {
        return connection;
    }

    /** Begins to connect. */
    public void begin() {
        if (closed) {
            return;
        }
        targets.clear();
        if (address.kind() == Address.Kind.IPC) {
            targets.add(UnixDomainSocketAddress.of(address.path()));
            connect();
        } else {
            resolve();
        }
    }

    public void close() {
        closed = true;
        loop.cancel(reconnect);
        loop.cancel(patience);
        closeChannel();
        if (connection != null) {
            connection.end();
        }
    }

    /** Looks the host up: in a thread of its own, because Java can only wait for it; an IP address needs none. */
    private void resolve() {
        String host = address.host();
        if (host.indexOf(':') >= 0 || host.chars().allMatch(c -> c == '.' || Character.isDigit(c))) {
            resolved(lookUp(host));
            return;
        }
        Thread thread = new Thread(() -> {
            Object found = lookUp(host);
            loop.execute(() -> resolved(found));
        }, "harrier-client-resolver");
        thread.setDaemon(true);
        thread.start();
    }

    /** The addresses, or the exception. */
    private static Object lookUp(String host) {
        try {
            return InetAddress.getAllByName(host);
        } catch (UnknownHostException failed) {
            return failed;
        }
    }

    private void resolved(Object found) {
        if (closed) {
            return;
        }
        if (found instanceof IOException failed) {
            lost(failed);
            return;
        }
        for (InetAddress one : (InetAddress[]) found) {
            targets.add(new InetSocketAddress(one, address.port()));
        }
        connect();
    }

    private void connect() {
        SocketAddress target = targets.remove();
        loop.cancel(patience);
        loop.schedule(patience, EventLoop.now() + CONNECT_MAX);
        try {
            if (target instanceof UnixDomainSocketAddress) {
                channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            } else {
                channel = SocketChannel.open();
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            }
            SelectionKey key = loop.register(channel, 0, this::ready);
            key.attach((EventLoop.Handler) this::ready);
            if (channel.connect(target)) {
                connected(key);
            } else {
                key.interestOps(SelectionKey.OP_CONNECT);
            }
        } catch (IOException | RuntimeException failed) {
            lost(failed instanceof IOException known ? known : new IOException(failed));
        }
    }

    private void ready(SelectionKey key) {
        if (key.channel() != channel) {
            return; // of an attempt that has ended
        }
        if (connection != null) {
            connection.ready();
            return;
        }
        try {
            if (channel.finishConnect()) {
                connected(key);
            }
        } catch (IOException | RuntimeException failed) {
            lost(failed instanceof IOException known ? known : new IOException(failed));
        }
    }

    private void connected(SelectionKey key) throws IOException {
        boolean ipc = address.kind() == Address.Kind.IPC;
        connection = new Connection(loop, stream(), ipc, key, this);
        key.interestOps(SelectionKey.OP_READ);
        connection.ready();
    }

    private Stream stream() throws IOException {
        if (address.kind() != Address.Kind.TLS) {
            return Stream.plain(channel);
        }
        try {
            SSLContext context = sslContext == null ? SSLContext.getDefault() : sslContext;
            return new TlsStream(channel, context, address.host(), address.port());
        } catch (NoSuchAlgorithmException missing) {
            throw new IOException(missing);
        }
    }

    @Override
    public void up(Connection connection) {
        loop.cancel(patience);
        targets.clear();
        upSince = EventLoop.now();
        owner.up(connection);
    }

    @Override
    public void down(Connection connection, IOException why) {
        lost(why);
    }

    /** The attempt failed, or the connection broke. */
    private void lost(IOException why) {
        loop.cancel(patience);
        closeChannel();
        Connection ended = connection;
        connection = null;
        if (ended == null || upSince == 0) {
            if (!targets.isEmpty()) {
                if (ended != null) {
                    ended.end();
                }
                connect(); // the host's next address
                return;
            }
        } else if (ended.hasAnswered() || EventLoop.now() - upSince > RECONNECT_MAX) {
            pause = RECONNECT_MIN; // a connection that breaks at once does not shorten the back-off
        }
        upSince = 0;
        owner.down(why); // before the calls on it are woken, so that none of them chooses it again
        if (ended != null) {
            ended.end();
        }
        if (!closed) {
            long jittered = pause / 2 + ThreadLocalRandom.current().nextLong(pause);
            loop.schedule(reconnect, EventLoop.now() + Math.min(Math.max(jittered, RECONNECT_MIN), RECONNECT_MAX));
            pause = Math.min(2 * pause, RECONNECT_MAX);
        }
    }

    private void closeChannel() {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException ignored) {
            // Nothing more can be done with it.
        }
        channel = null;
    }
}
