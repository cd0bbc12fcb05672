package io.harrier.client;

/** One request on one connection. Exactly one of the three methods is called, once, unless it is withdrawn before. */
abstract class Exchange {
    final Request request;
    final String token;
    final long ends; // in the time of EventLoop.now

    // Guarded by the lock of the connection.
    int id; // 0 until it is queued
    boolean withdrawn;

    /** The connection has taken it to write it: the server may get it. Does not change back. */
    volatile boolean sent;

    Exchange(Request request, String token, long ends) {
        this.request = request;
        this.token = token;
        this.ends = ends;
    }

    abstract void answered(byte[] answer);

    /** The connection broke. */
    abstract void broken();

    /** It was withdrawn before it was sent, because another address is better. */
    abstract void moved();
}
