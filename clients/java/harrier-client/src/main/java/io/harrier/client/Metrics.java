package io.harrier.client;

import java.util.Map;

/**
 * Receives a client's metrics. The contract of all clients lists their names and labels. Called by any thread within
 * calls: it must be quick and thread-safe, and must not call the client. What it throws is dropped.
 */
public interface Metrics {
    /**
     * Adds to a counter.
     *
     * @param name such as {@code "harrier_client_calls_total"}
     * @param amount what to add
     * @param labels immutable
     */
    void count(String name, double amount, Map<String, String> labels);

    /**
     * Adds a value to a distribution.
     *
     * @param name such as {@code "harrier_client_call_seconds"}
     * @param value in the unit of the name
     * @param labels immutable
     */
    void observe(String name, double value, Map<String, String> labels);

    /**
     * Sets a gauge.
     *
     * @param name such as {@code "harrier_client_in_flight"}
     * @param value the value from now on
     * @param labels immutable
     */
    void set(String name, double value, Map<String, String> labels);
}
