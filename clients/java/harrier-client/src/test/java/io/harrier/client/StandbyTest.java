package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.harrier.client.HarrierException.Decided;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three nodes of a cluster, a, b and c; the client has a and b, or all. */
@Timeout(120)
class StandbyTest {
    private static final Duration LONG = Duration.ofSeconds(100);
    // Long enough for many rounds, and for the last answer on a busy machine.
    private static final CallOptions IN_VAIN = CallOptions.deadline(Duration.ofSeconds(3));

    private FakeServer a;
    private FakeServer b;
    private FakeServer c;
    private final Counts counts = new Counts();

    @BeforeEach
    void start() throws IOException {
        a = FakeServer.start();
        b = FakeServer.start();
        c = FakeServer.start();
    }

    @AfterEach
    void stop() throws IOException {
        a.close();
        b.close();
        c.close();
    }

    /** The sums of counters, and the values of gauges, by name and label. */
    private static final class Counts implements Metrics {
        private final Map<String, Double> values = new ConcurrentHashMap<>();

        @Override
        public void count(String name, double amount, Map<String, String> labels) {
            values.merge(name + labels, amount, Double::sum);
        }

        @Override
        public void observe(String name, double value, Map<String, String> labels) {}

        @Override
        public void set(String name, double value, Map<String, String> labels) {
            values.put(name + labels, value);
        }

        double of(String name, String label, String value) {
            return values.getOrDefault(name + Map.of(label, value), 0.0);
        }

        double retries(String reason) {
            return of("harrier_client_retries_total", "reason", reason);
        }

        boolean isUp(FakeServer server) {
            return of("harrier_client_address_up", "address", server.address()) == 1;
        }
    }

    /** A client that has connected to all of these, so that the order of the addresses decides. */
    private HarrierClient client(int retriesMax, FakeServer... servers) {
        HarrierClient client = HarrierClient.builder(Stream.of(servers).map(FakeServer::address).toList())
                .deadline(LONG).retriesMax(retriesMax).ejectAfter(1).metrics(counts).build();
        for (FakeServer server : servers) {
            awaitUp(server);
        }
        return client;
    }

    /** Can be interrupted, so that the limit of the tests' time ends it. */
    private void awaitUp(FakeServer server) {
        try {
            while (!counts.isUp(server)) {
                Thread.sleep(1);
            }
        } catch (InterruptedException late) {
            throw new AssertionError(server.address() + " is not up", late);
        }
    }

    private static Transaction transaction(String id) {
        return Transaction.builder(id).eventTime(Instant.EPOCH.plusSeconds(1)).build();
    }

    private void assertAsked(int a, int b, int c) {
        assertEquals(List.of(a, b, c), Stream.of(this.a, this.b, this.c).map(s -> s.requests().size()).toList());
    }

    @Test
    void oneAfterTheOtherIfNoneIsNamed() {
        a.standBy("");
        b.standBy("");
        try (HarrierClient client = client(0, a, b, c)) {
            client.score(transaction("t1"));
            assertAsked(1, 1, 1);
            client.score(transaction("t2"));
            assertAsked(1, 1, 2);
            assertEquals("fake", client.status(CallOptions.none()).version());
            assertAsked(1, 1, 3);
            assertEquals(2, counts.retries("not_primary"));
            assertTrue(counts.isUp(a));
        }
    }

    @Test
    void theNamedAddressIsNext() {
        a.standBy("");
        b.standBy("");
        try (HarrierClient client = client(0, a, b, c)) {
            client.score(transaction("t1"));
            a.standBy(b.address());
            b.answering(FakeServer::approve);
            c.standBy(b.address());
            client.score(transaction("t2"));
            assertAsked(1, 2, 2);
            client.score(transaction("t3"));
            assertAsked(1, 3, 2);
        }
    }

    @Test
    void anAddressOutsideTheListIsNeverConnectedTo() {
        a.standBy(c.address());
        try (HarrierClient client = client(0, a, b)) {
            client.score(transaction("t1"));
            assertAsked(1, 1, 0);
            b.standBy(c.address());
            HarrierException error =
                    assertThrows(HarrierException.Unavailable.class, () -> client.score(transaction("t2"), IN_VAIN));
            assertTrue(error.getMessage().contains(c.address() + ", which is not one of them"), error.getMessage());
            assertFalse(c.wasFound());
        }
    }

    @Test
    void theSearchEndsAtTheDeadline() {
        a.standBy("");
        b.standBy(a.address());
        try (HarrierClient client = client(0, a, b)) {
            long begun = System.nanoTime();
            HarrierException error =
                    assertThrows(HarrierException.Unavailable.class, () -> client.score(transaction("t1"), IN_VAIN));
            assertTrue(System.nanoTime() - begun >= IN_VAIN.deadlineNanos);
            assertEquals(Decided.NO, error.decided());
            assertTrue(error.getMessage().startsWith("no server at " + a.address() + ", " + b.address()
                    + " is the primary"), error.getMessage());
            int sent = a.requests().size() + b.requests().size();
            assertTrue(a.requests().size() > 2 && !b.requests().isEmpty(), "more than once");
            assertTrue(sent < 60, sent + " requests: it waits in between");
            assertEquals(sent - 1, counts.retries("not_primary"));
            assertEquals(0, counts.of("harrier_client_ejections_total", "address", a.address()));
        }
    }

