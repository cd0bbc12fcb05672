package io.harrier.client.admin;

import io.harrier.client.NamedValue;
import java.time.Instant;
import java.util.List;

/**
 * The history of one card, customer, … as the server has it.
 *
 * @param features every feature as a transaction at that time would see it, without the transaction itself
 * @param newestTime event time of its newest transaction; null: none
 * @param entries transactions that its state still holds
 * @param stateBytes size of its state in bytes
 * @param stateHash XXH3 of the state's canonical bytes
 * @param atTime the event time that the features are for
 */
public record Entity(
        List<NamedValue> features,
        Instant newestTime,
        long entries,
        long stateBytes,
        long stateHash,
        Instant atTime) {}
