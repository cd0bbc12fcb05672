package io.harrier.client.internal.transport;

/** One request on one connection. Exactly one of the three methods is called, once, unless it is withdrawn before. */
public abstract class Exchange {
    public final Request request;
    public final String token;
    public final long ends; // in the time of EventLoop.now

    // Guarded by the lock of the connection.
    int id; // 0 until it is queued
    boolean withdrawn;

    /** The connection has taken it to write it: the server may get it. Does not change back. */
    public volatile boolean sent;

    public Exchange(Request request, String token, long ends) {
        this.request = request;
        this.token = token;
        this.ends = ends;
    }

    public abstract void answered(byte[] answer);

    /** The connection broke. */
    public abstract void broken();

    /** It was withdrawn before it was sent, because another address is better. */
    public abstract void moved();
}
