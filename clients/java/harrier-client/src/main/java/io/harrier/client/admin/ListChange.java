package io.harrier.client.admin;

import java.time.Instant;
import java.util.Objects;

/**
 * A change of a policy's list while the server runs.
 *
 * @param list as the policy names it
 * @param value at most 1,024 bytes: a text, an address or network, a number or range
 * @param remove remove an entry that was added at run time
 * @param expiryTime transactions with event times from here on do not match the entry; null: it does not expire
 * @param source who made the change, such as {@code "analyst:7"}; may be empty
 * @param reason why; may be empty
 */
public record ListChange(
        String list, String value, boolean remove, Instant expiryTime, String source, String reason) {
    /** Checks for null. */
    public ListChange {
        Objects.requireNonNull(list, "list");
        Objects.requireNonNull(value, "value");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(reason, "reason");
    }

    /**
     * Adds an entry that does not expire.
     *
     * @param list as the policy names it
     * @param value the entry
     * @return the change
     */
    public static ListChange add(String list, String value) {
        return new ListChange(list, value, false, null, "", "");
    }

    /**
     * Removes an entry.
     *
     * @param list as the policy names it
     * @param value the entry
     * @return the change
     */
    public static ListChange remove(String list, String value) {
        return new ListChange(list, value, true, null, "", "");
    }

    /**
     * The same change with an expiry.
     *
     * @param expiryTime when the entry stops matching
     * @return the change
     */
    public ListChange expiring(Instant expiryTime) {
        return new ListChange(list, value, remove, expiryTime, source, reason);
    }

    /**
     * The same change with its author and reason.
     *
     * @param source who makes it
     * @param reason why
     * @return the change
     */
    public ListChange by(String source, String reason) {
        return new ListChange(list, value, remove, expiryTime, source, reason);
    }

    /**
     * The answer to a change.
     *
     * @param list as in the request
     * @param value in the canonical form of the list
     * @param position the change's position in the archive; 0 if nothing changed
     * @param changed false if the entry was there with this expiry already, or, for a removal, was not there
     * @param wasThere the entry had been added before and not removed
     * @param previousExpiryTime its expiry until now; null if it was not there or did not expire
     * @param inPolicy the policy's own entries cover all of it
     */
    public record Changed(
            String list,
            String value,
            long position,
            boolean changed,
            boolean wasThere,
            Instant previousExpiryTime,
            boolean inPolicy) {}
}
