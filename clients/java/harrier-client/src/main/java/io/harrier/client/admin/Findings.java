package io.harrier.client.admin;

import io.harrier.client.Amendment.AmendedTransaction;
import io.harrier.client.Decision;
import io.harrier.client.Label;
import io.harrier.client.Transaction;
import java.time.Instant;
import java.util.List;

/**
 * A page of transactions of the archive, the newest first.
 *
 * @param transactions that were found
 * @param cursor of the next page; empty: there is none
 * @param incomplete the search took too long, or the page would be too large, before the limit was reached
 */
public record Findings(List<Found> transactions, String cursor, boolean incomplete) {
    /**
     * A transaction with its decision, and what is known about it by now.
     *
     * @param transaction as it was scored
     * @param decision as archived, without features
     * @param receiveTime when the server received it
     * @param label what is known; with {@link Label#NONE} the next two are null
     * @param outcomeReceiveTime when the outcome was received
     * @param outcomeKnownTime when it became known, by the client's clock
     * @param amended what amendments made of it; null: there was none
     * @param amendedTime when the last amendment was received; null: there was none
     */
    public record Found(
            Transaction transaction,
            Decision decision,
            Instant receiveTime,
            Label label,
            Instant outcomeReceiveTime,
            Instant outcomeKnownTime,
            AmendedTransaction amended,
            Instant amendedTime) {}
}
