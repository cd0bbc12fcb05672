package io.harrier.spring;

import io.harrier.client.CallOptions;
import io.harrier.client.HarrierClient;
import io.harrier.client.HarrierException;
import io.harrier.client.Status;
import java.time.Duration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;

/** Up if the preferred server is ready, or a standby that knows the primary: the client finds that one by itself. */
public final class HarrierHealthIndicator implements HealthIndicator {
    private final HarrierClient client;
    private final Duration deadline;

    /**
     * An indicator for a client.
     *
     * @param client to ask with
     * @param deadline of the call
     */
    public HarrierHealthIndicator(HarrierClient client, Duration deadline) {
        this.client = client;
        this.deadline = deadline;
    }

    @Override
    public Health health() {
        try {
            Status status = client.status(CallOptions.deadline(deadline));
            Health.Builder health = isWell(status) ? Health.up() : Health.outOfService();
            return health.withDetail("version", status.version())
                    .withDetail("state", status.state())
                    .withDetail("reason", status.stateReason())
                    .withDetail("policy", status.policy().name())
                    .build();
        } catch (HarrierException error) {
            return Health.down().withDetail("code", error.code().code()).withDetail("error", error.getMessage()).build();
        }
    }

    private static boolean isWell(Status status) {
        return status.isReady() || status.isStandby() && !status.cluster().primary().isEmpty();
    }
}
