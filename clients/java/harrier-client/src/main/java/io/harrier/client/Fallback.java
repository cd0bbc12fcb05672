package io.harrier.client;

/** Chooses the verdict of a fallback decision. Called by the threads of calls, so it must be quick and thread-safe. */
@FunctionalInterface
public interface Fallback {
    /**
     * Chooses a verdict.
     *
     * @param transaction that got no decision
     * @param error why
     * @return the verdict, not null; if this throws, the call fails with what it throws
     */
    Verdict choose(Transaction transaction, HarrierException error);
}
