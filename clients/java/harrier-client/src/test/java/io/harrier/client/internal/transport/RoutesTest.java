package io.harrier.client.internal.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RoutesTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private double chance = 0.5; // no jitter

    private Routes<String> routes(int addresses, int ejectAfter) {
        return new Routes<>(addresses, ejectAfter, () -> chance);
    }

    @Test
    void theFirstThatIsUpIsChosen() {
        Routes<String> routes = routes(2, 1);
        assertNull(routes.choose(null));
        routes.connected(1, "b");
        assertEquals(new Routes.Choice<>(1, "b"), routes.choose(null));
        routes.connected(0, "a");
        assertEquals(new Routes.Choice<>(0, "a"), routes.choose(null));
        assertTrue(routes.anotherMayDecide(0));
        routes.disconnected(0, new IOException("it broke"));
        assertEquals(1, routes.choose(null).index());
        assertEquals("it broke", routes.lastError().getMessage());
        assertFalse(routes.anotherMayDecide(1));
    }

    @Test
    void failuresInARowEject() {
        Routes<String> routes = routes(2, 3);
        routes.connected(0, "a");
        routes.connected(1, "b");
        assertEquals(0, routes.failed(0));
        assertEquals(0, routes.failed(0));
        routes.succeeded(0); // a success begins anew
        assertEquals(0, routes.failed(0));
        assertEquals(0, routes.failed(0));
        assertEquals(SECOND, routes.failed(0));
        assertEquals(0, routes.failed(0), "it is ejected already");
        assertEquals(1, routes.choose(null).index());
        assertFalse(routes.isUp(0));
    }

    @Test
    void theOnlyAddressIsNeverEjected() {
        Routes<String> routes = routes(1, 1);
        routes.connected(0, "a");
        for (int i = 0; i < 10; i++) {
            assertEquals(0, routes.failed(0));
        }
        assertTrue(routes.isUp(0));
    }

    @Test
    void ejectionsGrowUntilASuccess() {
        Routes<String> routes = routes(2, 1);
        routes.connected(0, "a");
        long length = routes.failed(0);
        for (long expected : new long[] {1, 2, 4, 8, 16, 30, 30}) {
            assertEquals(expected * SECOND, length);
            assertEquals("a", routes.takeProbe(0));
            assertNull(routes.takeProbe(0), "a probe is in flight");
            length = routes.probeFailed(0);
        }
        assertTrue(routes.succeeded(0));
        assertFalse(routes.succeeded(0));
        chance = 0;
        assertEquals((long) (0.8 * SECOND), routes.failed(0));
        routes.succeeded(0);
        chance = 1;
        assertEquals((long) (1.2 * SECOND), routes.failed(0));
    }

    @Test
    void aProbeWaitsForAConnection() {
        Routes<String> routes = routes(2, 1);
        routes.connected(0, "a");
        routes.failed(0);
        routes.disconnected(0, new IOException());
        assertNull(routes.takeProbe(0));
        assertTrue(routes.connected(0, "a2"), "to be probed now");
        assertFalse(routes.isUp(0));
        assertEquals("a2", routes.takeProbe(0));
        assertTrue(routes.succeeded(0));
        assertEquals(0, routes.probeFailed(0), "a call has succeeded meanwhile");
        assertEquals("a2", routes.choose(null).connection());
    }

    @Test
    void anEjectedAddressIsUsedIfNoneIsUp() {
        Routes<String> routes = routes(2, 1);
        routes.connected(0, "a");
        routes.connected(1, "b");
        routes.failed(0);
        routes.failed(1);
        assertEquals(0, routes.choose(null).index());
        routes.disconnected(0, new IOException());
        assertEquals(1, routes.choose(null).index());
    }

    @Test
    void waitingCallsAreWokenByAConnection() {
        Routes<String> routes = routes(2, 1);
        List<String> woken = new ArrayList<>();
        Runnable first = () -> woken.add("first");
        assertNull(routes.chooseOrWait(null, first));
        assertNull(routes.chooseOrWait(null, () -> woken.add("second")));
        assertNull(routes.chooseOrWait(null, () -> woken.add("third")));
        routes.stopWaiting(first);
        routes.connected(1, "b");
        assertEquals(List.of("second", "third"), woken);
        routes.connected(0, "a");
        assertEquals(2, woken.size());
    }

    /** Of a call that these have answered as standbys, in this order. */
    private static Search tried(int... indexes) {
        Search search = new Search();
        for (int index : indexes) {
            search.answered(index, -1);
        }
        return search;
    }

    /** All up. */
    private Routes<String> connected(int addresses) {
        Routes<String> routes = routes(addresses, 1);
        for (int i = 0; i < addresses; i++) {
            routes.connected(i, "c" + i);
        }
        return routes;
    }

    @Test
    void standbysComeAfterTheOthers() {
        Routes<String> routes = connected(3);
        assertTrue(routes.isStandby(0, -1));
        assertEquals(1, routes.choose(null).index());
        assertTrue(routes.isStandby(1, -1));
        assertFalse(routes.isStandby(1, -1), "that was known");
        assertEquals(2, routes.choose(null).index());
        assertTrue(routes.isStandby(2, 0), "the named one is none any more");
        assertEquals(0, routes.choose(null).index());
        assertTrue(routes.isStandby(0, -1));
        assertEquals(0, routes.choose(null).index(), "all are: the first");
        assertTrue(routes.decides(1));
        assertFalse(routes.decides(1));
        assertEquals(1, routes.choose(null).index());
        assertTrue(routes.isUp(0));
        routes.disconnected(1, new IOException());
        assertEquals(0, routes.choose(null).index(), "a standby that is up comes before what is not connected");
    }

    @Test
    void aStandbyIsNoOtherAddressToGoTo() {
        Routes<String> routes = connected(2);
        routes.isStandby(0, -1);
        assertFalse(routes.anotherMayDecide(1));
        assertTrue(routes.anotherMayDecide(0));
        routes.disconnected(1, new IOException());
        assertFalse(routes.anotherMayDecide(1));
    }

    @Test
    void anEjectedAddressComesAfterStandbys() {
        Routes<String> routes = connected(2);
        routes.isStandby(1, -1);
        routes.failed(0);
        assertEquals(1, routes.choose(null).index());
        assertEquals(1, routes.choose(tried(1)).index());
        assertFalse(routes.mayDecide(tried(1)));
    }

    @Test
    void unlessItIsNamed() {
        Routes<String> routes = connected(2);
        routes.failed(0);
        routes.isStandby(1, 0);
        Search search = new Search();
        search.answered(1, 0);
        assertEquals(0, routes.choose(search).index());
        assertTrue(routes.mayDecide(search));
        assertEquals(1, routes.choose(null).index(), "other calls ask the standby first");
        routes.disconnected(0, new IOException());
        assertEquals(1, routes.choose(search).index());
        assertFalse(routes.mayDecide(search));
    }

    @Test
    void standbysAreAskedInTurns() {
        Routes<String> routes = connected(3);
        routes.isStandby(0, -1);
        routes.isStandby(1, -1);
        routes.isStandby(2, -1);
        assertEquals(1, routes.choose(tried(0)).index());
        assertFalse(routes.mayDecide(tried(0)));
        assertEquals(2, routes.choose(tried(0, 1)).index());
        assertEquals(1, routes.choose(tried(0, 2)).index());
        assertEquals(0, routes.choose(tried(0, 2, 1)).index());
    }

    @Test
    void afterAWaitAllMayBeTriedAgain() {
        Routes<String> routes = connected(2);
        Search search = tried(0, 1);
        assertFalse(routes.mayDecide(search));
        search.waiting();
        assertTrue(routes.mayDecide(search));
        assertEquals(0, routes.choose(search).index());
    }

    @Test
    void standbysThatNameEachOtherAreNotTriedForEver() {
        Routes<String> routes = connected(3);
        routes.isStandby(0, 1);
        routes.isStandby(1, 0);
        assertEquals(2, routes.choose(tried(0, 1)).index());
        routes.isStandby(2, 0);
        assertFalse(routes.mayDecide(tried(0, 1, 2)));
        assertEquals(0, routes.choose(null).index());
    }

    @Test
    void aStandbyThatNamesItselfIsOne() {
        Routes<String> routes = connected(2);
        assertTrue(routes.isStandby(0, 0));
        assertFalse(routes.isStandby(0, 0), "that was known");
        assertEquals(1, routes.choose(null).index());
    }
}
