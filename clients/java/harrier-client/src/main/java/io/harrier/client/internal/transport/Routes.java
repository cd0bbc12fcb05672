package io.harrier.client.internal.transport;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;

/**
 * The addresses in the order of preference; decides which one a call goes to. It knows no clock and no sockets. The
 * states of the contract are: connecting: no connection; up: connected and not ejected; ejected; probing: also ejected.
 *
 * @param <C> a connection
 */
public final class Routes<C> {
    private static final long EJECT_MIN = TimeUnit.SECONDS.toNanos(1);
    private static final long EJECT_MAX = TimeUnit.SECONDS.toNanos(30);
    private static final double EJECT_JITTER = 0.2;

    /** An address and its connection. */
    public record Choice<C>(int index, C connection) {}

    private static final class Route<C> {
        C connection;
        Exception why; // there is no connection
        int failures; // in a row
        int ejections; // without a success in between
        boolean ejected;
        boolean probing;
        boolean probeDue; // the time of its ejection is over, but it is not connected

        boolean isUp() {
            return connection != null && !ejected;
        }
    }

    private final List<Route<C>> all = new ArrayList<>();
    private final int ejectAfter;
    private final DoubleSupplier uniform; // 0 to 1
    private Set<Runnable> waiting = new LinkedHashSet<>();

    public Routes(int addresses, int ejectAfter, DoubleSupplier uniform) {
        this.ejectAfter = ejectAfter;
        this.uniform = uniform;
        for (int i = 0; i < addresses; i++) {
            all.add(new Route<>());
        }
    }

    /** Returns whether the address is to be probed now. */
    public boolean connected(int index, C connection) {
        boolean probe;
        Set<Runnable> woken;
        synchronized (this) {
            Route<C> one = all.get(index);
            one.connection = connection;
            one.why = null;
            probe = one.probeDue;
            one.probeDue = false;
            woken = waiting;
            waiting = new LinkedHashSet<>();
        }
        woken.forEach(Runnable::run);
        return probe;
    }

    public synchronized void disconnected(int index, Exception why) {
        all.get(index).why = why;
        all.get(index).connection = null;
    }

    /** The first that is up, else the first that is connected; null if none is. */
    public synchronized Choice<C> choose() {
        Choice<C> connected = null;
        for (int i = 0; i < all.size(); i++) {
            Route<C> one = all.get(i);
            if (one.isUp()) {
                return new Choice<>(i, one.connection);
            }
            if (one.connection != null && connected == null) {
                connected = new Choice<>(i, one.connection);
            }
        }
        return connected;
    }

    /** Like choose; if none is connected, the task is run once when one is. */
    public synchronized Choice<C> chooseOrWait(Runnable task) {
        Choice<C> chosen = choose();
        if (chosen == null) {
            waiting.add(task);
        }
        return chosen;
    }

    public synchronized void stopWaiting(Runnable task) {
        waiting.remove(task);
    }

    public synchronized boolean isUp(int index) {
        return all.get(index).isUp();
    }

    public synchronized boolean anotherIsUp(int index) {
        for (int i = 0; i < all.size(); i++) {
            if (i != index && all.get(i).isUp()) {
                return true;
            }
        }
        return false;
    }

    /** Why there is no connection to the first address; null if there was no attempt. */
    public synchronized Exception lastError() {
        return all.get(0).why;
    }

    /** Returns whether this ended an ejection: the answer to a call does so, too. */
    public synchronized boolean succeeded(int index) {
        Route<C> one = all.get(index);
        boolean was = one.ejected;
        one.failures = 0;
        one.ejections = 0;
        one.ejected = false;
        one.probing = false;
        one.probeDue = false;
        return was;
    }

    /** Returns for how many nanoseconds the address is ejected from now on; 0: it is not, or was before. */
    public synchronized long failed(int index) {
        Route<C> one = all.get(index);
        if (all.size() == 1 || one.ejected || ++one.failures < ejectAfter) {
            return 0;
        }
        one.ejected = true;
        return eject(one);
    }

    private long eject(Route<C> one) {
        long length = one.ejections < 5 ? EJECT_MIN << one.ejections : EJECT_MAX;
        one.ejections++;
        one.failures = 0;
        one.probing = false;
        return (long) (length * (1 - EJECT_JITTER + 2 * EJECT_JITTER * uniform.getAsDouble()));
    }

    /** The connection to probe now; null: no probe is due, or there is no connection yet. */
    public synchronized C takeProbe(int index) {
        Route<C> one = all.get(index);
        if (!one.ejected || one.probing) {
            return null;
        }
        if (one.connection == null) {
            one.probeDue = true;
            return null;
        }
        one.probing = true;
        return one.connection;
    }

    /** Returns for how many nanoseconds the address is ejected; 0: a call has succeeded meanwhile. */
    public synchronized long probeFailed(int index) {
        Route<C> one = all.get(index);
        return one.probing ? eject(one) : 0;
    }
}
