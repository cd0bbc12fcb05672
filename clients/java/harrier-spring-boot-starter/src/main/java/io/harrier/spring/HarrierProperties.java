package io.harrier.spring;

import io.harrier.client.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** The options of the client, as {@code harrier.*}. What is not set has the client's default. */
@ConfigurationProperties("harrier")
public class HarrierProperties {
    /** One or more servers, in order of preference: tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc://PATH. */
    private List<String> addresses = new ArrayList<>();

    /** Deadline of calls that do not set their own; at most one hour. */
    private Duration deadline = Duration.ofMillis(100);

    /** Verdict of fallback decisions, which scoring returns if there is no decision in time. Default: none are made. */
    private Verdict fallback;

    /** How many times a call is sent again. */
    private int retriesMax = 3;

    /** Requests in flight at once; further calls wait. */
    private int inFlightMax = 1024;

    /** Consecutive failures after which an address is ejected. */
    private int ejectAfter = 3;

    /** Access token that is sent with every request. */
    private String token;

    /** SSL bundle with the certificates for tls+tcp addresses. Default: the platform's. */
    private String sslBundle;

    /** Deadline of the health indicator's call. */
    private Duration healthDeadline = Duration.ofSeconds(1);

    /** @return one or more servers, in order of preference */
    public List<String> getAddresses() {
        return addresses;
    }

    /** @param addresses one or more servers, in order of preference */
    public void setAddresses(List<String> addresses) {
        this.addresses = addresses;
    }

    /** @return the deadline of calls that do not set their own */
    public Duration getDeadline() {
        return deadline;
    }

    /** @param deadline of calls that do not set their own */
    public void setDeadline(Duration deadline) {
        this.deadline = deadline;
    }

    /** @return the verdict of fallback decisions; null: none are made */
    public Verdict getFallback() {
        return fallback;
    }

    /** @param fallback the verdict of fallback decisions */
    public void setFallback(Verdict fallback) {
        this.fallback = fallback;
    }

    /** @return how many times a call is sent again */
    public int getRetriesMax() {
        return retriesMax;
    }

    /** @param retriesMax how many times a call is sent again */
    public void setRetriesMax(int retriesMax) {
        this.retriesMax = retriesMax;
    }

    /** @return requests in flight at once */
    public int getInFlightMax() {
        return inFlightMax;
    }

    /** @param inFlightMax requests in flight at once */
    public void setInFlightMax(int inFlightMax) {
        this.inFlightMax = inFlightMax;
    }

    /** @return consecutive failures after which an address is ejected */
    public int getEjectAfter() {
        return ejectAfter;
    }

    /** @param ejectAfter consecutive failures after which an address is ejected */
    public void setEjectAfter(int ejectAfter) {
        this.ejectAfter = ejectAfter;
    }

    /** @return the access token; null: none */
    public String getToken() {
        return token;
    }

    /** @param token the access token */
    public void setToken(String token) {
        this.token = token;
    }

    /** @return the name of the SSL bundle; null: the platform's certificates */
    public String getSslBundle() {
        return sslBundle;
    }

    /** @param sslBundle the name of the SSL bundle */
    public void setSslBundle(String sslBundle) {
        this.sslBundle = sslBundle;
    }

    /** @return the deadline of the health indicator's call */
    public Duration getHealthDeadline() {
        return healthDeadline;
    }

    /** @param healthDeadline of the health indicator's call */
    public void setHealthDeadline(Duration healthDeadline) {
        this.healthDeadline = healthDeadline;
    }
}
