package io.harrier.client;

import io.harrier.client.admin.BrakeChange;
import io.harrier.client.admin.Entity;
import io.harrier.client.admin.Explanation;
import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.Findings;
import io.harrier.client.admin.ListChange;
import io.harrier.client.admin.ListPage;
import io.harrier.client.admin.Reload;
import io.harrier.client.internal.transport.Address;
import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.transport.Timers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/**
 * Asks one server, or others when it is not available or a standby. Any number of threads may use a client, and any
 * number of calls may be in flight. Close it.
 *
 * <pre>{@code
 * try (HarrierClient client = HarrierClient.builder("tcp://127.0.0.1:7731").fallback(Verdict.REVIEW).build()) {
 *     Decision decision = client.score(Transaction.builder("order-3042")
 *             .eventTime(Instant.now()).amount(4999, "EUR").card("tok_9f3a").build());
 * }
 * }</pre>
 *
 * <p>Each call exists in two forms. The blocking form throws a {@link HarrierException}. A thread that is interrupted
 * meanwhile gets a {@link CancellationException}, with its interrupt flag set; the server may still decide. The form that
 * ends in {@code Async} returns a future that fails with the same exceptions; cancelling the future ends the call.
 * Futures are completed by the client's {@link Builder#executor executor}. Arguments that break a rule throw at once in
 * both forms.
 */
public final class HarrierClient implements AutoCloseable {
    /** Version of this client. */
    public static final String VERSION = "0.1.0";

    private final Dispatcher dispatcher;

    private HarrierClient(Options options) {
        dispatcher = new Dispatcher(options);
    }

    /**
     * Begins a client.
     *
     * @param addresses one or more, in order of preference: {@code tcp://HOST:PORT}, {@code tls+tcp://HOST:PORT} or
     *     {@code ipc://PATH}
     * @return a builder with the defaults of the contract
     */
    public static Builder builder(String... addresses) {
        return new Builder(List.of(addresses));
    }

    /**
     * Begins a client.
     *
     * @param addresses one or more, in order of preference
     * @return a builder with the defaults of the contract
     */
    public static Builder builder(List<String> addresses) {
        return new Builder(List.copyOf(addresses));
    }

    // ------------------------------------------------------------------------------------------------------------
    // Scoring

    /**
     * Asks for the decision of a transaction.
     *
     * @param transaction to decide
     * @return the decision of a server, or a fallback decision
     * @throws HarrierException the transaction's error, or the call's
     */
    public Decision score(Transaction transaction) {
        return score(transaction, CallOptions.none());
    }

    /**
     * Asks for the decision of a transaction.
     *
     * @param transaction to decide
     * @param options of this call
     * @return the decision of a server, or a fallback decision
     * @throws HarrierException the transaction's error, or the call's
     */
    public Decision score(Transaction transaction, CallOptions options) {
        return scoreMany(List.of(transaction), options).get(0).get();
    }

    /**
     * Asks for the decision of a transaction without waiting.
     *
     * @param transaction to decide
     * @param options of this call
     * @return the decision of a server, or a fallback decision
     */
    public CompletableFuture<Decision> scoreAsync(Transaction transaction, CallOptions options) {
        return scoreRun(List.of(transaction), options).future(results -> results.get(0).get());
    }

    /**
     * Asks for the decision of a transaction without waiting.
     *
     * @param transaction to decide
     * @return the decision of a server, or a fallback decision
     */
    public CompletableFuture<Decision> scoreAsync(Transaction transaction) {
        return scoreAsync(transaction, CallOptions.none());
    }

    /**
     * Sends transactions in one message. They are decided in their order.
     *
     * @param transactions 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     * @throws HarrierException if the whole call failed
     */
    public List<Result<Decision>> scoreMany(List<Transaction> transactions, CallOptions options) {
        return scoreRun(transactions, options).await();
    }

    /**
     * Sends transactions in one message. They are decided in their order.
     *
     * @param transactions 1 to 1,000
     * @return one result for each, in the same order
     * @throws HarrierException if the whole call failed
     */
    public List<Result<Decision>> scoreMany(List<Transaction> transactions) {
        return scoreMany(transactions, CallOptions.none());
    }

    /**
     * Sends transactions in one message without waiting.
     *
     * @param transactions 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     */
    public CompletableFuture<List<Result<Decision>>> scoreManyAsync(
            List<Transaction> transactions, CallOptions options) {
        return scoreRun(transactions, options).future();
    }

