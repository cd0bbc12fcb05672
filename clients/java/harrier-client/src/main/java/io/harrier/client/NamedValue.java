package io.harrier.client;

/**
 * A feature, a field or a computed value.
 *
 * @param name such as {@code "card.count_10m"}
 * @param value a {@link Boolean}, {@link Long}, {@link Double}, {@link String}, {@link java.time.Instant} or
 *     {@link java.time.Duration}; null if it is absent
 */
public record NamedValue(String name, Object value) {}
