package io.harrier.client.micrometer;

import io.harrier.client.Metrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * Reports a client's metrics to a registry: what it counts as counters, seconds as timers, other distributions as
 * summaries, and what it sets as gauges, with the names and labels that all clients have. Thread-safe.
 *
 * <pre>{@code HarrierClient.builder(address).metrics(new MicrometerMetrics(registry)).build();}</pre>
 */
public final class MicrometerMetrics implements Metrics {
    private record Key(String name, Map<String, String> labels) {}

    private final MeterRegistry registry;
    // A registry finds a meter by its name and tags, but makes objects of them first.
    private final Map<Key, Object> meters = new ConcurrentHashMap<>();

    /**
     * Metrics in a registry.
     *
     * @param registry to report to
     */
    public MicrometerMetrics(MeterRegistry registry) {
        this.registry = Objects.requireNonNull(registry, "registry");
    }

    @Override
    public void count(String name, double amount, Map<String, String> labels) {
        Counter counter = meter(name, labels, tags -> registry.counter(name, tags));
        counter.increment(amount);
    }

    @Override
    public void observe(String name, double value, Map<String, String> labels) {
        if (name.endsWith("_seconds")) {
            Timer timer = meter(name, labels, tags -> registry.timer(name, tags));
            timer.record((long) (value * 1e9), TimeUnit.NANOSECONDS);
        } else {
            DistributionSummary summary = meter(name, labels, tags -> registry.summary(name, tags));
            summary.record(value);
        }
    }

    @Override
    public void set(String name, double value, Map<String, String> labels) {
        AtomicReference<Double> current = meter(name, labels, tags -> {
            AtomicReference<Double> made = new AtomicReference<>(value);
            Gauge.builder(name, made, AtomicReference::get).tags(tags).register(registry);
            return made;
        });
        current.set(value);
    }

    @SuppressWarnings("unchecked") // a name is always used with the same kind
    private <T> T meter(String name, Map<String, String> labels, Function<Tags, T> make) {
        return (T) meters.computeIfAbsent(new Key(name, labels), key -> make.apply(
                Tags.of(labels.entrySet().stream().map(e -> Tag.of(e.getKey(), e.getValue())).toList())));
    }
}
