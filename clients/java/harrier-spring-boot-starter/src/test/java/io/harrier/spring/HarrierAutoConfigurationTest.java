package io.harrier.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.harrier.client.FakeServer;
import io.harrier.client.HarrierClient;
import io.harrier.client.HarrierException;
import io.harrier.client.Transaction;
import io.harrier.client.Verdict;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class HarrierAutoConfigurationTest {
    private final Transaction transaction = Transaction.builder("t").build();
    private FakeServer server;
    private ApplicationContextRunner runner;

    @BeforeEach
    void start() throws IOException {
        server = FakeServer.start();
        runner = new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(HarrierAutoConfiguration.class))
                .withPropertyValues("harrier.addresses=" + server.address(), "harrier.deadline=60s");
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    @Test
    void aClientThatClosesWithTheContext() {
        AtomicReference<HarrierClient> client = new AtomicReference<>();
        runner.run(context -> {
            client.set(context.getBean(HarrierClient.class));
            assertThat(client.get().score(transaction).verdict()).isEqualTo(Verdict.APPROVE);
        });
        assertThatThrownBy(() -> client.get().score(transaction)).isInstanceOf(HarrierException.Closed.class);
    }

    @Test
    void propertiesAreOptions() {
        server.silence();
        runner.withPropertyValues("harrier.deadline=100ms", "harrier.fallback=decline").run(context -> {
            assertThat(context.getBean(HarrierClient.class).score(transaction).verdict()).isEqualTo(Verdict.DECLINE);
        });
        runner.withPropertyValues("harrier.retries-max=-1").run(context -> {
            assertThat(context).getFailure().rootCause().hasMessageContaining("-1");
        });
        runner.withPropertyValues("harrier.enabled=false").run(context -> {
            assertThat(context).doesNotHaveBean(HarrierClient.class);
        });
    }

    @Test
    void customizersComeLast() {
        runner.withBean(HarrierClientCustomizer.class, () -> builder -> builder.token("bad token")).run(context -> {
            assertThat(context).getFailure().rootCause().isInstanceOf(HarrierException.Invalid.class);
        });
    }

    @Test
    void metricsGoToTheRegistry() {
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            context.getBean(HarrierClient.class).score(transaction);
            MeterRegistry registry = context.getBean(MeterRegistry.class);
            assertThat(registry.get("harrier_client_calls_total").tag("result", "ok").counter().count()).isEqualTo(1);
        });
    }

    @Test
    void healthIsThatOfTheServer() {
        runner.withPropertyValues("harrier.health-deadline=60s").run(context -> {
            Health health = context.getBean("harrierHealthIndicator", HealthIndicator.class).health();
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails()).containsEntry("version", "fake");
        });
        server.standBy("tcp://192.0.2.1:7731");
        runner.withPropertyValues("harrier.health-deadline=60s").run(context -> {
            Health health = context.getBean("harrierHealthIndicator", HealthIndicator.class).health();
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails()).containsEntry("state", "standby");
        });
        server.standBy(""); // during a take-over
        runner.withPropertyValues("harrier.health-deadline=60s").run(context -> {
            Health health = context.getBean("harrierHealthIndicator", HealthIndicator.class).health();
            assertThat(health.getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
        });
        server.silence();
        runner.withPropertyValues("harrier.health-deadline=100ms").run(context -> {
            Health health = context.getBean("harrierHealthIndicator", HealthIndicator.class).health();
            assertThat(health.getStatus()).isEqualTo(Status.DOWN);
        });
        runner.withPropertyValues("management.health.harrier.enabled=false").run(context -> {
            assertThat(context).doesNotHaveBean(HarrierHealthIndicator.class);
        });
    }

    @Test
    void neitherMicrometerNorTheActuatorIsNeeded() {
        FilteredClassLoader without = new FilteredClassLoader("io.micrometer", "org.springframework.boot.health");
        runner.withClassLoader(without).run(context -> {
            assertThat(context).hasSingleBean(HarrierClient.class).doesNotHaveBean(HarrierClientCustomizer.class);
            assertThat(context).doesNotHaveBean("harrierHealthIndicator");
        });
    }
}