    /** A call to score that begins and ends in these nanoseconds. */
    CompletableFuture<List<Result<Decision>>> scoreManyAsync(
            List<Transaction> transactions, CallOptions options, long begun, long limit) {
        return scoreRun(transactions, options, begun, limit).future();
    }

    private Run<List<Result<Decision>>> scoreRun(List<Transaction> transactions, CallOptions options) {
        return scoreRun(transactions, options, EventLoop.now(), limit(options));
    }

    private Run<List<Result<Decision>>> scoreRun(
            List<Transaction> given, CallOptions options, long begun, long limit) {
        List<Transaction> transactions = List.copyOf(given);
        Request request = ScoreEncoder.request(transactions, options);
        Fallback fallback = options.dryRun ? null : dispatcher.options().fallback();
        Fallbacks fallbacks = fallback == null ? null : new Fallbacks(fallback, transactions, dispatcher.meter());
        return new Run<>(
                dispatcher, request, begun, limit, Answers::decisions, fallbacks == null ? null : fallbacks::apply);
    }

    // ------------------------------------------------------------------------------------------------------------
    // Outcomes

    /**
     * Reports what a transaction turned out to be. Reporting it again changes nothing.
     *
     * @param outcome to report
     * @param options of this call
     * @return what changed
     * @throws HarrierException the outcome's error, or the call's
     */
    public Outcome.Accepted reportOutcome(Outcome outcome, CallOptions options) {
        return reportOutcomes(List.of(outcome), options).get(0).get();
    }

    /**
     * Reports what a transaction turned out to be, without waiting.
     *
     * @param outcome to report
     * @param options of this call
     * @return what changed
     */
    public CompletableFuture<Outcome.Accepted> reportOutcomeAsync(Outcome outcome, CallOptions options) {
        return outcomesRun(List.of(outcome), options).future(results -> results.get(0).get());
    }

    /**
     * Reports outcomes in one message. They are applied in their order.
     *
     * @param outcomes 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     * @throws HarrierException if the whole call failed
     */
    public List<Result<Outcome.Accepted>> reportOutcomes(List<Outcome> outcomes, CallOptions options) {
        return outcomesRun(outcomes, options).await();
    }

    /**
     * Reports outcomes in one message without waiting.
     *
     * @param outcomes 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     */
    public CompletableFuture<List<Result<Outcome.Accepted>>> reportOutcomesAsync(
            List<Outcome> outcomes, CallOptions options) {
        return outcomesRun(outcomes, options).future();
    }

    private Run<List<Result<Outcome.Accepted>>> outcomesRun(List<Outcome> outcomes, CallOptions options) {
        return run(Requests.outcomes(outcomes, options), options, Answers::outcomes);
    }

    // ------------------------------------------------------------------------------------------------------------
    // Amendments

    /**
     * Reports what became known about a transaction's money. What is reported last holds.
     *
     * @param amendment to report
     * @param options of this call
     * @return what changed
     * @throws HarrierException the amendment's error, or the call's
     */
    public Amendment.Accepted amend(Amendment amendment, CallOptions options) {
        return amendMany(List.of(amendment), options).get(0).get();
    }

    /**
     * Reports what became known about a transaction's money, without waiting.
     *
     * @param amendment to report
     * @param options of this call
     * @return what changed
     */
    public CompletableFuture<Amendment.Accepted> amendAsync(Amendment amendment, CallOptions options) {
        return amendmentsRun(List.of(amendment), options).future(results -> results.get(0).get());
    }

    /**
     * Reports amendments in one message. They are applied in their order.
     *
     * @param amendments 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     * @throws HarrierException if the whole call failed
     */
    public List<Result<Amendment.Accepted>> amendMany(List<Amendment> amendments, CallOptions options) {
        return amendmentsRun(amendments, options).await();
    }

    /**
     * Reports amendments in one message without waiting.
     *
     * @param amendments 1 to 1,000
     * @param options of this call
     * @return one result for each, in the same order
     */
    public CompletableFuture<List<Result<Amendment.Accepted>>> amendManyAsync(
            List<Amendment> amendments, CallOptions options) {
        return amendmentsRun(amendments, options).future();
    }

