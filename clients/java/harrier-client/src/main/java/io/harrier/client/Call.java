package io.harrier.client;

import io.harrier.client.HarrierException.Decided;
import io.harrier.client.internal.transport.Address;
import io.harrier.client.internal.transport.Connection;
import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Exchange;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.transport.Routes;
import io.harrier.client.internal.transport.Search;
import io.harrier.client.internal.transport.Timers;
import io.harrier.client.internal.wire.Wire;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * One call with its retries: which address it goes to, when it is sent again, and how it ends. "One call" in the
 * contract has a diagram. As a timer it is the call's deadline.
 */
final class Call extends Timers.Timer {
    private static final long BACK_OFF_MIN = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long BACK_OFF_MAX = TimeUnit.MILLISECONDS.toNanos(500);

    // Standbys are asked again and again, but not in the last part of the call's time, which is for the last answer: with
    // a request under way at the deadline, nobody would know whether it was decided.
    private static final int LAST_ANSWER_SHARE = 8;
    private static final long LAST_ANSWER_MAX = BACK_OFF_MAX;

    /** Learns how the call ended; called once, by any thread. */
    @FunctionalInterface
    interface Completion {
        /** Either an answer, which may still be an error of the server or unusable, or an error. */
        void done(byte[] answer, HarrierException error);
    }

    private final Dispatcher dispatcher;
    private final Request request;
    private final Completion completion;
    private final long limit; // nanoseconds
    private final long ends;

    private final Runnable attempt = this::attempt;
    private final Timers.Timer backOff = new Timers.Timer() {
        @Override
        public void fire() {
            attempt();
        }
    };

    // Guarded by this.
    private boolean done;
    private boolean hasSlot;
    private boolean mayWait; // for a connection, or the end of a back-off
    private Attempt current; // that was not answered
    private int index; // of the address that it was last sent to
    private int retries;
    private int broken; // connections that broke after it was sent
    private HarrierException last; // the server's last "unavailable", if that was its last answer
    private String primary; // which one the last standby named; null: the last answer was not that of a standby

    // Of the loop's thread: before the first answer, nobody else looks at it.
    private Search search; // for the primary; null: no standby has answered

    /** One sending of the request. */
    private final class Attempt extends Exchange {
        final Connection connection;

        Attempt(Connection connection, String token) {
            super(Call.this.request, token, Call.this.ends);
            this.connection = connection;
        }

        @Override
        public void answered(byte[] answer) {
            if (end(this)) {
                received(answer);
            }
        }

        @Override
        public void broken() {
            if (!end(this)) {
                return;
            }
            if (sent) {
                synchronized (Call.this) {
                    broken++;
                }
                dispatcher.failed(index);
                again("connection");
            } else {
                attempt();
            }
        }

        @Override
        public void moved() {
            if (end(this)) {
                attempt();
            }
        }
    }

    Call(Dispatcher dispatcher, Request request, long begun, long limit, Completion completion) {
        this.dispatcher = dispatcher;
        this.request = request;
        this.limit = limit;
        this.ends = begun + limit;
        this.completion = completion;
    }

    long ends() {
        return ends;
    }

    /** It may use a slot from now on. Called by whoever gives it, before {@link #attempt}. */
    synchronized void giveSlot() {
        hasSlot = true;
    }

    // ------------------------------------------------------------------------------------------------------------
    // Sending

    /** Sends the request to the address that is best now, or waits for a connection. */
    void attempt() {
        for (;;) {
            synchronized (this) {
                if (done) {
                    return;
                }
            }
            if (EventLoop.now() >= ends) {
                finish(unavailable());
                return;
            }
            Routes.Choice<Connection> chosen = choose();
            if (chosen == null) {
                return;
            }
            String token;
            try {
                token = dispatcher.token();
            } catch (HarrierException failed) {
                HarrierException error = HarrierException.invalid(failed.field(), failed.getMessage());
                error.initCause(failed.getCause());
                finish(broken == 0 ? error : HarrierException.of(
                        error.code(), error.field(), error.getMessage(), Decided.UNKNOWN));
                return;
            }
            Attempt next = new Attempt(chosen.connection(), token);
            synchronized (this) {
                if (done) {
                    return;
                }
                current = next;
                index = chosen.index();
            }
            if (chosen.connection().send(next)) {
                return;
            }
            end(next); // it has just broken
        }
    }

