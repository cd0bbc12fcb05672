package io.harrier.client;

import io.harrier.client.internal.transport.Connection;
import io.harrier.client.internal.transport.Endpoint;
import io.harrier.client.internal.transport.EventLoop;
import io.harrier.client.internal.transport.Exchange;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.transport.Routes;
import io.harrier.client.internal.transport.Timers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** What the calls of a client share: addresses, connections, slots, and the probes of ejected addresses. */
final class Dispatcher {
    private static final long PROBE_DEADLINE_MIN = TimeUnit.MILLISECONDS.toNanos(100);

    private final Options options;
    private final Meter meter;
    private final EventLoop loop = new EventLoop();
    private final Slots slots;
    private final Routes<Connection> routes;
    private final List<Endpoint> endpoints = new ArrayList<>();

    Dispatcher(Options options) {
        this.options = options;
        meter = new Meter(options.metrics());
        slots = new Slots(options.inFlightMax());
        routes = new Routes<>(
                options.addresses().size(), options.ejectAfter(), () -> ThreadLocalRandom.current().nextDouble());
        for (int i = 0; i < options.addresses().size(); i++) {
            endpoints.add(endpoint(i));
        }
        loop.execute(() -> endpoints.forEach(Endpoint::begin));
    }

    private Endpoint endpoint(int index) {
        return new Endpoint(loop, options.addresses().get(index), options.sslContext(), new Endpoint.Owner() {
            @Override
            public void up(Connection connection) {
                boolean probe = routes.connected(index, connection);
                reportUp(index);
                moveUnsent();
                if (probe) {
                    probe(index);
                }
            }

            @Override
            public void down(IOException why) {
                routes.disconnected(index, why);
                reportUp(index);
            }
        });
    }

    Options options() {
        return options;
    }

    Meter meter() {
        return meter;
    }

    EventLoop loop() {
        return loop;
    }

    Slots slots() {
        return slots;
    }

    Routes<Connection> routes() {
        return routes;
    }

    /** The token to send now. Throws "invalid". */
    String token() {
        return options.currentToken();
    }

    // ------------------------------------------------------------------------------------------------------------
    // Calls

    void start(Call call) {
        boolean now = slots.enter(call);
        meter.inFlight(slots::inFlight);
        loop.schedule(call, call.ends());
        if (now) {
            call.attempt();
        }
    }

    void ended(Call call, boolean hadSlot) {
        Call next = slots.leave(call, hadSlot);
        meter.inFlight(slots::inFlight);
        if (next != null) {
            loop.execute(next::attempt); // not here: a thousand that end one another would need a deep stack
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // Addresses

    /** A call to this address failed in a way that counts. */
    void failed(int index) {
        long length = routes.failed(index);
        if (length > 0) {
            reportUp(index);
            ejected(index, length);
            loop.execute(this::moveUnsent);
        }
    }

    void succeeded(int index) {
        if (routes.succeeded(index)) {
            reportUp(index);
            loop.execute(this::moveUnsent);
        }
    }

    /**
     * This address answered that it is a standby, and that the primary is at this one; "": it knows none. Returns the
     * primary's index; -1: it is none of the addresses.
     */
    int isStandby(int index, String primary) {
        succeeded(index);
        int named = options.indexOf(primary);
        if (routes.isStandby(index, named)) {
            loop.execute(this::moveUnsent);
        }
        return named;
    }

    /** This address answered a request that a standby would have refused as such. */
    void decides(int index) {
        if (routes.decides(index)) {
            loop.execute(this::moveUnsent);
        }
    }

    private void reportUp(int index) {
        meter.up(options.addresses().get(index).text(), () -> routes.isUp(index));
    }

    /** Requests that were not sent yet move to the address that is best now. */
    private void moveUnsent() {
        Routes.Choice<Connection> best = routes.choose(null);
        if (best == null) {
            return;
        }
        for (Endpoint endpoint : endpoints) {
            Connection other = endpoint.connection();
            if (other != null && other != best.connection()) {
                other.withdrawUnsent().forEach(Exchange::moved);
            }
        }
    }

    private void ejected(int index, long length) {
        meter.ejected(options.addresses().get(index).text());
        Timers.Timer over = new Timers.Timer() {
            @Override
            public void fire() {
                probe(index);
            }
        };
        loop.schedule(over, EventLoop.now() + length);
    }

    /** Asks an ejected address for its status, so that no call waits for an address that may be dead. */
    private void probe(int index) {
        Connection connection = routes.takeProbe(index);
        if (connection == null) {
            return;
        }
        String token;
        try {
            token = token();
        } catch (HarrierException failed) {
            probed(index, false); // calls fail with this error, too, and report it
            return;
        }
        long limit = Math.max(options.deadlineNanos(), PROBE_DEADLINE_MIN);
        Probe probe = new Probe(index, connection, token, EventLoop.now() + limit);
        loop.schedule(probe.deadline, probe.ends);
        if (!connection.send(probe)) {
            loop.cancel(probe.deadline);
            probed(index, false);
        }
    }

    private void probed(int index, boolean well) {
        if (well) {
            succeeded(index);
            return;
        }
        long length = routes.probeFailed(index);
        if (length > 0) {
            ejected(index, length);
        }
    }

    private final class Probe extends Exchange {
        private static final Request STATUS = Requests.status(CallOptions.none());

        private final int index;
        final Timers.Timer deadline;

        Probe(int index, Connection connection, String token, long ends) {
            super(STATUS, token, ends);
            this.index = index;
            deadline = new Timers.Timer() {
                @Override
                public void fire() {
                    if (connection.withdraw(Probe.this)) {
                        probed(index, false);
                    }
                }
            };
        }

        @Override
        public void answered(byte[] answer) {
            loop.cancel(deadline);
            probed(index, isWell(answer));
        }

        @Override
        public void broken() {
            loop.cancel(deadline);
            probed(index, false);
        }

        /** It is about this address only. */
        @Override
        public void moved() {
            broken();
        }

        /** A standby is well, too: it answers, and may be the primary the next moment. */
        private static boolean isWell(byte[] answer) {
            try {
                Status status = Answers.decode(answer, STATUS, Answers::status);
                return status.isReady() || status.isStandby();
            } catch (HarrierException refused) {
                return false;
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // The end

    /** Refuses new calls, waits for the others until then, ends those that are left, and closes the connections. */
    void close(long until) {
        slots.close();
        boolean interrupted = false;
        long limit = until;
        for (boolean none = false; !none; ) {
            try {
                none = slots.awaitNone(limit);
            } catch (InterruptedException hurry) {
                interrupted = true;
            }
            if (!none) {
                abortAll();
                limit = Timers.NEVER; // for answers that are just arriving
            }
        }
        loop.stop(this::end);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Called by the loop's thread. Batches that are still open learn that the client is closed. */
    private void end() {
        endpoints.forEach(Endpoint::close);
        for (Timers.Timer timer : loop.timers().all()) {
            if (timer instanceof Batcher.Batch batch) {
                batch.fire();
            }
        }
    }

    /** Each call that has not ended is among the timers, with its deadline. */
    private void abortAll() {
        for (Timers.Timer timer : loop.timers().all()) {
            if (timer instanceof Call call) {
                call.abort();
            }
        }
    }
}
