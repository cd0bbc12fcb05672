package io.harrier.client.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.harrier.client.CallOptions;
import io.harrier.client.FakeServer;
import io.harrier.client.HarrierClient;
import io.harrier.client.Transaction;
import io.harrier.client.Verdict;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class MicrometerMetricsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    @Test
    void eachKindHasItsMeter() {
        MicrometerMetrics metrics = new MicrometerMetrics(registry);
        metrics.count("calls_total", 2, Map.of("call", "score"));
        metrics.count("calls_total", 3, Map.of("call", "score"));
        metrics.count("calls_total", 1, Map.of("call", "status"));
        metrics.observe("call_seconds", 0.25, Map.of());
        metrics.observe("transactions", 7, Map.of());
        metrics.set("in_flight", 3, Map.of());
        metrics.set("in_flight", 1, Map.of());
        assertEquals(5, registry.get("calls_total").tag("call", "score").counter().count());
        assertEquals(1, registry.get("calls_total").tag("call", "status").counter().count());
        assertEquals(250, registry.get("call_seconds").timer().totalTime(TimeUnit.MILLISECONDS));
        assertEquals(7, registry.get("transactions").summary().totalAmount());
        assertEquals(1, registry.get("in_flight").gauge().value());
    }

    @Test
    void namesAndLabelsAreThoseOfTheContract() throws Exception {
        try (FakeServer server = FakeServer.start();
                HarrierClient client = HarrierClient.builder(server.address(), "tcp://127.0.0.1:1")
                        .deadline(Duration.ofSeconds(60)).ejectAfter(1).fallback(Verdict.REVIEW)
                        .metrics(new MicrometerMetrics(registry)).build()) {
            Transaction transaction = Transaction.builder("t").build();
            client.scoreMany(Collections.nCopies(3, transaction));
            assertEquals(1, registry.get("harrier_client_address_up").tag("address", server.address()).gauge().value());
            server.silence();
            assertTrue(client.score(transaction, CallOptions.deadline(Duration.ofMillis(100))).fallback());
            assertEquals(1, registry.get("harrier_client_calls_total").tags("call", "score", "result", "ok").counter().count());
            assertEquals(1,
                    registry.get("harrier_client_calls_total").tags("call", "score", "result", "deadline").counter().count());
            assertEquals(2, registry.get("harrier_client_call_seconds").tag("call", "score").timer().count());
            assertEquals(4, registry.get("harrier_client_transactions").summary().totalAmount());
            assertEquals(1, registry.get("harrier_client_fallbacks_total").tag("reason", "deadline").counter().count());
            assertEquals(0, registry.get("harrier_client_in_flight").gauge().value());
            assertEquals(1, registry.get("harrier_client_ejections_total").tag("address", server.address()).counter().count());
        }
    }
}