    /** The address to use; null: the call waits for a connection, or has ended. */
    private Routes.Choice<Connection> choose() {
        Routes.Choice<Connection> chosen = dispatcher.routes().choose(search);
        if (chosen != null) {
            return chosen;
        }
        synchronized (this) {
            mayWait = true; // before it waits, so that its end stops that
        }
        if (search != null) {
            search.waiting();
        }
        chosen = dispatcher.routes().chooseOrWait(search, attempt);
        if (chosen == null && isDone()) {
            dispatcher.routes().stopWaiting(attempt);
        }
        return chosen;
    }

    /** Returns whether the call still waits for this attempt; it does not after this. */
    private synchronized boolean end(Attempt attempt) {
        if (done || current != attempt) {
            return false;
        }
        current = null;
        return true;
    }

    private void received(byte[] answer) {
        Wire.Error error = Answers.mayBeError(answer) ? Answers.errorIn(answer) : null;
        Wire.ErrorCode code = error == null ? Wire.ErrorCode.ERROR_UNSPECIFIED : error.getCode();
        if (code == Wire.ErrorCode.ERROR_NOT_PRIMARY) {
            refusedByStandby(error.getPrimary());
            return;
        }
        if (request.writes) {
            dispatcher.decides(index);
        }
        if (code == Wire.ErrorCode.ERROR_UNAVAILABLE) {
            synchronized (this) {
                last = Answers.error(error);
                primary = null;
            }
            dispatcher.failed(index);
            again("unavailable");
            return;
        }
        dispatcher.succeeded(index);
        finish(answer, null);
    }

    /**
     * Nothing happened. The call goes on to an address that may be the primary, else after a wait to any, because a
     * take-over takes a while. Only the deadline ends that.
     */
    private void refusedByStandby(String named) {
        int primaryIndex = dispatcher.isStandby(index, named);
        synchronized (this) {
            last = null;
            primary = named;
        }
        if (search == null) {
            search = new Search();
        }
        search.answered(index, primaryIndex);
        if (dispatcher.routes().mayDecide(search)) {
            dispatcher.meter().retried("not_primary");
            attempt();
            return;
        }
        long latest = ends - Math.min(limit / LAST_ANSWER_SHARE, LAST_ANSWER_MAX);
        if (EventLoop.now() < latest) { // else the deadline ends it
            dispatcher.meter().retried("not_primary");
            backOff(search.countWait(), latest);
        }
    }

    /** Sends the request again after a failure, unless no retry is left. */
    private void again(String reason) {
        int number;
        synchronized (this) {
            if (retries >= dispatcher.options().retriesMax()) {
                number = 0;
            } else {
                number = ++retries;
            }
        }
        if (number == 0) {
            finish(unavailable());
            return;
        }
        dispatcher.meter().retried(reason);
        if (dispatcher.routes().anotherMayDecide(index)) {
            attempt();
            return;
        }
        long now = EventLoop.now();
        // At most half of the time that is left: the answer needs some, too.
        backOff(number, now + Math.max(0, ends - now) / 2);
    }

