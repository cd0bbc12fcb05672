package io.harrier.driver;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.harrier.client.Amendment;
import io.harrier.client.Batcher;
import io.harrier.client.CallOptions;
import io.harrier.client.HarrierClient;
import io.harrier.client.HarrierException;
import io.harrier.client.Metrics;
import io.harrier.client.Outcome;
import io.harrier.client.Transaction;
import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.ListPage;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The Java client's driver for the scenarios; driver.py describes the protocol. The argument says which form of the
 * calls it uses: {@code blocking}, each call in a thread of its own, or {@code futures}.
 */
public final class Driver {
    private static final List<String> CAN = List.of(
            "addresses", "ejection", "retry_unavailable", "standbys", "fallback", "batcher", "metrics", "request_limits",
            "decided", "close_timeout", "token", "token_change", "traceparent", "analyst", "brakes", "find", "tls");

    private final boolean futures;
    private final PrintStream output = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Phaser running = new Phaser(1); // waits for all answers at the end

    private HarrierClient client;
    private Batcher batcher;
    private JsonArray metrics = new JsonArray();
    private volatile String token;

    private Driver(boolean futures) {
        this.futures = futures;
    }

    public static void main(String[] arguments) throws Exception {
        boolean futures = arguments.length > 0 && arguments[0].equals("futures");
        new Driver(futures).run();
    }

