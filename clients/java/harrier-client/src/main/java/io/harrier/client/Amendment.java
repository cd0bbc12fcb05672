package io.harrier.client;

import io.harrier.client.internal.Codes;
import io.harrier.client.internal.wire.Wire;
import java.time.Instant;
import java.util.Objects;

/**
 * What became known about a transaction's money after it was decided: it was voided, captured with another amount, or
 * refunded. Amounts are totals. The amendment that comes last holds: sending that one again changes nothing, but an
 * earlier one sets the total back.
 *
 * @param transactionId a transaction that was scored
 * @param kind what became known
 * @param amountMinor of a capture and a refund, in minor units of the transaction's currency; otherwise 0
 * @param knownTime when it became known, by the caller's clock; null: now
 * @param source where it comes from, such as {@code "settlement-feed"}; may be empty
 * @param currency of the amount, if it is known: the server refuses one that is not the transaction's; may be empty
 */
public record Amendment(
        String transactionId, Kind kind, long amountMinor, Instant knownTime, String source, String currency) {
    /** Checks for null. */
    public Amendment {
        Objects.requireNonNull(transactionId, "transactionId");
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(currency, "currency");
    }

    /**
     * An amendment in the transaction's currency.
     *
     * @param transactionId a transaction that was scored
     * @param kind what became known
     * @param amountMinor of a capture and a refund, in minor units of the transaction's currency; otherwise 0
     * @param knownTime when it became known, by the caller's clock; null: now
     * @param source where it comes from; may be empty
     */
    public Amendment(String transactionId, Kind kind, long amountMinor, Instant knownTime, String source) {
        this(transactionId, kind, amountMinor, knownTime, source, "");
    }

    /**
     * An amendment without an amount that became known now.
     *
     * @param transactionId a transaction that was scored
     * @param kind a void, or the taking back of one
     */
    public Amendment(String transactionId, Kind kind) {
        this(transactionId, kind, 0, null, "");
    }

    /**
     * An amendment that became known now.
     *
     * @param transactionId a transaction that was scored
     * @param kind a capture or a refund
     * @param amountMinor in minor units of the transaction's currency
     */
    public Amendment(String transactionId, Kind kind, long amountMinor) {
        this(transactionId, kind, amountMinor, null, "");
    }

    /** What became known. */
    public enum Kind {
        /** The transaction never took place: no feature counts it any more. */
        VOID(Wire.AmendmentKind.AMENDMENT_VOID),
        /** The amount is what was really taken; it was authorised with another one. */
        CAPTURE(Wire.AmendmentKind.AMENDMENT_CAPTURE),
        /** The amount is what has been paid back so far, in total. */
        REFUND(Wire.AmendmentKind.AMENDMENT_REFUND),
        /** A void was a mistake. */
        RESTORE(Wire.AmendmentKind.AMENDMENT_RESTORE);

        final Wire.AmendmentKind wire;

        Kind(Wire.AmendmentKind wire) {
            this.wire = wire;
        }

        /**
         * The name in all clients.
         *
         * @return such as {@code "refund"}
         */
        public String code() {
            return Codes.lower(this);
        }
    }

    /**
     * What a transaction is, with all its amendments.
     *
     * @param voided it never took place
     * @param amountMinor what was taken; until a capture, the amount that was scored
     * @param refundedMinor what has been paid back so far
     */
    public record AmendedTransaction(boolean voided, long amountMinor, long refundedMinor) {
        static AmendedTransaction of(Wire.AmendedTransaction wire) {
            return new AmendedTransaction(wire.getVoided(), wire.getAmountMinor(), wire.getRefundedMinor());
        }
    }

    /**
     * The answer to an amendment.
     *
     * @param transactionId as in the request
     * @param position the amendment's position in the archive; 0 if nothing changed
     * @param changed false if the transaction was this already
     * @param previous what the transaction was until now
     * @param now what it is from now on
     */
    public record Accepted(
            String transactionId,
            long position,
            boolean changed,
            AmendedTransaction previous,
            AmendedTransaction now) {}
}
