package io.harrier.client.admin;

import io.harrier.client.Label;
import io.harrier.client.Verdict;
import java.time.Instant;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Filters for the transactions of the archive. All that are given must hold; without any, every one is found. */
public final class FindQuery {
    private final Builder given;

    private FindQuery(Builder given) {
        this.given = given;
    }

    /**
     * Begins a query without filters.
     *
     * @return its builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The same query for the next page.
     *
     * @param cursor {@link Findings#cursor} of the page before
     * @return the query
     */
    public FindQuery after(String cursor) {
        return new FindQuery(given.copy().cursor(cursor));
    }

    /**
     * A filter.
     *
     * @return the first event time; null: any
     */
    public Instant from() {
        return given.from;
    }

    /**
     * A filter.
     *
     * @return the event time that they are before; null: any
     */
    public Instant until() {
        return given.until;
    }

    /**
     * A filter.
     *
     * @return the first time of receipt; null: any
     */
    public Instant receivedFrom() {
        return given.receivedFrom;
    }

    /**
     * A filter.
     *
     * @return the time of receipt that they are before; null: any
     */
    public Instant receivedUntil() {
        return given.receivedUntil;
    }

    /**
     * A filter.
     *
     * @return the verdicts; empty: any
     */
    public Set<Verdict> verdicts() {
        return given.verdicts;
    }

    /**
     * A filter.
     *
     * @return the scores; null: any
     */
    public Range score() {
        return given.score;
    }

    /**
     * A filter.
     *
     * @return the amounts; null: any
     */
    public Range amountMinor() {
        return given.amountMinor;
    }

    /**
     * A filter.
     *
     * @return the currency; empty: any
     */
    public String currency() {
        return given.currency;
    }

    /**
     * A filter.
     *
     * @return the rule; empty: any or none
     */
    public String rule() {
        return given.rule;
    }

    /**
     * A filter.
     *
     * @return whether the rule may have had no effect
     */
    public boolean shadow() {
        return given.shadow;
    }

    /**
     * A filter.
     *
     * @return fields and what they are
     */
    public Map<String, String> keys() {
        return given.keys;
    }

    /**
     * A filter.
     *
     * @return what is known by now; empty: anything
     */
    public Set<Label> labels() {
        return given.labels;
    }

    /**
     * A filter.
     *
     * @return the id; empty: any
     */
    public String transactionId() {
        return given.transactionId;
    }

    /**
     * A filter.
     *
     * @return the most transactions of a page; 0: 100
     */
    public int limit() {
        return given.limit;
    }

    /**
     * A filter.
     *
     * @return of the page before; empty: the first page
     */
    public String cursor() {
        return given.cursor;
    }

    /**
     * A range with both of its ends.
     *
     * @param min the least
     * @param max the greatest
     */
    public record Range(long min, long max) {}

    /** Collects filters. */
    public static final class Builder {
        private Instant from;
        private Instant until;
        private Instant receivedFrom;
        private Instant receivedUntil;
        private Set<Verdict> verdicts = Set.of();
        private Range score;
        private Range amountMinor;
        private String currency = "";
        private String rule = "";
        private boolean shadow;
        private Map<String, String> keys = Map.of();
        private Set<Label> labels = Set.of();
        private String transactionId = "";
        private int limit;
        private String cursor = "";

        private Builder() {}

        private Builder copy() {
            Builder made = new Builder();
            made.from = from;
            made.until = until;
            made.receivedFrom = receivedFrom;
            made.receivedUntil = receivedUntil;
            made.verdicts = verdicts;
            made.score = score;
            made.amountMinor = amountMinor;
            made.currency = currency;
            made.rule = rule;
            made.shadow = shadow;
            made.keys = keys;
            made.labels = labels;
            made.transactionId = transactionId;
            made.limit = limit;
            made.cursor = cursor;
            return made;
        }

        /**
         * Sets event times.
         *
         * @param first from here on; null: any
         * @param end before this; null: any
         * @return this
         */
        public Builder eventTimes(Instant first, Instant end) {
            from = first;
            until = end;
            return this;
        }

        /**
         * Sets times of receipt.
         *
         * @param first from here on; null: any
         * @param end before this; null: any
         * @return this
         */
        public Builder receiveTimes(Instant first, Instant end) {
            receivedFrom = first;
            receivedUntil = end;
            return this;
        }

        /**
         * Sets verdicts, of which a transaction must have one.
         *
         * @param some of them
         * @return this
         */
        public Builder verdicts(Collection<Verdict> some) {
            verdicts = some.isEmpty() ? Set.of() : EnumSet.copyOf(some);
            return this;
        }

        /**
         * Sets scores.
         *
         * @param min the least
         * @param max the greatest
         * @return this
         */
        public Builder score(long min, long max) {
            score = new Range(min, max);
            return this;
        }

        /**
         * Sets amounts, as they were scored.
         *
         * @param min the least, in minor units
         * @param max the greatest
         * @param code the currency
         * @return this
         */
        public Builder amount(long min, long max, String code) {
            amountMinor = new Range(min, max);
            return currency(code);
        }

        /**
         * Sets the currency.
         *
         * @param code such as {@code "EUR"}
         * @return this
         */
        public Builder currency(String code) {
            currency = Objects.requireNonNull(code, "currency");
            return this;
        }

        /**
         * Sets the rule that fired.
         *
         * @param name in the policy
         * @param orWithoutEffect it may also have fired in shadow, or been suppressed
         * @return this
         */
        public Builder rule(String name, boolean orWithoutEffect) {
            rule = Objects.requireNonNull(name, "rule");
            shadow = orWithoutEffect;
            return this;
        }

        /**
         * Adds a key.
         *
         * @param field a text field of a transaction, such as {@code "card"}
         * @param value what it is, byte by byte
         * @return this
         */
        public Builder key(String field, String value) {
            Map<String, String> more = new LinkedHashMap<>(keys);
            more.put(Objects.requireNonNull(field, "field"), Objects.requireNonNull(value, "value"));
            keys = more;
            return this;
        }

        /**
         * Sets what is known by now.
         *
         * @param some labels, of which a transaction must have one; {@link Label#NONE}: nothing is known
         * @return this
         */
        public Builder labels(Collection<Label> some) {
            labels = some.isEmpty() ? Set.of() : EnumSet.copyOf(some);
            return this;
        }

        /**
         * Sets the id.
         *
         * @param id of a transaction
         * @return this
         */
        public Builder transactionId(String id) {
            transactionId = Objects.requireNonNull(id, "transactionId");
            return this;
        }

        /**
         * Sets the most transactions of a page.
         *
         * @param most up to 1,000; 0: 100
         * @return this
         */
        public Builder limit(int most) {
            limit = most;
            return this;
        }

        /**
         * Sets the page.
         *
         * @param after {@link Findings#cursor} of the page before, with the same filters
         * @return this
         */
        public Builder cursor(String after) {
            cursor = Objects.requireNonNull(after, "cursor");
            return this;
        }

        /**
         * Makes the query.
         *
         * @return it
         */
        public FindQuery build() {
            return new FindQuery(copy());
        }
    }
}