    private void run() throws Exception {
        JsonObject hello = new JsonObject();
        hello.addProperty("driver", futures ? "java futures" : "java");
        hello.addProperty("version", HarrierClient.VERSION);
        hello.add("can", Json.texts(CAN));
        say(hello);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonObject command = JsonParser.parseString(line).getAsJsonObject();
            try {
                take(command);
            } catch (Exception failed) {
                JsonObject answer = new JsonObject();
                answer.addProperty("broken", failed.toString());
                say(command, answer);
            }
        }
        running.arriveAndAwaitAdvance();
        if (client != null) {
            client.close();
        }
        threads.shutdown();
    }

    private void take(JsonObject command) throws Exception {
        switch (command.get("do").getAsString()) {
            case "open" -> say(command, open(command.getAsJsonObject("options")));
            case "token" -> {
                token = command.get("token").getAsString();
                say(command, new JsonObject());
            }
            case "metrics" -> {
                JsonObject answer = new JsonObject();
                synchronized (this) {
                    answer.add("metrics", metrics.deepCopy());
                }
                say(command, answer);
            }
            case "close" -> {
                batcher.close();
                if (command.has("timeout_ms")) {
                    client.close(Duration.ofMillis(command.get("timeout_ms").getAsLong()));
                } else {
                    client.close();
                }
                say(command, new JsonObject());
            }
            default -> start(command);
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // Opening

    private JsonObject open(JsonObject given) throws Exception {
        synchronized (this) {
            metrics = new JsonArray();
        }
        try {
            HarrierClient.Builder builder = HarrierClient.builder(Json.texts(given.getAsJsonArray("addresses")));
            for (String name : given.keySet()) {
                set(builder, name, given);
            }
            client = builder.metrics(new Recorder(metrics)).build();
        } catch (HarrierException refused) {
            return Json.error(refused);
        }
        batcher = client.batcher(Duration.ofMillis(20), 50);
        return new JsonObject();
    }

    private void set(HarrierClient.Builder builder, String name, JsonObject given) throws Exception {
        switch (name) {
            case "addresses" -> { }
            case "deadline_ms" -> builder.deadline(Json.millis(given, name));
            case "fallback" -> builder.fallback(Json.verdict(given.get(name).getAsString()));
            case "retries_max" -> builder.retriesMax(given.get(name).getAsInt());
            case "in_flight_max" -> builder.inFlightMax(given.get(name).getAsInt());
            case "eject_after" -> builder.ejectAfter(given.get(name).getAsInt());
            case "token" -> builder.token(given.get(name).getAsString());
            case "changing_token" -> {
                token = given.get(name).getAsString();
                builder.token(() -> token);
            }
            case "tls_ca_file" -> builder.sslContext(trusting(Path.of(given.get(name).getAsString())));
            default -> throw new IllegalArgumentException(name);
        }
    }

    private static SSLContext trusting(Path file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int number = 0;
        try (InputStream in = Files.newInputStream(file)) {
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("ca" + number++, one);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    private final class Recorder implements Metrics {
        private final JsonArray to;

        Recorder(JsonArray to) {
            this.to = to;
        }

        private void record(String kind, String name, double value, Map<String, String> labels) {
            JsonArray one = new JsonArray();
            one.add(kind);
            one.add(name);
            one.add(value);
            JsonObject object = new JsonObject();
            labels.forEach(object::addProperty);
            one.add(object);
            synchronized (Driver.this) {
                to.add(one);
            }
        }

        @Override
        public void count(String name, double amount, Map<String, String> labels) {
            record("count", name, amount, labels);
        }

        @Override
        public void observe(String name, double value, Map<String, String> labels) {
            record("observe", name, value, labels);
        }

        @Override
        public void set(String name, double value, Map<String, String> labels) {
            record("set", name, value, labels);
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // Calls

    private void start(JsonObject command) {
        long begun = System.nanoTime();
        running.register();
        CompletableFuture<JsonObject> answer;
        try {
            answer = futures
                    ? call(command, false)
                    : CompletableFuture.supplyAsync(() -> call(command, true).join(), threads);
        } catch (RuntimeException refused) {
            answer = CompletableFuture.failedFuture(refused);
        }
        answer.whenComplete((result, failed) -> {
            JsonObject said = failed == null ? result : failure(command, failed);
            said.addProperty("ms", (System.nanoTime() - begun) / 1e6);
            say(command, said);
            running.arriveAndDeregister();
        });
    }

    private static JsonObject failure(JsonObject command, Throwable thrown) {
        Throwable failed = thrown;
        while (failed instanceof CompletionException) {
            failed = failed.getCause();
        }
        if (!(failed instanceof HarrierException error)) {
            JsonObject answer = new JsonObject();
            answer.addProperty("broken", String.valueOf(failed));
            return answer;
        }
        if (!command.get("do").getAsString().equals("batch")) {
            return Json.error(error);
        }
        JsonArray results = new JsonArray();
        results.add(Json.error(error));
        return Json.object("results", results); // a batched call has one transaction
    }

    private CompletableFuture<JsonObject> call(JsonObject c, boolean blocking) {
        CallOptions options = options(c);
        switch (c.get("do").getAsString()) {
            case "score" -> {
                List<Transaction> list = Json.transactions(c.getAsJsonArray("transactions"));
                return blocking
                        ? now(Json.results(client.scoreMany(list, options), Json::decision))
                        : client.scoreManyAsync(list, options).thenApply(r -> Json.results(r, Json::decision));
            }
            case "batch" -> {
                Transaction one = Json.transaction(c.getAsJsonObject("transaction"));
                return blocking
                        ? now(Json.single(batcher.score(one, options)))
                        : batcher.scoreAsync(one, options).thenApply(Json::single);
            }
            case "outcome" -> {
                List<Outcome> list = Json.outcomes(c.getAsJsonArray("outcomes"));
                return blocking
                        ? now(Json.results(client.reportOutcomes(list, options), Json::accepted))
                        : client.reportOutcomesAsync(list, options).thenApply(r -> Json.results(r, Json::accepted));
            }
            case "amend" -> {
                List<Amendment> list = Json.amendments(c.getAsJsonArray("amendments"));
                return blocking
                        ? now(Json.results(client.amendMany(list, options), Json::amended))
                        : client.amendManyAsync(list, options).thenApply(r -> Json.results(r, Json::amended));
            }
            case "status" -> {
                return blocking
                        ? now(Json.status(client.status(options)))
                        : client.statusAsync(options).thenApply(Json::status);
            }
            default -> {
                return analyst(c, options, blocking);
            }
        }
    }

    private CompletableFuture<JsonObject> analyst(JsonObject c, CallOptions options, boolean blocking) {
        switch (c.get("do").getAsString()) {
            case "entity" -> {
                String entity = c.get("entity").getAsString();
                List<String> key = Json.texts(c.getAsJsonArray("key"));
                CallOptions at = c.has("at_time_us") ? options.withAtTime(Json.time(c, "at_time_us")) : options;
                return blocking
                        ? now(Json.entity(client.getEntity(entity, key, at)))
                        : client.getEntityAsync(entity, key, at).thenApply(Json::entity);
            }
            case "change_list" -> {
                var changes = Json.changes(c.getAsJsonArray("changes"));
                return blocking
                        ? now(Json.results(client.changeList(changes, options), Json::changed))
                        : client.changeListAsync(changes, options).thenApply(r -> Json.results(r, Json::changed));
            }
            case "change_brake" -> {
                var change = Json.brake(c);
                return blocking
                        ? now(Json.braked(client.changeBrake(change, options)))
                        : client.changeBrakeAsync(change, options).thenApply(Json::braked);
            }
            case "get_list" -> {
                String list = c.has("list") ? c.get("list").getAsString() : "";
                long after = c.has("after_position") ? c.get("after_position").getAsLong() : 0;
                int limit = c.has("limit") ? c.get("limit").getAsInt() : 0;
                Function<ListPage, JsonObject> convert = Json::page;
                return blocking
                        ? now(convert.apply(client.getList(list, after, limit, options)))
                        : client.getListAsync(list, after, limit, options).thenApply(convert);
            }
            case "reload" -> {
                boolean wait = c.has("wait") && c.get("wait").getAsBoolean();
                return blocking
                        ? now(Json.reload(client.reload(wait, options)))
                        : client.reloadAsync(wait, options).thenApply(Json::reload);
            }
            case "explain" -> {
                String id = c.get("transaction_id").getAsString();
                return blocking
                        ? now(Json.explanation(client.explain(id, options)))
                        : client.explainAsync(id, options).thenApply(Json::explanation);
            }
            case "find" -> {
                FindQuery query = Json.findQuery(c);
                return blocking
                        ? now(Json.findings(client.find(query, options)))
                        : client.findAsync(query, options).thenApply(Json::findings);
            }
            default -> throw new IllegalArgumentException(c.get("do").getAsString());
        }
    }

    private static CompletableFuture<JsonObject> now(JsonObject answer) {
        return CompletableFuture.completedFuture(answer);
    }

    private static CallOptions options(JsonObject command) {
        CallOptions options = CallOptions.none();
        if (command.has("deadline_ms")) {
            options = options.withDeadline(Json.millis(command, "deadline_ms"));
        }
        if (command.has("dry_run") && command.get("dry_run").getAsBoolean()) {
            options = options.withDryRun();
        }
        if (command.has("traceparent")) {
            options = options.withTraceparent(command.get("traceparent").getAsString());
        }
        return options;
    }

    // ------------------------------------------------------------------------------------------------------------
    // Answers

    private void say(JsonObject command, JsonObject answer) {
        answer.add("seq", command.get("seq"));
        say(answer);
    }

    private synchronized void say(JsonObject object) {
        output.println(Json.text(object));
        output.flush();
    }
}