    private Run<List<Result<Amendment.Accepted>>> amendmentsRun(List<Amendment> amendments, CallOptions options) {
        return run(Requests.amendments(amendments, options), options, Answers::amendments);
    }

    // ------------------------------------------------------------------------------------------------------------
    // The server

    /**
     * Returns the server's state and figures.
     *
     * @param options of this call
     * @return the status of the server that is preferred now
     * @throws HarrierException if the call failed
     */
    public Status status(CallOptions options) {
        return run(Requests.status(options), options, Answers::status).await();
    }

    /**
     * Returns the server's state and figures without waiting.
     *
     * @param options of this call
     * @return the status of the server that is preferred now
     */
    public CompletableFuture<Status> statusAsync(CallOptions options) {
        return run(Requests.status(options), options, Answers::status).future();
    }

    /**
     * Loads the policy and the shadow policies again. A refused policy is a result, not an error. One that waits can take
     * longer than a score: give it a deadline of its own.
     *
     * @param wait answer when the reload is done; else as soon as it is scheduled
     * @param options of this call
     * @return what became of each policy
     * @throws HarrierException if the call failed
     */
    public Reload reload(boolean wait, CallOptions options) {
        return run(Requests.reload(wait, options), options, Answers::reload).await();
    }

    /**
     * Loads the policy and the shadow policies again, without waiting here.
     *
     * @param wait answer when the reload is done; else as soon as it is scheduled
     * @param options of this call
     * @return what became of each policy
     */
    public CompletableFuture<Reload> reloadAsync(boolean wait, CallOptions options) {
        return run(Requests.reload(wait, options), options, Answers::reload).future();
    }

    // ------------------------------------------------------------------------------------------------------------
    // Analysts

    /**
     * Returns the features of an entity of the policy.
     *
     * @param entity as the policy names it, such as {@code "card"}
     * @param key one text for each field of the entity's key, mostly one
     * @param options of this call
     * @return its features, at the time of the options or of its newest transaction
     * @throws HarrierException if the call failed; {@link HarrierException.NotFound} for a key without history
     */
    public Entity getEntity(String entity, List<String> key, CallOptions options) {
        return run(Requests.entity(entity, key, options), options, Answers::entity).await();
    }

    /**
     * Returns the features of an entity of the policy, without waiting.
     *
     * @param entity as the policy names it, such as {@code "card"}
     * @param key one text for each field of the entity's key, mostly one
     * @param options of this call
     * @return its features
     */
    public CompletableFuture<Entity> getEntityAsync(String entity, List<String> key, CallOptions options) {
        return run(Requests.entity(entity, key, options), options, Answers::entity).future();
    }

    /**
     * Adds entries to a policy's lists, and removes them. A change that is made twice changes nothing the second time.
     *
     * @param changes 1 to 1,000, applied in this order
     * @param options of this call
     * @return one result for each, in the same order
     * @throws HarrierException if the whole call failed
     */
    public List<Result<ListChange.Changed>> changeList(List<ListChange> changes, CallOptions options) {
        return run(Requests.changes(changes, options), options, Answers::changes).await();
    }

    /**
     * Adds entries to a policy's lists, and removes them, without waiting.
     *
     * @param changes 1 to 1,000, applied in this order
     * @param options of this call
     * @return one result for each, in the same order
     */
    public CompletableFuture<List<Result<ListChange.Changed>>> changeListAsync(
            List<ListChange> changes, CallOptions options) {
        return run(Requests.changes(changes, options), options, Answers::changes).future();
    }

    /**
     * Returns one page of a list's entries.
     *
     * @param list as the policy names it; empty: a summary of every list, without entries
     * @param afterPosition {@link ListPage#nextPosition} of the page before; 0: the first page
     * @param limit the most entries to return, up to 1,000; 0: 1,000
     * @param options of this call
     * @return the page
     * @throws HarrierException if the call failed
     */
    public ListPage getList(String list, long afterPosition, int limit, CallOptions options) {
        return run(Requests.list(list, afterPosition, limit, options), options, Answers::list).await();
    }

    /**
     * Returns one page of a list's entries, without waiting.
     *
     * @param list as the policy names it; empty: a summary of every list, without entries
     * @param afterPosition {@link ListPage#nextPosition} of the page before; 0: the first page
     * @param limit the most entries to return, up to 1,000; 0: 1,000
     * @param options of this call
     * @return the page
     */
    public CompletableFuture<ListPage> getListAsync(
            String list, long afterPosition, int limit, CallOptions options) {
        return run(Requests.list(list, afterPosition, limit, options), options, Answers::list).future();
    }

