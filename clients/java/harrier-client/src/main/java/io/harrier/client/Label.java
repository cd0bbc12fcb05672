package io.harrier.client;

import io.harrier.client.internal.Codes;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.wire.Wire;

/** What a transaction turned out to be. */
public enum Label {
    /** No outcome; reporting it takes back an earlier label. */
    NONE(Wire.Label.LABEL_NONE),
    /** Legitimate. */
    LEGIT(Wire.Label.LABEL_LEGIT),
    /** Fraud. */
    FRAUD(Wire.Label.LABEL_FRAUD),
    /** The cardholder claimed the money back. */
    CHARGEBACK(Wire.Label.LABEL_CHARGEBACK),
    /** An analyst suspects fraud, which is not established yet. */
    SUSPECTED(Wire.Label.LABEL_SUSPECTED);

    final Wire.Label wire;

    Label(Wire.Label wire) {
        this.wire = wire;
    }

    /**
     * The name in all clients.
     *
     * @return such as {@code "fraud"}
     */
    public String code() {
        return Codes.lower(this);
    }

    static Label of(int number) throws ProtocolFault {
        for (Label one : values()) {
            if (one.wire.getNumber() == number) {
                return one;
            }
        }
        throw new ProtocolFault("label " + number + " is not known");
    }
}
