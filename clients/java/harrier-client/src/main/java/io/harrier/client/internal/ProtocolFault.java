package io.harrier.client.internal;

/** An answer that cannot be used; it becomes a {@link io.harrier.client.HarrierException.Protocol}. */
public final class ProtocolFault extends Exception {
    private static final long serialVersionUID = 1;

    public ProtocolFault(String message) {
        super(message);
    }
}
