package io.harrier.client;

import java.time.Instant;
import java.util.Objects;

/**
 * What a transaction turned out to be.
 *
 * @param transactionId a transaction that was scored
 * @param label its label from now on
 * @param knownTime when it became known, by the caller's clock; null: now
 * @param source where it comes from, such as {@code "analyst:7"}; may be empty
 */
public record Outcome(String transactionId, Label label, Instant knownTime, String source) {
    /** Checks for null. */
    public Outcome {
        Objects.requireNonNull(transactionId, "transactionId");
        Objects.requireNonNull(label, "label");
        Objects.requireNonNull(source, "source");
    }

    /**
     * An outcome that became known now.
     *
     * @param transactionId a transaction that was scored
     * @param label its label from now on
     */
    public Outcome(String transactionId, Label label) {
        this(transactionId, label, null, "");
    }

    /**
     * The answer to an outcome.
     *
     * @param transactionId as in the request
     * @param position the outcome's position in the archive; 0 if nothing changed
     * @param changed false if the transaction had this label already
     * @param previous the label until now
     */
    public record Accepted(String transactionId, long position, boolean changed, Label previous) {}
}
