package io.harrier.spring;

import io.harrier.client.HarrierClient;

/** A bean that sets what properties cannot, such as a token that changes or a fallback function. */
@FunctionalInterface
public interface HarrierClientCustomizer {
    /**
     * Changes options after the properties were applied.
     *
     * @param builder of the client
     */
    void customize(HarrierClient.Builder builder);
}
