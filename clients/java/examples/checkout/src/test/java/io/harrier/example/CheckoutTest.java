package io.harrier.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.harrier.client.FakeServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;

class CheckoutTest {
    private static ConfigurableApplicationContext application(String address, String deadline) {
        return SpringApplication.run(
                CheckoutApplication.class, "--server.port=0", "--harrier.addresses=" + address,
                "--harrier.deadline=" + deadline, "--harrier.health-deadline=" + deadline,
                "--management.endpoint.health.show-details=always");
    }

    private static HttpResponse<String> send(ConfigurableApplicationContext application, String path, String body)
            throws IOException, InterruptedException {
        int port = ((WebServerApplicationContext) application).getWebServer().getPort();
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
        if (body != null) {
            request.header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body));
        }
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpResponse<String> order(ConfigurableApplicationContext application, String currency)
            throws IOException, InterruptedException {
        String body = """
                {"id": "order-1", "amountMinor": 4999, "currency": "%s", "card": "tok_9f3a", "country": "DE"}"""
                .formatted(currency);
        return send(application, "/checkout", body);
    }

    @Test
    void verdictsAreOutcomes() throws Exception {
        try (FakeServer server = FakeServer.start();
                ConfigurableApplicationContext application = application(server.address(), "60s")) {
            HttpResponse<String> answer = order(application, "EUR");
            assertEquals(200, answer.statusCode());
            assertTrue(answer.body().contains("approved"), answer.body());
            server.decide("decline");
            assertEquals(402, order(application, "EUR").statusCode());
            server.decide("review");
            assertEquals(202, order(application, "EUR").statusCode());
            HttpResponse<String> health = send(application, "/actuator/health", null);
            assertTrue(health.body().contains("\"harrier\""), health.body());
            String metric = "/actuator/metrics/harrier_client_calls_total";
            assertTrue(send(application, metric, null).body().contains("\"value\":4"), "three orders and the health");
        }
    }

    @Test
    void withoutAServerAPersonLooksAtTheOrder() throws Exception {
        try (ConfigurableApplicationContext application = application("tcp://127.0.0.1:1", "100ms")) {
            HttpResponse<String> answer = order(application, "EUR");
            assertEquals(202, answer.statusCode());
            assertTrue(answer.body().contains("\"fallback\":true"), answer.body());
        }
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "HARRIERD", matches = ".+")
    void withHarrierd(@TempDir Path folder) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        String address = "tcp://127.0.0.1:" + port;
        Files.createDirectories(folder.resolve("policy/rules"));
        Files.writeString(folder.resolve("policy/policy.yaml"), """
                policy:
                  name: checkout
                  about: for the example
                  base_currency: EUR
                  lateness: 1h
                  on_error: skip
                  cutoffs: {review: 300, challenge: 500, decline: 700}
                """);
        Files.writeString(folder.resolve("policy/features.yaml"), """
                entities:
                  card: {key: card}
                features:
                  card:
                    - {name: count_1h, aggregate: count, window: 1h}
                """);
        Files.writeString(folder.resolve("policy/rules/velocity.yaml"), """
                rules:
                  - name: many
                    about: many
                    when: card.count_1h >= 3
                    then: {score: 400}
                """);
        Process server = new ProcessBuilder(
                System.getenv("HARRIERD"), "--config=/dev/null", "--listen=" + address, "--admin_listen=127.0.0.1:0",
                "--policy=" + folder + "/policy", "--data_dir=" + folder + "/data")
                .redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile()).start();
        try (ConfigurableApplicationContext application = application(address, "60s")) {
            HttpResponse<String> answer = order(application, "EUR");
            assertEquals(200, answer.statusCode(), answer.body() + Files.readString(folder.resolve("log")));
            assertEquals(400, order(application, "EURO").statusCode());
        } finally {
            server.destroy();
            server.waitFor();
        }
    }
}
