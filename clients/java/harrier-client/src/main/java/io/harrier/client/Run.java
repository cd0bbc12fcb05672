package io.harrier.client;

import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Request;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * One call as the application sees it: it waits or gets a future, and what it waited for is decoded, counted, and
 * replaced if there is a fallback. That is done by the caller's thread or the executor, not by the client's own thread.
 */
final class Run<T> {
    private final Dispatcher dispatcher;
    private final Request request;
    private final long begun;
    private final long limit; // nanoseconds
    private final Answers.Converter<T> converter;
    private final BiFunction<T, HarrierException, T> fallBack; // null unless scoring with a fallback

    Run(
            Dispatcher dispatcher,
            Request request,
            long begun,
            long limit,
            Answers.Converter<T> converter,
            BiFunction<T, HarrierException, T> fallBack) {
        this.dispatcher = dispatcher;
        this.request = request;
        this.begun = begun;
        this.limit = limit;
        this.converter = converter;
        this.fallBack = fallBack;
    }

    /** Waits; throws the call's error with the stack of the caller. */
    T await() {
        Waiter waiter = new Waiter();
        Call call = new Call(dispatcher, request, begun, limit, waiter);
        dispatcher.start(call);
        waiter.await(call);
        return finish(waiter.answer, waiter.error);
    }

    CompletableFuture<T> future() {
        return future(result -> result);
    }

    /** A future of what the function makes of the result. */
    <U> CompletableFuture<U> future(Function<T, U> mapping) {
        CompletableFuture<U> future = new CompletableFuture<>();
        Executor executor = dispatcher.options().executor();
        Call call = new Call(dispatcher, request, begun, limit, (answer, error) -> executor.execute(() -> {
            try {
                future.complete(mapping.apply(finish(answer, error)));
            } catch (RuntimeException | Error failed) {
                future.completeExceptionally(failed);
            }
        }));
        dispatcher.start(call);
        future.whenComplete((result, failed) -> {
            if (future.isCancelled()) {
                call.cancel();
            }
        });
        return future;
    }

    private T finish(byte[] answer, HarrierException error) {
        HarrierException failed = error;
        T result = null;
        if (answer != null) {
            try {
                result = Answers.decode(answer, request, converter);
            } catch (HarrierException thrown) {
                failed = thrown;
            }
        }
        record(answer == null && error == null ? "canceled" : failed == null ? "ok" : failed.code().code());
        if (answer == null && error == null) {
            throw new CancellationException("the call was cancelled");
        }
        if (fallBack != null) {
            return fallBack.apply(result, failed);
        }
        if (failed != null) {
            failed.fillInStackTrace();
            throw failed;
        }
        return result;
    }

    private void record(String result) {
        dispatcher.meter().called(request.call, result, EventLoop.now() - begun);
        if (request.call.equals("score")) {
            dispatcher.meter().scored(request.count);
        }
    }

    /** A thread that waits for a call. */
    private static final class Waiter implements Call.Completion {
        private final Thread thread = Thread.currentThread();
        private byte[] answer;
        private HarrierException error;
        private volatile boolean done;

        @Override
        public void done(byte[] answer, HarrierException error) {
            this.answer = answer;
            this.error = error;
            done = true;
            LockSupport.unpark(thread);
        }

        void await(Call call) {
            boolean interrupted = false;
            while (!done) {
                LockSupport.park(this);
                if (Thread.interrupted()) {
                    interrupted = true;
                    call.cancel();
                }
            }
            if (interrupted) {
                thread.interrupt();
            }
        }
    }
}