    /**
     * Lifts or pulls the brake of a rule. A change that is made twice changes nothing the second time.
     *
     * @param change the rule, or the policy as a whole
     * @param options of this call
     * @return whether that changed anything
     * @throws HarrierException if the call failed
     */
    public BrakeChange.Changed changeBrake(BrakeChange change, CallOptions options) {
        return run(Requests.brake(change, options), options, Answers::brake).await();
    }

    /**
     * Lifts or pulls the brake of a rule, without waiting.
     *
     * @param change the rule, or the policy as a whole
     * @param options of this call
     * @return whether that changed anything
     */
    public CompletableFuture<BrakeChange.Changed> changeBrakeAsync(BrakeChange change, CallOptions options) {
        return run(Requests.brake(change, options), options, Answers::brake).future();
    }

    /**
     * Derives a decision again from the archive, with everything that went into it. That can take longer than a score:
     * give it a deadline of its own.
     *
     * @param transactionId a transaction that was scored
     * @param options of this call
     * @return the explanation
     * @throws HarrierException if the call failed
     */
    public Explanation explain(String transactionId, CallOptions options) {
        return run(Requests.explain(transactionId, options), options, Explanations::explanation).await();
    }

    /**
     * Derives a decision again from the archive, without waiting.
     *
     * @param transactionId a transaction that was scored
     * @param options of this call
     * @return the explanation
     */
    public CompletableFuture<Explanation> explainAsync(String transactionId, CallOptions options) {
        return run(Requests.explain(transactionId, options), options, Explanations::explanation).future();
    }

    /**
     * Returns a page of the transactions of the server's archive, the newest first.
     *
     * @param query the filters
     * @param options of this call
     * @return the page
     * @throws HarrierException if the call failed; the server may be busy with other searches
     */
    public Findings find(FindQuery query, CallOptions options) {
        return run(Requests.find(query, options), options, Searches::findings).await();
    }

    /**
     * Returns a page of the transactions of the server's archive, without waiting.
     *
     * @param query the filters
     * @param options of this call
     * @return the page
     */
    public CompletableFuture<Findings> findAsync(FindQuery query, CallOptions options) {
        return run(Requests.find(query, options), options, Searches::findings).future();
    }

    // ------------------------------------------------------------------------------------------------------------
    // Batching and the end

    /**
     * Makes a batcher of 1 ms and 100 transactions.
     *
     * @return it; close it before the client
     */
    public Batcher batcher() {
        return batcher(Duration.ofMillis(1), 100);
    }

    /**
     * Makes a batcher, which combines calls of score made within a short time into one message.
     *
     * @param window from the first call to the sending; more than 0, at most one second
     * @param sizeMax a batch of this size is sent at once; 1 to 1,000
     * @return it; close it before the client
     * @throws HarrierException.Invalid if an argument is out of range
     */
    public Batcher batcher(Duration window, int sizeMax) {
        return new Batcher(this, dispatcher, window, sizeMax);
    }

    /** Rejects new calls, waits for those in flight, whose deadlines bound that, and closes the connections. */
    @Override
    public void close() {
        dispatcher.close(Timers.NEVER);
    }

    /**
     * Like {@link #close()}, but ends calls that are still in flight after a time, with
     * {@link HarrierException.Closed}. Closing again has no effect. Must not be called by a thread that completes the
     * client's futures.
     *
     * @param timeout how long to wait for calls in flight
     */
    public void close(Duration timeout) {
        dispatcher.close(EventLoop.now() + Math.max(0, timeout.toNanos()));
    }

    /** Names the addresses, and never the token. */
    @Override
    public String toString() {
        return "HarrierClient" + dispatcher.options().addresses().stream().map(Address::text).toList();
    }

    // ------------------------------------------------------------------------------------------------------------
    // Running a call

    long limit(CallOptions options) {
        return options.deadlineNanos == 0 ? dispatcher.options().deadlineNanos() : options.deadlineNanos;
    }

    private <T> Run<T> run(Request request, CallOptions options, Answers.Converter<T> converter) {
        return new Run<>(dispatcher, request, EventLoop.now(), limit(options), converter, null);
    }

