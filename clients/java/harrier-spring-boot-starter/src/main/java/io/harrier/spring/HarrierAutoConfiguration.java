package io.harrier.spring;

import io.harrier.client.HarrierClient;
import io.harrier.client.micrometer.MicrometerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/**
 * Makes a {@link HarrierClient} of {@code harrier.*}, which closes with the context. With Micrometer it reports its
 * metrics to the application's registry; with the actuator, {@code harrier} is among the health indicators.
 * {@code harrier.enabled=false} switches all of it off.
 */
@AutoConfiguration(
        afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnProperty(prefix = "harrier", name = "enabled", matchIfMissing = true)
@EnableConfigurationProperties(HarrierProperties.class)
public class HarrierAutoConfiguration {
    /** Spring makes it. */
    public HarrierAutoConfiguration() {}

    /**
     * The client.
     *
     * @param properties {@code harrier.*}
     * @param bundles with the one that {@code harrier.ssl-bundle} names
     * @param customizers beans of the application and of this configuration
     * @return a client that connects in the background
     */
    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    public HarrierClient harrierClient(
            HarrierProperties properties,
            ObjectProvider<SslBundles> bundles,
            ObjectProvider<HarrierClientCustomizer> customizers) {
        HarrierClient.Builder builder = HarrierClient.builder(properties.getAddresses())
                .deadline(properties.getDeadline())
                .fallback(properties.getFallback())
                .retriesMax(properties.getRetriesMax())
                .inFlightMax(properties.getInFlightMax())
                .ejectAfter(properties.getEjectAfter())
                .token(properties.getToken());
        if (properties.getSslBundle() != null) {
            builder.sslContext(bundles.getObject().getBundle(properties.getSslBundle()).createSslContext());
        }
        customizers.orderedStream().forEach(one -> one.customize(builder));
        return builder.build();
    }

    /** Metrics, if Micrometer is there. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    static class MicrometerConfiguration {
        @Bean
        @Order(Ordered.HIGHEST_PRECEDENCE)
        @ConditionalOnBean(MeterRegistry.class)
        HarrierClientCustomizer harrierMetrics(MeterRegistry registry) {
            return builder -> builder.metrics(new MicrometerMetrics(registry));
        }
    }

    /** Health, if the actuator is there. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
    static class HealthConfiguration {
        @Bean
        @ConditionalOnEnabledHealthIndicator("harrier")
        @ConditionalOnMissingBean(name = "harrierHealthIndicator")
        HarrierHealthIndicator harrierHealthIndicator(HarrierClient client, HarrierProperties properties) {
            return new HarrierHealthIndicator(client, properties.getHealthDeadline());
        }
    }
}
