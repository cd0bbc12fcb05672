package io.harrier.client.admin;

import java.time.Instant;
import java.util.List;

/**
 * One page of a list's entries, or a summary of every list.
 *
 * @param lists the list that was asked for, or all
 * @param entries added at run time and not removed, in the order of archive positions; empty for all lists
 * @param nextPosition where the next page starts; 0: there is none
 */
public record ListPage(List<Summary> lists, List<Entry> entries, long nextPosition) {
    /**
     * A list.
     *
     * @param list its name
     * @param type {@code "string"}, {@code "network"} or {@code "int"}; empty if the policy does not declare the list
     * @param about the description in the policy
     * @param declared the policy in force declares it
     * @param runtime it accepts changes at run time
     * @param file the policy's file with its own entries
     * @param policyEntries the number of entries in the policy
     * @param addedEntries entries added at run time and not removed
     * @param usedEntries those of them that are valid for its type
     * @param changes changes so far, with removals
     * @param lastChangeTime when the last change was received; null: there was none
     */
    public record Summary(
            String list,
            String type,
            String about,
            boolean declared,
            boolean runtime,
            String file,
            long policyEntries,
            long addedEntries,
            long usedEntries,
            long changes,
            Instant lastChangeTime) {}

    /**
     * An entry that was added at run time.
     *
     * @param value in the canonical form of the list
     * @param expiryTime when it stops matching; null: it does not expire
     * @param position of its record in the archive
     * @param receiveTime when it was received
     * @param source who added it
     * @param reason why
     */
    public record Entry(
            String value, Instant expiryTime, long position, Instant receiveTime, String source, String reason) {}
}