    /** Waits before another attempt, the longer the more often this was done, but not beyond the latest time. */
    private void backOff(int number, long latest) {
        synchronized (this) {
            mayWait = true;
        }
        if (search != null) {
            search.waiting();
        }
        long longest = number < 7 ? BACK_OFF_MIN << (number - 1) : BACK_OFF_MAX;
        long pause = ThreadLocalRandom.current().nextLong(longest);
        dispatcher.loop().schedule(backOff, Math.min(EventLoop.now() + pause, latest));
        if (isDone()) {
            dispatcher.loop().cancel(backOff);
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // The end

    /** The deadline. */
    @Override
    public void fire() {
        switch (withdraw()) {
            case SENT -> {
                dispatcher.failed(index);
                finish(HarrierException.of(
                        ErrorCode.DEADLINE, "", "no answer from " + address() + " within " + text(limit),
                        Decided.UNKNOWN));
            }
            case NOT_SENT -> finish(hasSlot() ? unavailable() : HarrierException.of(
                    ErrorCode.BUSY, "",
                    dispatcher.options().inFlightMax() + " requests were in flight until the deadline (in_flight_max)",
                    Decided.NO));
            case ENDING -> { } // with the answer, or a broken connection
        }
    }

    /** The client's time for closing is over. */
    void abort() {
        switch (withdraw()) {
            case SENT -> finish(HarrierException.of(
                    ErrorCode.CLOSED, "", "the client was closed before an answer arrived", Decided.UNKNOWN));
            case NOT_SENT -> finish(HarrierException.of(ErrorCode.CLOSED, "", "the client was closed", decided()));
            case ENDING -> { }
        }
    }

    /** The caller does not wait any longer: the call ends with neither an answer nor an error, unless it has ended. */
    void cancel() {
        if (withdraw() != Withdrawn.ENDING) {
            finish(null, null);
        }
    }

    private enum Withdrawn {
        SENT,
        NOT_SENT,
        ENDING
    }

    /** Gives up the current attempt, if there is one. */
    private Withdrawn withdraw() {
        Attempt attempt;
        synchronized (this) {
            if (done) {
                return Withdrawn.ENDING;
            }
            attempt = current;
        }
        if (attempt == null) {
            return Withdrawn.NOT_SENT;
        }
        if (!attempt.connection.withdraw(attempt)) {
            return Withdrawn.ENDING;
        }
        return attempt.sent ? Withdrawn.SENT : Withdrawn.NOT_SENT;
    }

    private void finish(HarrierException error) {
        finish(null, error);
    }

    private void finish(byte[] answer, HarrierException error) {
        boolean slot;
        boolean waited;
        synchronized (this) {
            if (done) {
                return;
            }
            done = true;
            current = null;
            slot = hasSlot;
            waited = mayWait;
        }
        dispatcher.loop().cancel(this);
        if (waited) {
            dispatcher.routes().stopWaiting(attempt);
            dispatcher.loop().cancel(backOff);
        }
        dispatcher.ended(this, slot);
        completion.done(answer, error);
    }

    private HarrierException unavailable() {
        Routes.Choice<Connection> chosen = dispatcher.routes().choose(null);
        String field = "";
        String message;
        synchronized (this) {
            if (broken > 0) {
                message = "the connection to " + addresses() + " broke " + broken + " times before an answer arrived";
            } else if (last != null) {
                message = address() + " says: " + last.getMessage();
                field = last.field();
            } else if (primary != null) {
                message = "no server at " + addresses() + " is the primary" + whoIs(primary);
            } else if (chosen != null) {
                message = address() + " took no request within " + text(limit);
            } else {
                Exception why = dispatcher.routes().lastError();
                message = "no connection to " + addresses() + " within " + text(limit)
                        + (why == null ? "" : ": " + why.getMessage());
            }
        }
        if (broken == 0 && last == null && primary == null && chosen != null) {
            dispatcher.failed(chosen.index());
        }
        return HarrierException.of(ErrorCode.UNAVAILABLE, field, message, decided());
    }

    /** What a standby said about the primary: a list without it is the likeliest mistake. */
    private String whoIs(String primary) {
        if (primary.isEmpty()) {
            return "";
        }
        boolean listed = dispatcher.options().indexOf(primary) >= 0;
        return "; a standby names " + primary + (listed ? "" : ", which is not one of them");
    }

    private String address() {
        return dispatcher.options().addresses().get(index).text();
    }

    private String addresses() {
        return dispatcher.options().addresses().stream().map(Address::text).collect(Collectors.joining(", "));
    }

    private synchronized boolean isDone() {
        return done;
    }

    private synchronized boolean hasSlot() {
        return hasSlot;
    }

    private synchronized Decided decided() {
        return broken > 0 ? Decided.UNKNOWN : Decided.NO;
    }

    private static String text(long nanos) {
        return nanos % 1_000_000 == 0 ? nanos / 1_000_000 + " ms" : nanos / 1000 + " µs";
    }
}