    /** Collects the options of a client. Not thread-safe. */
    public static final class Builder {
        private final List<String> addresses;
        private Duration deadline = Duration.ofMillis(100);
        private Fallback fallback;
        private int retriesMax = 3;
        private int inFlightMax = 1024;
        private int ejectAfter = 3;
        private Metrics metrics;
        private Supplier<String> token;
        private SSLContext sslContext;
        private Executor executor = ForkJoinPool.commonPool();

        private Builder(List<String> addresses) {
            this.addresses = new ArrayList<>(addresses);
        }

        /**
         * Sets the deadline of calls that do not set their own. Default: 100 ms.
         *
         * @param deadline more than 0, at most one hour
         * @return this
         */
        public Builder deadline(Duration deadline) {
            this.deadline = Objects.requireNonNull(deadline, "deadline");
            return this;
        }

        /**
         * Sets the verdict of fallback decisions, which scoring returns if there is no decision in time.
         *
         * @param verdict of every fallback decision; null: none are made
         * @return this
         */
        public Builder fallback(Verdict verdict) {
            fallback = verdict == null
                    ? null
                    : (transaction, error) -> error.fallback() == null ? verdict : error.fallback();
            return this;
        }

        /**
         * Sets what chooses the verdict of each fallback decision.
         *
         * @param fallback a function; null: no fallback decisions are made
         * @return this
         */
        public Builder fallback(Fallback fallback) {
            this.fallback = fallback;
            return this;
        }

        /**
         * Sets how many times a call is sent again. Default: 3.
         *
         * @param retries at least 0
         * @return this
         */
        public Builder retriesMax(int retries) {
            retriesMax = retries;
            return this;
        }

        /**
         * Sets how many requests are in flight at once; further calls wait. Default: 1,024.
         *
         * @param requests at least 1
         * @return this
         */
        public Builder inFlightMax(int requests) {
            inFlightMax = requests;
            return this;
        }

        /**
         * Sets after how many consecutive failures an address is ejected. Default: 3.
         *
         * @param failures at least 1
         * @return this
         */
        public Builder ejectAfter(int failures) {
            ejectAfter = failures;
            return this;
        }

        /**
         * Reports the client's metrics.
         *
         * @param metrics the hook; null: none
         * @return this
         */
        public Builder metrics(Metrics metrics) {
            this.metrics = metrics;
            return this;
        }

        /**
         * Sets a token that is sent with every request.
         *
         * @param token at most 256 bytes of printable ASCII without spaces; null: none
         * @return this
         * @throws HarrierException.Invalid if it cannot be sent
         */
        public Builder token(String token) {
            Options.checkToken(token);
            this.token = token == null ? null : () -> token;
            return this;
        }

        /**
         * Sets a function that is called for the token of each request, so that it can change. It must be quick and
         * thread-safe; if it throws, the call fails with {@link HarrierException.Invalid}.
         *
         * @param token the function; null: none
         * @return this
         */
        public Builder token(Supplier<String> token) {
            this.token = token;
            return this;
        }

        /**
         * Sets the certificates for {@code tls+tcp} addresses. The server's must be valid for the host of the address.
         *
         * @param context with the certificates to trust, and perhaps the client's own; null: that of the platform
         * @return this
         */
        public Builder sslContext(SSLContext context) {
            sslContext = context;
            return this;
        }

        /**
         * Sets what completes the futures of calls. Default: {@link ForkJoinPool#commonPool}. With
         * {@code Runnable::run} it is the client's own thread, which must not block.
         *
         * @param executor that never refuses a task
         * @return this
         */
        public Builder executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Makes the client. It connects in the background.
         *
         * @return the client
         * @throws HarrierException.Invalid if an address or option is invalid
         */
        public HarrierClient build() {
            return new HarrierClient(new Options(
                    Options.parseAddresses(addresses), Options.checkDeadline(deadline), fallback,
                    Options.checkRange("retries_max", retriesMax, 0, Integer.MAX_VALUE),
                    Options.checkRange("in_flight_max", inFlightMax, 1, Options.IN_FLIGHT_MOST),
                    Options.checkRange("eject_after", ejectAfter, 1, Integer.MAX_VALUE), metrics, token, sslContext,
                    executor));
        }
    }
}
