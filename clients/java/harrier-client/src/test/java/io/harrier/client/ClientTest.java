package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.harrier.client.HarrierException.Decided;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class ClientTest {
    private static final Duration LONG = Duration.ofSeconds(100);
    private static final CallOptions SHORT = CallOptions.deadline(Duration.ofMillis(100));

    private FakeServer server;

    @BeforeEach
    void start() throws IOException {
        server = FakeServer.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private HarrierClient.Builder builder() {
        return HarrierClient.builder(server.address()).deadline(LONG);
    }

    private static Transaction transaction(String id) {
        return Transaction.builder(id).eventTime(Instant.EPOCH.plusSeconds(1)).build();
    }

    @Test
    void blockingCallsAndFutures() {
        try (HarrierClient client = builder().build()) {
            Decision decision = client.score(transaction("a"));
            assertEquals(Verdict.APPROVE, decision.verdict());
            assertFalse(decision.fallback());
            assertEquals("b", client.scoreAsync(transaction("b")).join().transactionId());
            List<Transaction> many = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                many.add(transaction("many" + i));
            }
            List<Result<Decision>> results = client.scoreMany(many);
            assertEquals(1000, results.size());
            assertEquals("many999", results.get(999).get().transactionId());
            assertTrue(client.status(CallOptions.none()).isReady());
        }
    }

    @Test
    void largeRequestsDoNotBlockOthers() {
        try (HarrierClient client = builder().build()) {
            Transaction.Builder large = Transaction.builder("large");
            for (int i = 0; i < 64; i++) {
                large.attribute(Attribute.of("a" + i, "x".repeat(1024)));
            }
            List<CompletableFuture<List<Result<Decision>>>> futures = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                futures.add(client.scoreManyAsync(Collections.nCopies(25, large.build()), CallOptions.none()));
                futures.add(client.scoreManyAsync(List.of(transaction("small")), CallOptions.none()));
            }
            for (int i = 0; i < futures.size(); i++) {
                assertEquals(i % 2 == 0 ? 25 : 1, futures.get(i).join().size());
            }
        }
    }

    @Test
    void anErrorHasTheStackOfItsCaller() {
        server.answering(request -> FakeServer.error(Wire.ErrorCode.ERROR_DENIED, "no"));
        try (HarrierClient client = builder().build()) {
            HarrierException error = assertThrows(HarrierException.Denied.class, () -> client.score(transaction("a")));
            assertEquals(ErrorCode.DENIED, error.code());
            assertTrue(List.of(error.getStackTrace()).stream().anyMatch(e -> e.getClassName().contains("ClientTest")));
            CompletableFuture<Decision> future = client.scoreAsync(transaction("a"));
            assertInstanceOf(HarrierException.Denied.class,
                    assertThrows(CompletionException.class, future::join).getCause());
        }
    }

    @Test
    void fallbackFunctionsSeeTransactionAndError() {
        server.silence();
        AtomicReference<HarrierException> seen = new AtomicReference<>();
        Fallback fallback = (transaction, error) -> {
            seen.set(error);
            return transaction.id().equals("a") ? Verdict.APPROVE : Verdict.DECLINE;
        };
        try (HarrierClient client = builder().fallback(fallback).build()) {
            List<Result<Decision>> results = client.scoreMany(List.of(transaction("a"), transaction("b")), SHORT);
            assertEquals(Verdict.APPROVE, results.get(0).get().verdict());
            Decision second = results.get(1).get();
            assertEquals(Decision.fallback("b", Verdict.DECLINE, seen.get().code()), second);
            assertTrue(second.fallback());
            assertThrows(HarrierException.class, () -> client.score(transaction("a"), SHORT.withDryRun()));
        }
    }

    @Test
    void aFallbackThatFailsIsTheErrorOfTheCall() {
        server.silence();
        RuntimeException defect = new IllegalStateException("a defect");
        Fallback fallback = (transaction, error) -> {
            throw defect;
        };
        try (HarrierClient client = builder().fallback(fallback).build()) {
            assertSame(defect,
                    assertThrows(IllegalStateException.class, () -> client.score(transaction("a"), SHORT)));
        }
    }

    @Test
    void aFallbackReplacesOnlySomeErrorsOfTransactions() {
        Wire.ErrorCode[] codes = {Wire.ErrorCode.ERROR_UNAVAILABLE, Wire.ErrorCode.ERROR_INVALID,
            Wire.ErrorCode.ERROR_DEADLINE, Wire.ErrorCode.ERROR_ID_CONFLICT, Wire.ErrorCode.ERROR_INTERNAL};
        server.answering(request -> {
            if (!request.hasScore()) {
                return FakeServer.approve(request);
            }
            Wire.ScoreResponse.Builder results = Wire.ScoreResponse.newBuilder();
            for (Wire.ErrorCode code : codes) {
                results.addResultsBuilder().getErrorBuilder().setCode(code).setMessage("so it is");
            }
            return Wire.Response.newBuilder().setScore(results).build();
        });
        try (HarrierClient client = builder().fallback(Verdict.REVIEW).build()) {
            List<Result<Decision>> results = client.scoreMany(Collections.nCopies(5, transaction("a")));
            assertEquals(List.of(true, false, true, false, true), results.stream().map(Result::isOk).toList());
            assertEquals(ErrorCode.INTERNAL, results.get(4).get().fallbackReason());
            assertInstanceOf(HarrierException.IdConflict.class, results.get(3).error());
        }
    }

    @Test
    void moreCallsThanSlotsAreBusy() {
        server.silence();
        try (HarrierClient client = builder().inFlightMax(1).build()) {
            CompletableFuture<Decision> first = client.scoreAsync(transaction("a"));
            HarrierException error =
                    assertThrows(HarrierException.Busy.class, () -> client.score(transaction("b"), SHORT));
            assertEquals(Decided.NO, error.decided());
            CompletableFuture<Decision> next = client.scoreAsync(transaction("c"));
            server.answering(FakeServer::approve);
            first.cancel(false); // gives its slot to the next
            assertEquals("c", next.join().transactionId());
        }
    }

    @Test
    void thousandsOfWaitingCallsEndTogether() {
        server.silence();
        try (HarrierClient client = builder().inFlightMax(1).build()) {
            List<CompletableFuture<Decision>> calls = new ArrayList<>();
            for (int i = 0; i < 5000; i++) {
                calls.add(client.scoreAsync(transaction("t" + i), SHORT));
            }
            for (CompletableFuture<Decision> call : calls) {
                assertInstanceOf(HarrierException.class,
                        assertThrows(CompletionException.class, call::join).getCause());
            }
        }
    }

    @Test
    void anInterruptEndsACall() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        server.answering(request -> {
            asked.countDown();
            return null;
        });
        try (HarrierClient client = builder().build()) {
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            AtomicReference<Boolean> flag = new AtomicReference<>();
            Thread caller = new Thread(() -> {
                try {
                    client.score(transaction("a"));
                } catch (RuntimeException expected) {
                    thrown.set(expected);
                }
                flag.set(Thread.currentThread().isInterrupted());
            });
            caller.start();
            asked.await();
            caller.interrupt();
            caller.join();
            assertInstanceOf(CancellationException.class, thrown.get());
            assertTrue(flag.get());
            // The connection is not affected, not even by a thread that is interrupted when it sends.
            server.answering(FakeServer::approve);
            Thread.currentThread().interrupt();
            try {
                client.score(transaction("b"));
            } catch (CancellationException mayBe) {
                assertTrue(Thread.interrupted());
            }
            Thread.interrupted();
            assertEquals("c", client.score(transaction("c")).transactionId());
        }
    }

    @Test
    void closingEndsWhatIsInFlight() {
        server.silence();
        HarrierClient client = builder().build();
        CompletableFuture<Decision> call = client.scoreAsync(transaction("a"));
        while (server.requests().isEmpty()) {
            Thread.onSpinWait();
        }
        client.close(Duration.ofMillis(10));
        HarrierException error = (HarrierException) assertThrows(CompletionException.class, call::join).getCause();
        assertEquals(ErrorCode.CLOSED, error.code());
        assertEquals(Decided.UNKNOWN, error.decided());
        client.close();
        assertThrows(HarrierException.Closed.class, () -> client.score(transaction("b")));
    }

    @Test
    void aBrokenConnectionIsSentAgain() {
        List<Integer> times = new ArrayList<>();
        server.answering(request -> {
            times.add(1);
            if (times.size() < 3) {
                server.breakConnections();
                return null;
            }
            return FakeServer.approve(request);
        });
        try (HarrierClient client = builder().build()) {
            assertEquals("a", client.score(transaction("a")).transactionId());
            assertEquals(3, server.requests().size());
        }
    }

    @Test
    void aTokenCanChangeAndFail() {
        AtomicReference<String> token = new AtomicReference<>("first");
        try (HarrierClient client = builder().token(token::get).build()) {
            client.score(transaction("a"));
            token.set("second");
            client.score(transaction("b"));
            assertEquals(List.of("first", "second"), server.requests().stream().map(Wire.Request::getToken).toList());
            token.set("se\ncret");
            HarrierException error =
                    assertThrows(HarrierException.Invalid.class, () -> client.score(transaction("c")));
            assertEquals("token", error.field());
            assertFalse(error.toString().contains("cret"));
        }
    }

    @Test
    void whatTheMetricsHookThrowsIsDropped() {
        Metrics broken = new Metrics() {
            @Override
            public void count(String name, double amount, Map<String, String> labels) {
                throw new IllegalStateException();
            }

            @Override
            public void observe(String name, double value, Map<String, String> labels) {
                throw new IllegalStateException();
            }

            @Override
            public void set(String name, double value, Map<String, String> labels) {
                throw new IllegalStateException();
            }
        };
        try (HarrierClient client = builder().metrics(broken).build()) {
            assertEquals("a", client.score(transaction("a")).transactionId());
        }
    }

    @Test
    void aBatchWithOneThatCannotBeEncoded() {
        try (HarrierClient client = builder().build(); Batcher batcher = client.batcher(Duration.ofMillis(50), 3)) {
            CompletableFuture<Decision> first = batcher.scoreAsync(transaction("a"), CallOptions.none());
            CompletableFuture<Decision> second = batcher.scoreAsync(transaction("\uD83D"), CallOptions.none());
            CompletableFuture<Decision> third = batcher.scoreAsync(transaction("c"), CallOptions.none());
            assertEquals("a", first.join().transactionId());
            assertInstanceOf(HarrierException.Invalid.class,
                    assertThrows(CompletionException.class, second::join).getCause());
            assertEquals("c", third.join().transactionId());
        }
    }

    @Test
    void closingABatcherSendsWhatItHolds() {
        try (HarrierClient client = builder().build()) {
            Batcher batcher = client.batcher(Duration.ofSeconds(1), 100);
            CompletableFuture<Decision> call = batcher.scoreAsync(transaction("a"), CallOptions.none());
            batcher.close();
            assertEquals("a", call.join().transactionId());
            assertThrows(HarrierException.Closed.class, () -> batcher.score(transaction("b")));
            assertThrows(HarrierException.Invalid.class, () -> client.batcher(Duration.ofSeconds(2), 1));
            assertThrows(HarrierException.Invalid.class, () -> client.batcher(Duration.ofMillis(1), 1001));
        }
    }

    @Test
    void aBatchOfAClosedClientEnds() {
        HarrierClient client = builder().build();
        Batcher batcher = client.batcher(Duration.ofSeconds(1), 100);
        CompletableFuture<Decision> before = batcher.scoreAsync(transaction("a"), CallOptions.none());
        client.close();
        CompletableFuture<Decision> after = batcher.scoreAsync(transaction("b"), CallOptions.none());
        for (CompletableFuture<Decision> call : List.of(before, after)) {
            assertInstanceOf(HarrierException.Closed.class,
                    assertThrows(CompletionException.class, call::join).getCause());
        }
    }

    @Test
    void tls(@TempDir Path folder) throws Exception {
        SSLContext context = TestTls.context(folder, "ip:127.0.0.1,dns:localhost");
        try (FakeServer secured = FakeServer.start(context);
                HarrierClient client =
                        HarrierClient.builder(secured.address()).deadline(LONG).sslContext(context).build()) {
            assertEquals("a", client.score(transaction("a")).transactionId());
            List<Transaction> many = Collections.nCopies(1000, Transaction.builder("b").merchant("m".repeat(500)).build());
            List<CompletableFuture<List<Result<Decision>>>> calls = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                calls.add(client.scoreManyAsync(many, CallOptions.none()));
            }
            calls.forEach(call -> assertEquals(1000, call.join().size()));
            secured.breakConnections();
            assertEquals("c", client.score(transaction("c")).transactionId());
        }
    }

    @Test
    void tlsChecksTheServer(@TempDir Path folder) throws Exception {
        SSLContext elsewhere = TestTls.context(folder, "dns:elsewhere.example");
        try (FakeServer secured = FakeServer.start(elsewhere)) {
            for (SSLContext trust : new SSLContext[] {elsewhere, null}) { // another host; not trusted
                try (HarrierClient client =
                        HarrierClient.builder(secured.address()).sslContext(trust).build()) {
                    HarrierException error = assertThrows(HarrierException.Unavailable.class,
                            () -> client.score(transaction("a"), CallOptions.deadline(Duration.ofSeconds(2))));
                    assertEquals(Decided.NO, error.decided());
                }
            }
            assertTrue(secured.requests().isEmpty());
        }
    }
}
