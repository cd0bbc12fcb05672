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
 * An address that is up may have the mark of a standby, too.
 *
 * @param <C> a connection
 */
public final class Routes<C> {
    private static final long EJECT_MIN = TimeUnit.SECONDS.toNanos(1);
    private static final long EJECT_MAX = TimeUnit.SECONDS.toNanos(30);
    private static final double EJECT_JITTER = 0.2;

    /** The order of the addresses for a call, the best first. */
    private enum Rank {
        UP_UNTRIED, // and perhaps the primary
        // By the last standby that the call asked. Its word is newer than an ejection, and the others refuse the call for
        // certain.
        NAMED_UNTRIED,
        UP, // but a standby, or one that has just answered this call as a standby
        CONNECTED, // but ejected
        UNCONNECTED
    }

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
        boolean standby; // so it said when it was last asked to write

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

    /**
     * The best address for a call; null: none is connected. Of equals it is the first; but of those that have answered
     * the call as standbys, the one whose answer is the longest ago: any of them may have become the primary.
     *
     * @param search null: no standby has answered the call
     */
    public synchronized Choice<C> choose(Search search) {
        int best = 0;
        Rank bestRank = rank(0, search);
        for (int i = 1; i < all.size() && bestRank != Rank.UP_UNTRIED; i++) {
            Rank rank = rank(i, search);
            int order = rank.compareTo(bestRank);
            if (order < 0 || order == 0 && search != null && search.last(i) < search.last(best)) {
                best = i;
                bestRank = rank;
            }
        }
        return bestRank == Rank.UNCONNECTED ? null : new Choice<>(best, all.get(best).connection);
    }

    /** One that has refused the call is tried, even if it has lost its mark: two standbys may name each other. */
    private Rank rank(int index, Search search) {
        Route<C> one = all.get(index);
        boolean untried = !one.standby && (search == null || !search.tried(index));
        if (one.isUp()) {
            return untried ? Rank.UP_UNTRIED : Rank.UP;
        }
        if (one.connection == null) {
            return Rank.UNCONNECTED;
        }
        return untried && search != null && search.isNamed(index) ? Rank.NAMED_UNTRIED : Rank.CONNECTED;
    }

    /** Whether there is an address that may be the primary and has not refused the call since its last wait. */
    public synchronized boolean mayDecide(Search search) {
        for (int i = 0; i < all.size(); i++) {
            if (rank(i, search).compareTo(Rank.NAMED_UNTRIED) <= 0) {
                return true;
            }
        }
        return false;
    }

    /** Like choose; if none is connected, the task is run once when one is. */
    public synchronized Choice<C> chooseOrWait(Search search, Runnable task) {
        Choice<C> chosen = choose(search);
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

    /** Whether a call need not wait for this one. A standby is no reason not to: it refuses the call for certain. */
    public synchronized boolean anotherMayDecide(int index) {
        for (int i = 0; i < all.size(); i++) {
            if (i != index && all.get(i).isUp() && !all.get(i).standby) {
                return true;
            }
        }
        return false;
    }

    /** Why there is no connection to the first address; null if there was no attempt. */
    public synchronized Exception lastError() {
        return all.get(0).why;
    }

    /**
     * It said that it is a standby, and that this one is the primary (-1: none of these); one that names itself is a
     * standby. Returns what setStandby does.
     */
    public synchronized boolean isStandby(int index, int primary) {
        boolean unmarked = primary >= 0 && primary != index && setStandby(primary, false);
        return setStandby(index, true) || unmarked;
    }

    /** It answered what a standby does not answer. Returns whether it had the mark of one. */
    public synchronized boolean decides(int index) {
        return setStandby(index, false);
    }

    /** Returns whether that is new, so that other calls may go elsewhere. */
    private boolean setStandby(int index, boolean standby) {
        boolean was = all.get(index).standby;
        all.get(index).standby = standby;
        return was != standby;
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
