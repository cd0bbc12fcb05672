package io.harrier.client;

import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Timers;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/** Counts the calls of a client, and lets only so many of them be in flight at once; the others wait in their order. */
final class Slots {
    private final int most;
    private final Set<Call> waiting = new LinkedHashSet<>();
    private int inFlight;
    private int calls; // with those that wait
    private volatile boolean closed; // written with the lock

    Slots(int most) {
        this.most = most;
    }

    /** A call begins. Returns false if it has to wait for a slot, which {@link #leave} returns then. */
    synchronized boolean enter(Call call) {
        if (closed) {
            throw HarrierException.of(
                    ErrorCode.CLOSED, "", "the client is closed", HarrierException.Decided.NO);
        }
        calls++;
        if (inFlight == most) {
            waiting.add(call);
            return false;
        }
        inFlight++;
        call.giveSlot();
        return true;
    }

    /** A call has ended. Returns the one that has its slot now; null: none. */
    synchronized Call leave(Call call, boolean hadSlot) {
        if (--calls == 0) {
            notifyAll();
        }
        if (!hadSlot) {
            // If it was given a slot meanwhile, it is not waiting, and gives it back.
            if (waiting.remove(call)) {
                return null;
            }
        }
        Iterator<Call> first = waiting.iterator();
        if (!first.hasNext()) {
            inFlight--;
            return null;
        }
        Call next = first.next();
        first.remove();
        next.giveSlot();
        return next;
    }

    synchronized int inFlight() {
        return inFlight;
    }

    /** From now on calls are refused. */
    synchronized void close() {
        closed = true;
    }

    boolean isClosed() {
        return closed;
    }

    /** Waits until no call is left. Returns false if the time is over before. */
    synchronized boolean awaitNone(long until) throws InterruptedException {
        while (calls > 0) {
            long left = until == Timers.NEVER ? 0 : until - EventLoop.now();
            if (left < 0 || (left == 0 && until != Timers.NEVER)) {
                return false;
            }
            wait(left / 1_000_000, (int) (left % 1_000_000));
        }
        return true;
    }
}
