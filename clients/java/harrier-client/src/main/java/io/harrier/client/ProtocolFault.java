package io.harrier.client;

/** An answer that cannot be used; it becomes a {@link HarrierException.Protocol}. */
final class ProtocolFault extends Exception {
    private static final long serialVersionUID = 1;

    ProtocolFault(String message) {
        super(message);
    }
}
