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
        assertNull(routes.choose());
        routes.connected(1, "b");
        assertEquals(new Routes.Choice<>(1, "b"), routes.choose());
        routes.connected(0, "a");
        assertEquals(new Routes.Choice<>(0, "a"), routes.choose());
        assertTrue(routes.anotherIsUp(0));
        routes.disconnected(0, new IOException("it broke"));
        assertEquals(1, routes.choose().index());
        assertEquals("it broke", routes.lastError().getMessage());
        assertFalse(routes.anotherIsUp(1));
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
        assertEquals(1, routes.choose().index());
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
        assertEquals("a2", routes.choose().connection());
    }

    @Test
    void anEjectedAddressIsUsedIfNoneIsUp() {
        Routes<String> routes = routes(2, 1);
        routes.connected(0, "a");
        routes.connected(1, "b");
        routes.failed(0);
        routes.failed(1);
        assertEquals(0, routes.choose().index());
        routes.disconnected(0, new IOException());
        assertEquals(1, routes.choose().index());
    }

    @Test
    void waitingCallsAreWokenByAConnection() {
        Routes<String> routes = routes(2, 1);
        List<String> woken = new ArrayList<>();
        Runnable first = () -> woken.add("first");
        assertNull(routes.chooseOrWait(first));
        assertNull(routes.chooseOrWait(() -> woken.add("second")));
        assertNull(routes.chooseOrWait(() -> woken.add("third")));
        routes.stopWaiting(first);
        routes.connected(1, "b");
        assertEquals(List.of("second", "third"), woken);
        routes.connected(0, "a");
        assertEquals(2, woken.size());
    }
}
