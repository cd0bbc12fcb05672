package io.harrier.client;

import io.harrier.client.HarrierException.Decided;
import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.transport.Timers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/**
 * Combines calls of score made within a short time into one message, in the order of the calls. Thread-safe. Made by
 * {@link HarrierClient#batcher()}.
 */
public final class Batcher implements AutoCloseable {
    private static final Duration WINDOW_MAX = Duration.ofSeconds(1);

    private final HarrierClient client;
    private final Dispatcher dispatcher;
    private final long window; // nanoseconds
    private final int sizeMax;

    // Guarded by this.
    private Batch open;
    private boolean closed;

    /** Transactions that become one message. As a timer it is the end of its window. */
    final class Batch extends Timers.Timer {
        final List<Transaction> transactions = new ArrayList<>();
        final List<CompletableFuture<Decision>> futures = new ArrayList<>();
        long ends = Timers.NEVER; // the earliest deadline
        long due;
        String traceparent = "";

        @Override
        public void fire() {
            synchronized (Batcher.this) {
                if (open != this) {
                    return;
                }
                open = null;
            }
            dispatcher.options().executor().execute(() -> send(this));
        }
    }

    Batcher(HarrierClient client, Dispatcher dispatcher, Duration window, int sizeMax) {
        if (window.isNegative() || window.isZero() || window.compareTo(WINDOW_MAX) > 0) {
            throw HarrierException.invalid("window", window + "; expected more than 0 and at most one second");
        }
        this.client = client;
        this.dispatcher = dispatcher;
        this.window = window.toNanos();
        this.sizeMax = Options.checkRange("size_max", sizeMax, 1, Requests.ITEMS_MAX);
    }

    /**
     * Like {@link HarrierClient#score(Transaction)}.
     *
     * @param transaction to decide
     * @return the decision of a server, or a fallback decision
     * @throws HarrierException the transaction's error, or the message's
     */
    public Decision score(Transaction transaction) {
        return score(transaction, CallOptions.none());
    }

    /**
     * Like {@link HarrierClient#score(Transaction, CallOptions)}. If the thread is interrupted, its transaction may still
     * be sent with the others.
     *
     * @param transaction to decide
     * @param options of this call; neither a dry run nor features, which apply to a whole message
     * @return the decision of a server, or a fallback decision
     * @throws HarrierException the transaction's error, or the message's
     */
    public Decision score(Transaction transaction, CallOptions options) {
        try {
            return scoreAsync(transaction, options).get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the thread was interrupted");
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof HarrierException error) {
                throw error.thrownAgain(); // it may be that of other calls, too
            }
            throw new CompletionException(failed.getCause());
        }
    }

    /**
     * Like {@link HarrierClient#scoreAsync(Transaction, CallOptions)}.
     *
     * @param transaction to decide
     * @param options of this call; neither a dry run nor features, which apply to a whole message
     * @return the decision of a server, or a fallback decision
     * @throws HarrierException.Invalid if an option does not apply
     * @throws HarrierException.Closed if the batcher is closed
     */
    public CompletableFuture<Decision> scoreAsync(Transaction transaction, CallOptions options) {
        if (options.dryRun || options.returnFeatures) {
            throw HarrierException.invalid("options", "a batcher takes neither a dry run nor features");
        }
        long now = EventLoop.now();
        CompletableFuture<Decision> future = new CompletableFuture<>();
        Batch full = join(transaction, options, now, future);
        if (full != null) {
            send(full);
        }
        return future;
    }

    /** Returns the batch if it has to be sent now. */
    private synchronized Batch join(
            Transaction transaction, CallOptions options, long now, CompletableFuture<Decision> future) {
        if (closed) {
            throw HarrierException.of(ErrorCode.CLOSED, "", "the batcher is closed", Decided.NO);
        }
        Batch batch = open;
        if (batch == null) {
            batch = new Batch();
            batch.due = now + window;
            dispatcher.loop().schedule(batch, batch.due);
            open = batch;
        }
        batch.transactions.add(transaction);
        batch.futures.add(future);
        batch.ends = Math.min(batch.ends, now + client.limit(options));
        if (batch.traceparent.isEmpty()) {
            batch.traceparent = options.traceparent;
        }
        // In a closed client no timer fires any more: the batch fails at once.
        if (batch.transactions.size() == sizeMax || dispatcher.slots().isClosed()) {
            dispatcher.loop().cancel(batch);
            open = null;
            return batch;
        }
        // There must be time for the answer.
        long latest = now + Math.max(0, batch.ends - now) / 2;
        if (latest < batch.due) {
            dispatcher.loop().cancel(batch);
            batch.due = latest;
            dispatcher.loop().schedule(batch, latest);
        }
        return null;
    }

    private void send(Batch batch) {
        send(batch, batch.transactions).whenComplete((results, thrown) -> {
            if (thrown == null) {
                for (int i = 0; i < results.size(); i++) {
                    complete(batch.futures.get(i), results.get(i));
                }
                return;
            }
            Throwable failed = thrown instanceof CompletionException ? thrown.getCause() : thrown;
            boolean refused = failed instanceof HarrierException.Invalid || failed instanceof HarrierException.TooLarge;
            if (!refused || batch.transactions.size() == 1) {
                batch.futures.forEach(one -> one.completeExceptionally(failed));
                return;
            }
            // A batch is refused as a whole when one transaction cannot be encoded, or makes it too large.
            for (int i = 0; i < batch.transactions.size(); i++) {
                CompletableFuture<Decision> future = batch.futures.get(i);
                send(batch, batch.transactions.subList(i, i + 1)).whenComplete((one, failedAlone) -> {
                    if (failedAlone == null) {
                        complete(future, one.get(0));
                    } else {
                        future.completeExceptionally(failedAlone);
                    }
                });
            }
        });
    }

    private static void complete(CompletableFuture<Decision> future, Result<Decision> result) {
        if (result.isOk()) {
            future.complete(result.value());
        } else {
            future.completeExceptionally(result.error());
        }
    }

    private CompletableFuture<List<Result<Decision>>> send(Batch batch, List<Transaction> transactions) {
        long now = EventLoop.now();
        CallOptions options = CallOptions.none().withTraceparent(batch.traceparent);
        try {
            // A call whose deadline has passed still gets its error, or its fallback decision, from the client.
            return client.scoreManyAsync(transactions, options, now, Math.max(1, batch.ends - now));
        } catch (HarrierException refused) {
            return CompletableFuture.failedFuture(refused);
        }
    }

    /** Sends what the batcher holds. The client stays open. */
    @Override
    public void close() {
        Batch last;
        synchronized (this) {
            closed = true;
            last = open;
            open = null;
        }
        if (last != null) {
            dispatcher.loop().cancel(last);
            send(last);
        }
    }
}
