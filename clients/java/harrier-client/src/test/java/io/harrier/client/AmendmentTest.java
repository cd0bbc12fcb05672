package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import io.harrier.client.Amendment.AmendedTransaction;
import io.harrier.client.Amendment.Kind;
import io.harrier.client.HarrierException.Decided;
import io.harrier.client.admin.Explanation;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class AmendmentTest {
    private static final Duration LONG = Duration.ofSeconds(100);
    private static final CallOptions NONE = CallOptions.none();
    private static final Amendment VOID = new Amendment("t1", Kind.VOID);
    private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private static final AmendedTransaction NOTHING = new AmendedTransaction(false, 0, 0);

    private final Map<String, Integer> counted = new ConcurrentHashMap<>();
    private FakeServer server;

    @BeforeEach
    void start() throws IOException {
        server = FakeServer.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    /** Counts by name and labels, and forgets the rest. */
    private final class Counter implements Metrics {
        @Override
        public void count(String name, double amount, Map<String, String> labels) {
            counted.merge(name + labels.values().stream().sorted().toList(), (int) amount, Integer::sum);
        }

        @Override
        public void observe(String name, double value, Map<String, String> labels) {}

        @Override
        public void set(String name, double value, Map<String, String> labels) {}
    }

    private HarrierClient.Builder builder(String... addresses) {
        return HarrierClient.builder(addresses).deadline(LONG).metrics(new Counter());
    }

    private HarrierClient client() {
        return builder(server.address()).build();
    }

    /** What a server reads of them. */
    private static Wire.AmendRequest sent(Amendment... amendments) throws InvalidProtocolBufferException {
        Request request = Requests.amendments(List.of(amendments), NONE);
        assertEquals(amendments.length, request.count);
        return Wire.Request.parser().parseFrom(request.body, 0, request.length).getAmend();
    }

    private static Wire.Response answered(Wire.AmendmentResult... results) {
        return Wire.Response.newBuilder()
                .setAmend(Wire.AmendResponse.newBuilder().addAllResults(List.of(results)))
                .build();
    }

    private static Wire.AmendmentResult accepted(Wire.AmendmentAccepted.Builder accepted) {
        return Wire.AmendmentResult.newBuilder().setAccepted(accepted).build();
    }

    private static Wire.AmendmentResult missing() {
        return Wire.AmendmentResult.newBuilder()
                .setError(Wire.Error.newBuilder().setCode(Wire.ErrorCode.ERROR_NOT_FOUND)
                        .setField("transaction_id").setMessage("not scored"))
                .build();
    }

    private static Wire.AmendedTransaction amended(boolean voided, long amount, long refunded) {
        return Wire.AmendedTransaction.newBuilder()
                .setVoided(voided).setAmountMinor(amount).setRefundedMinor(refunded).build();
    }

    @Test
    void everyFieldIsEncodedInOrder() throws InvalidProtocolBufferException {
        Instant known = Instant.parse("2026-01-02T00:00:00.123456789Z");
        Wire.AmendRequest expected = Wire.AmendRequest.newBuilder()
                .addAmendments(Wire.Amendment.newBuilder().setTransactionId("häßlich")
                        .setKind(Wire.AmendmentKind.AMENDMENT_CAPTURE).setAmountMinor(9_999_999_999_999L)
                        .setKnownTimeUs(1767312000_123456L).setSource("settlement-feed"))
                .addAmendments(Wire.Amendment.newBuilder().setTransactionId("t1")
                        .setKind(Wire.AmendmentKind.AMENDMENT_VOID))
                .addAmendments(Wire.Amendment.newBuilder().setTransactionId("t2")
                        .setKind(Wire.AmendmentKind.AMENDMENT_REFUND).setAmountMinor(300))
                .build();
        assertEquals(expected, sent(
                new Amendment("häßlich", Kind.CAPTURE, 9_999_999_999_999L, known, "settlement-feed"), VOID,
                new Amendment("t2", Kind.REFUND, 300)));
    }

    @Test
    void everyKindHasItsNumberAndName() throws InvalidProtocolBufferException {
        List<Wire.AmendmentKind> known = Arrays.stream(Wire.AmendmentKind.values())
                .filter(kind -> kind != Wire.AmendmentKind.AMENDMENT_UNSPECIFIED
                        && kind != Wire.AmendmentKind.UNRECOGNIZED)
                .toList();
        List<Wire.AmendmentKind> ours = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            Wire.AmendmentKind wire = sent(new Amendment("t", kind)).getAmendments(0).getKind();
            assertEquals("AMENDMENT_" + kind.code().toUpperCase(), wire.name());
            ours.add(wire);
        }
        assertEquals(known, ours);
    }

    @Test
    void countsTextsAndSizesAreLimited() {
        assertEquals(1000, Requests.amendments(Collections.nCopies(1000, VOID), NONE).count);
        HarrierException error =
                assertThrows(HarrierException.Invalid.class, () -> Requests.amendments(List.of(), NONE));
        assertEquals("amendments", error.field());
        error = assertThrows(HarrierException.TooLarge.class,
                () -> Requests.amendments(Collections.nCopies(1001, VOID), NONE));
        assertEquals("amendments", error.field());
        Amendment large = new Amendment("t1", Kind.VOID, 0, null, "x".repeat(3000));
        assertThrows(HarrierException.TooLarge.class,
                () -> Requests.amendments(Collections.nCopies(1000, large), NONE));
        error = assertThrows(HarrierException.Invalid.class,
                () -> Requests.amendments(List.of(VOID, new Amendment("\uD83D", Kind.VOID)), NONE));
        assertEquals("transaction_id", error.field());
        error = assertThrows(HarrierException.Invalid.class,
                () -> Requests.amendments(List.of(new Amendment("t", Kind.VOID, 0, null, "x\uDE00")), NONE));
        assertEquals("source", error.field());
        error = assertThrows(HarrierException.Invalid.class,
                () -> Requests.amendments(List.of(new Amendment("t", Kind.VOID, 0, Instant.MAX, "")), NONE));
        assertEquals("known_time_us", error.field());
        assertThrows(NullPointerException.class, () -> new Amendment(null, Kind.VOID));
        assertThrows(NullPointerException.class, () -> new Amendment("t", null));
        assertThrows(NullPointerException.class, () -> new Amendment("t", Kind.VOID, 0, null, null));
    }

    @Test
    void resultsSayWhatChanged() {
        server.answering(request -> answered(
                accepted(Wire.AmendmentAccepted.newBuilder().setTransactionId("t1").setPosition(77).setChanged(true)
                        .setPrevious(amended(false, 5000, 0)).setNow(amended(false, 4500, 300))),
                accepted(Wire.AmendmentAccepted.newBuilder().setTransactionId("t2")
                        .setPrevious(amended(true, 5000, 0)).setNow(amended(true, 5000, 0))),
                missing(),
                accepted(Wire.AmendmentAccepted.newBuilder())));
        try (HarrierClient client = client()) {
            List<Result<Amendment.Accepted>> results = client.amendMany(Collections.nCopies(4, VOID), NONE);
            assertEquals(
                    new Amendment.Accepted("t1", 77, true, new AmendedTransaction(false, 5000, 0),
                            new AmendedTransaction(false, 4500, 300)),
                    results.get(0).get());
            AmendedTransaction voided = new AmendedTransaction(true, 5000, 0);
            assertEquals(new Amendment.Accepted("t2", 0, false, voided, voided), results.get(1).get());
            assertFalse(results.get(2).isOk());
            assertInstanceOf(HarrierException.NotFound.class, results.get(2).error());
            assertEquals("transaction_id", results.get(2).error().field());
            assertEquals(new Amendment.Accepted("", 0, false, NOTHING, NOTHING), results.get(3).get());
        }
    }

    @Test
    void blockingCallsAndFutures() {
        try (HarrierClient client = client()) {
            CallOptions traced = NONE.withTraceparent(TRACE);
            assertEquals("t1", client.amend(VOID, traced).transactionId());
            assertEquals(8, client.amendAsync(VOID, traced).join().position());
            assertTrue(client.amendMany(List.of(VOID), traced).get(0).get().changed());
            assertTrue(client.amendManyAsync(List.of(VOID), traced).join().get(0).get().changed());
            assertEquals(4, server.requests().size());
            for (Wire.Request request : server.requests()) {
                assertEquals(TRACE, request.getTraceparent());
                assertEquals(Wire.AmendmentKind.AMENDMENT_VOID, request.getAmend().getAmendments(0).getKind());
            }
            server.answering(request -> answered(missing()));
            assertThrows(HarrierException.NotFound.class, () -> client.amend(VOID, NONE));
            assertInstanceOf(HarrierException.NotFound.class,
                    assertThrows(CompletionException.class, () -> client.amendAsync(VOID, NONE).join()).getCause());
            assertThrows(HarrierException.Invalid.class, () -> client.amendMany(List.of(), NONE));
            assertThrows(HarrierException.Invalid.class, () -> client.amendManyAsync(List.of(), NONE));
            assertEquals(6, server.requests().size());
        }
        // An amendment's error is not the call's.
        assertEquals(6, counted.get("harrier_client_calls_total[amend, ok]"));
    }

    @Test
    void anAnswerToSomethingElseIsRefused() {
        List<Wire.Response> wrong = List.of(
                answered(Wire.AmendmentResult.getDefaultInstance()),
                answered(),
                answered(missing(), missing()),
                Wire.Response.newBuilder()
                        .setReportOutcome(Wire.ReportOutcomeResponse.newBuilder()
                                .addResults(Wire.OutcomeResult.newBuilder()
                                        .setAccepted(Wire.OutcomeAccepted.getDefaultInstance())))
                        .build());
        try (HarrierClient client = client()) {
            for (Wire.Response response : wrong) {
                server.answering(request -> response);
                HarrierException error = assertThrows(HarrierException.class, () -> client.amend(VOID, NONE));
                assertEquals(ErrorCode.PROTOCOL, error.code());
                assertEquals(Decided.UNKNOWN, error.decided());
            }
        }
    }

    @Test
    void itIsSentAgain() {
        server.answering(request -> switch (server.requests().size()) {
            case 1 -> {
                server.breakConnections();
                yield null;
            }
            case 2 -> FakeServer.error(Wire.ErrorCode.ERROR_UNAVAILABLE, "it is starting");
            default -> FakeServer.approve(request);
        });
        try (HarrierClient client = client()) {
            assertTrue(client.amend(VOID, NONE).changed());
            assertEquals(3, server.requests().size());
            assertEquals(1, counted.get("harrier_client_retries_total[connection]"));
            assertEquals(1, counted.get("harrier_client_retries_total[unavailable]"));
        }
    }

    @Test
    void itGoesToAnotherAddress() throws IOException {
        server.answering(request -> FakeServer.error(Wire.ErrorCode.ERROR_UNAVAILABLE, "it is starting"));
        try (FakeServer other = FakeServer.start();
                HarrierClient client = builder(server.address(), other.address()).build()) {
            assertTrue(client.amend(VOID, NONE).changed());
            assertEquals(1, other.requests().size());
        }
    }

    @Test
    void itEndsAtItsDeadlineWithoutFallback() {
        try (HarrierClient client = builder(server.address()).fallback(Verdict.APPROVE).build()) {
            client.amend(VOID, NONE);
            server.silence();
            long begun = System.nanoTime();
            HarrierException error = assertThrows(HarrierException.Deadline.class,
                    () -> client.amend(VOID, CallOptions.deadline(Duration.ofMillis(300))));
            assertEquals(Decided.UNKNOWN, error.decided());
            assertTrue(System.nanoTime() - begun >= 300_000_000);
        }
    }

    @Test
    void anExplanationHasThem() {
        Wire.Decision decision = Wire.Decision.newBuilder().setVerdict(Wire.Verdict.VERDICT_APPROVE).build();
        Wire.ExplainResponse.Builder explained = Wire.ExplainResponse.newBuilder()
                .setTransaction(Wire.Transaction.newBuilder().setId("t1"))
                .setArchived(decision)
                .setThen(Wire.ExplainedPolicy.newBuilder().setDecision(decision))
                .addAmendments(Wire.ExplainedAmendment.newBuilder().setPosition(77).setReceiveTimeUs(6)
                        .setKnownTimeUs(5).setPrevious(amended(false, 5000, 0)).setNow(amended(false, 4500, 300))
                        .setSource("settlement-feed"))
                .addAmendments(Wire.ExplainedAmendment.newBuilder().setPosition(78).setReceiveTimeUs(8)
                        .setPrevious(amended(false, 4500, 300)).setNow(amended(true, 4500, 300)));
        server.answering(request -> Wire.Response.newBuilder().setExplain(explained).build());
        try (HarrierClient client = client()) {
            AmendedTransaction captured = new AmendedTransaction(false, 4500, 300);
            assertEquals(
                    List.of(
                            new Explanation.ReportedAmendment(77, Times.exactly(6), Times.exactly(5),
                                    new AmendedTransaction(false, 5000, 0), captured, "settlement-feed"),
                            new Explanation.ReportedAmendment(78, Times.exactly(8), null, captured,
                                    new AmendedTransaction(true, 4500, 300), "")),
                    client.explain("t1", NONE).amendments());
            explained.clearAmendments(); // as from an older server
            assertEquals(List.of(), client.explain("t1", NONE).amendments());
        }
    }
}
