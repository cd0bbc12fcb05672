package io.harrier.client;

import java.time.Instant;
import java.util.Objects;

/** A field of a transaction that the policy's schema declares. */
public final class Attribute {
    private final String name;
    private final Object value; // String, Long, Double or Boolean

    private Attribute(String name, Object value) {
        this.name = Objects.requireNonNull(name, "name");
        this.value = Objects.requireNonNull(value, "value");
    }

    /**
     * For type string.
     *
     * @param name as the schema declares it
     * @param value at most 1,024 bytes
     * @return the attribute
     */
    public static Attribute of(String name, String value) {
        return new Attribute(name, value);
    }

    /**
     * For type int; for decimal(k) in units of 10<sup>-k</sup>.
     *
     * @param name as the schema declares it
     * @param value the number
     * @return the attribute
     */
    public static Attribute of(String name, long value) {
        return new Attribute(name, value);
    }

    /**
     * For type double.
     *
     * @param name as the schema declares it
     * @param value the number
     * @return the attribute
     */
    public static Attribute of(String name, double value) {
        return new Attribute(name, value);
    }

    /**
     * For type bool.
     *
     * @param name as the schema declares it
     * @param value the flag
     * @return the attribute
     */
    public static Attribute of(String name, boolean value) {
        return new Attribute(name, value);
    }

    /**
     * For type timestamp.
     *
     * @param name as the schema declares it
     * @param value the time
     * @return the attribute
     * @throws HarrierException.Invalid if the time does not fit 64 bits of microseconds
     */
    public static Attribute of(String name, Instant value) {
        return new Attribute(name, Times.toMicros(value, name));
    }

    /**
     * The name.
     *
     * @return as the schema declares it
     */
    public String name() {
        return name;
    }

    /**
     * The value.
     *
     * @return a {@link String}, {@link Long}, {@link Double} or {@link Boolean}; a time in microseconds
     */
    public Object value() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Attribute that && name.equals(that.name) && value.equals(that.value);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, value);
    }

    @Override
    public String toString() {
        return name + "=" + value;
    }
}