    @Test
    void aTakeOverDuringACall() {
        a.standBy("");
        b.answering(request -> b.requests().size() < 4 ? FakeServer.notPrimary("") : FakeServer.approve(request));
        try (HarrierClient client = client(0, a, b)) {
            assertEquals("t1", client.score(transaction("t1")).transactionId());
            assertEquals(4, b.requests().size());
            int before = a.requests().size();
            client.score(transaction("t2"));
            assertEquals(before, a.requests().size(), "the one that decided has lost its mark");
        }
    }

    @Test
    void anAmendmentFindsThePrimary() {
        a.standBy("");
        b.answering(request -> b.requests().size() < 3 ? FakeServer.notPrimary("") : FakeServer.approve(request));
        try (HarrierClient client = client(0, a, b)) {
            Amendment refund = new Amendment("t1", Amendment.Kind.REFUND, 300);
            assertTrue(client.amend(refund, CallOptions.none()).changed());
            assertAsked(3, 3, 0);
            assertEquals(5, counts.retries("not_primary"));
            client.score(transaction("t1"));
            assertEquals(3, a.requests().size(), "the one that accepted it has lost its mark");
        }
    }

    @Test
    void aStandbyThatNamesItselfIsNotBelieved() {
        a.standBy(a.address());
        b.answering(request -> b.requests().size() < 3 ? FakeServer.notPrimary("") : FakeServer.approve(request));
        try (HarrierClient client = client(0, a, b)) {
            assertEquals("t1", client.score(transaction("t1")).transactionId());
            assertEquals(3, b.requests().size());
        }
    }

    @Test
    void theOnlyAddress() {
        a.answering(request -> a.requests().size() < 4 ? FakeServer.notPrimary("") : FakeServer.approve(request));
        try (HarrierClient client = client(0, a)) {
            assertEquals("t1", client.score(transaction("t1")).transactionId());
        }
    }

    @Test
    void aBrokenConnectionMakesItUndecided() {
        a.answering(request -> {
            a.standBy("");
            a.breakConnections();
            return null;
        });
        try (HarrierClient client = client(1, a)) {
            HarrierException error =
                    assertThrows(HarrierException.Unavailable.class, () -> client.score(transaction("t1"), IN_VAIN));
            assertEquals(Decided.UNKNOWN, error.decided());
            assertEquals(1, counts.retries("connection"));
            assertTrue(counts.retries("not_primary") > 0);
        }
    }

    @Test
    void aStandbyIsUpWhenItIsProbed() {
        a.answering(request -> FakeServer.error(Wire.ErrorCode.ERROR_UNAVAILABLE, "it is starting"));
        try (HarrierClient client = client(1, a, b)) {
            client.score(transaction("t1"));
            assertFalse(counts.isUp(a));
            a.standBy(b.address());
            awaitUp(a);
            client.score(transaction("t2"));
            assertAsked(3, 2, 0); // a: twice by calls, and the probe
        }
    }

    @Test
    void theStatusOfAStandby() {
        a.standBy(b.address());
        try (HarrierClient client = client(0, a)) {
            Status status = client.status(CallOptions.none());
            assertTrue(status.isStandby());
            assertFalse(status.isReady());
            assertEquals(new Status.Cluster("fake-1", b.address(), 7), status.cluster());
        }
    }

    @Test
    void aSingleTransactionThatAStandbyRefused() {
        a.answering(request -> {
            Wire.ScoreResponse.Builder results = Wire.ScoreResponse.newBuilder();
            results.addResultsBuilder().setError(FakeServer.notPrimary("").getError());
            return Wire.Response.newBuilder().setScore(results).build();
        });
        try (HarrierClient client = client(0, a)) {
            HarrierException error = client.scoreMany(List.of(transaction("t1"))).get(0).error();
            assertInstanceOf(HarrierException.Unavailable.class, error);
            assertEquals(Decided.NO, error.decided());
        }
    }

    @Test
    void onlyWhatWritesSaysWhoDecides() {
        Transaction one = transaction("t1");
        assertTrue(ScoreEncoder.request(List.of(one), CallOptions.none()).writes);
        assertFalse(ScoreEncoder.request(List.of(one), CallOptions.none().withDryRun()).writes);
        assertTrue(Requests.outcomes(List.of(new Outcome("t1", Label.FRAUD)), CallOptions.none()).writes);
        assertTrue(Requests.amendments(
                List.of(new Amendment("t1", Amendment.Kind.VOID)), CallOptions.none()).writes);
        assertFalse(Requests.status(CallOptions.none()).writes);
        assertFalse(Requests.explain("t1", CallOptions.none()).writes);
    }
}
