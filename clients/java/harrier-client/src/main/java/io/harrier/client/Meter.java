package io.harrier.client;

import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/** Hands a client's metrics to its hook. Names and labels are those of the contract. */
final class Meter {
    private final Metrics hook;
    // Of gauges: the value that is reported last is the one that was read last.
    private final Object gauges = new Object();

    Meter(Metrics hook) {
        this.hook = hook;
    }

    void called(String call, String result, long nanos) {
        if (hook == null) {
            return;
        }
        report(m -> m.count("harrier_client_calls_total", 1, Map.of("call", call, "result", result)));
        report(m -> m.observe("harrier_client_call_seconds", nanos / 1e9, Map.of("call", call)));
    }

    void scored(int transactions) {
        report(m -> m.observe("harrier_client_transactions", transactions, Map.of()));
    }

    void retried(String reason) {
        report(m -> m.count("harrier_client_retries_total", 1, Map.of("reason", reason)));
    }

    void fellBack(ErrorCode reason, int transactions) {
        report(m -> m.count("harrier_client_fallbacks_total", transactions, Map.of("reason", reason.code())));
    }

    void ejected(String address) {
        report(m -> m.count("harrier_client_ejections_total", 1, Map.of("address", address)));
    }

    void inFlight(IntSupplier read) {
        if (hook == null) {
            return;
        }
        synchronized (gauges) {
            report(m -> m.set("harrier_client_in_flight", read.getAsInt(), Map.of()));
        }
    }

    void up(String address, BooleanSupplier read) {
        if (hook == null) {
            return;
        }
        synchronized (gauges) {
            double value = read.getAsBoolean() ? 1 : 0;
            report(m -> m.set("harrier_client_address_up", value, Map.of("address", address)));
        }
    }

    private void report(Consumer<Metrics> to) {
        if (hook == null) {
            return;
        }
        try {
            to.accept(hook);
        } catch (Exception | LinkageError | AssertionError dropped) {
            // The contract: what the hook throws is dropped.
        }
    }
}
