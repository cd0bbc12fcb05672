package io.harrier.client;

import io.harrier.client.internal.Codes;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.wire.Wire;

/** What should happen to a transaction, in order of severity. */
public enum Verdict {
    /** Let it pass. */
    APPROVE(Wire.Verdict.VERDICT_APPROVE),
    /** Let a person look at it. */
    REVIEW(Wire.Verdict.VERDICT_REVIEW),
    /** Ask the customer for another proof. */
    CHALLENGE(Wire.Verdict.VERDICT_CHALLENGE),
    /** Refuse it. */
    DECLINE(Wire.Verdict.VERDICT_DECLINE);

    final Wire.Verdict wire;

    Verdict(Wire.Verdict wire) {
        this.wire = wire;
    }

    /**
     * The name in all clients and policies.
     *
     * @return such as {@code "approve"}
     */
    public String code() {
        return Codes.lower(this);
    }

    /** Null for "unspecified". */
    static Verdict optional(int number) throws ProtocolFault {
        return number == 0 ? null : required(number);
    }

    /** Null for one that is not known, too. */
    static Verdict known(int number) {
        for (Verdict one : values()) {
            if (one.wire.getNumber() == number) {
                return one;
            }
        }
        return null;
    }

    static Verdict required(int number) throws ProtocolFault {
        Verdict found = known(number);
        if (found == null) {
            throw new ProtocolFault("verdict " + number + " is not known");
        }
        return found;
    }
}
