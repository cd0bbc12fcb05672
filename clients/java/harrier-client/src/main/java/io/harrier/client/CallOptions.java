package io.harrier.client;

import io.harrier.client.internal.transport.Traceparent;
import java.time.Duration;
import java.time.Instant;

/**
 * Options of one call. Start with {@link #none} or one of the static methods, and add with those that begin with
 * {@code with}:
 *
 * <pre>{@code client.score(transaction, CallOptions.deadline(Duration.ofMillis(50)).withTraceparent(trace));}</pre>
 */
public final class CallOptions {
    private static final CallOptions NONE = new CallOptions(0, false, false, false, null, "");

    final long deadlineNanos; // 0: the client's
    final boolean dryRun;
    final boolean returnFeatures;
    final boolean stateHash;
    final Instant atTime;
    final String traceparent; // "" if there is none, or none that is well-formed

    private CallOptions(
            long deadlineNanos,
            boolean dryRun,
            boolean returnFeatures,
            boolean stateHash,
            Instant atTime,
            String traceparent) {
        this.deadlineNanos = deadlineNanos;
        this.dryRun = dryRun;
        this.returnFeatures = returnFeatures;
        this.stateHash = stateHash;
        this.atTime = atTime;
        this.traceparent = traceparent;
    }

    /**
     * No options: those of the client hold.
     *
     * @return the same object each time
     */
    public static CallOptions none() {
        return NONE;
    }

    /**
     * A deadline of this call.
     *
     * @param deadline more than 0, at most one hour
     * @return these options
     * @throws HarrierException.Invalid if it is out of range
     */
    public static CallOptions deadline(Duration deadline) {
        return NONE.withDeadline(deadline);
    }

    /**
     * Sets the deadline of this call, measured from the moment of the call.
     *
     * @param deadline more than 0, at most one hour
     * @return new options
     * @throws HarrierException.Invalid if it is out of range
     */
    public CallOptions withDeadline(Duration deadline) {
        return new CallOptions(
                Options.checkDeadline(deadline), dryRun, returnFeatures, stateHash, atTime, traceparent);
    }

    /**
     * Of scoring: decide and answer, but change nothing. A dry run has no fallback.
     *
     * @return new options
     */
    public CallOptions withDryRun() {
        return new CallOptions(deadlineNanos, true, returnFeatures, stateHash, atTime, traceparent);
    }

    /**
     * Of scoring: also return every feature value that the decisions used.
     *
     * @return new options
     */
    public CallOptions withFeatures() {
        return new CallOptions(deadlineNanos, dryRun, true, stateHash, atTime, traceparent);
    }

    /**
     * Of status: also compute a hash over the states of all entities. That reads all of them: set a long deadline.
     *
     * @return new options
     */
    public CallOptions withStateHash() {
        return new CallOptions(deadlineNanos, dryRun, returnFeatures, true, atTime, traceparent);
    }

    /**
     * Of getEntity: answer as of this event time instead of that of the entity's newest transaction.
     *
     * @param time the event time
     * @return new options
     */
    public CallOptions withAtTime(Instant time) {
        return new CallOptions(deadlineNanos, dryRun, returnFeatures, stateHash, time, traceparent);
    }

    /**
     * Sets the caller's trace, which is passed to the server unchanged.
     *
     * @param traceparent as in W3C Trace Context version 00; a malformed one, or null, is left out
     * @return new options
     */
    public CallOptions withTraceparent(String traceparent) {
        String sent = Traceparent.isWellFormed(traceparent) ? traceparent : "";
        return new CallOptions(deadlineNanos, dryRun, returnFeatures, stateHash, atTime, sent);
    }
}
