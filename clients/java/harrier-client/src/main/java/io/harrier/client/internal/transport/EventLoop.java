package io.harrier.client.internal.transport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** One thread for all connections and timers of a client. */
public final class EventLoop {
    /** Takes the events of a channel. */
    @FunctionalInterface
    interface Handler {
        /** Called by the loop's thread. */
        void ready(SelectionKey key);
    }

    private static final AtomicInteger NUMBER = new AtomicInteger();
    private static final long START = System.nanoTime();

    private final Selector selector;
    private final Timers timers = new Timers();
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final Thread thread;
    private volatile boolean stopped;

    public EventLoop() {
        try {
            selector = Selector.open();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        thread = new Thread(this::run, "harrier-client-" + NUMBER.incrementAndGet());
        thread.setDaemon(true); // a client that nobody closes does not keep the program running
        thread.start();
    }

    /** Nanoseconds of a monotonic clock that begins near 0, so that times can be compared. */
    public static long now() {
        return System.nanoTime() - START;
    }

    /** Runs a task in the loop's thread; drops it if the loop has ended. */
    public void execute(Runnable task) {
        tasks.add(task);
        if (Thread.currentThread() != thread) {
            selector.wakeup();
        }
    }

    public void schedule(Timers.Timer timer, long when) {
        if (timers.add(timer, when) && Thread.currentThread() != thread) {
            selector.wakeup();
        }
    }

    public void cancel(Timers.Timer timer) {
        timers.remove(timer);
    }

    public Timers timers() {
        return timers;
    }

    /** Called by the loop's thread. */
    SelectionKey register(SelectableChannel channel, int operations, Handler handler) throws IOException {
        channel.configureBlocking(false);
        return channel.register(selector, operations, handler);
    }

    /** Asks for an event that the loop does not wait for yet. May be called by any thread. */
    void interested(SelectionKey key, int operation) {
        key.interestOpsOr(operation);
        if (Thread.currentThread() != thread) {
            selector.wakeup();
        }
    }

    boolean isCurrentThread() {
        return Thread.currentThread() == thread;
    }

    /** Runs a last task, which closes the channels, and ends the thread. Waits for it, unless it is the caller. */
    public void stop(Runnable last) {
        execute(() -> {
            stopped = true;
            last.run();
        });
        boolean interrupted = false;
        while (!isCurrentThread() && thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException wait) {
                interrupted = true; // it ends within moments
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        while (!stopped) {
            try {
                turn();
            } catch (IOException failed) {
                report(failed);
            }
        }
        try {
            selector.close();
        } catch (IOException failed) {
            report(failed);
        }
    }

    private void turn() throws IOException {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            guarded(task);
        }
        long now = now();
        for (Timers.Timer due = timers.due(now); due != null; due = timers.due(now)) {
            guarded(due::fire);
        }
        if (stopped) {
            return;
        }
        long until = timers.sleep(now);
        if (!tasks.isEmpty()) {
            selector.selectNow(this::ready);
        } else if (until == Timers.NEVER) {
            selector.select(this::ready);
        } else {
            // Rounded up: a timer never fires early.
            selector.select(this::ready, Math.max(1, (until - now + 999_999) / 1_000_000));
        }
        timers.awake();
    }

    private void ready(SelectionKey key) {
        guarded(() -> ((Handler) key.attachment()).ready(key));
    }

    /** A defect in one connection or call must not end the others. */
    private static void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error failed) {
            report(failed);
        }
    }

    private static void report(Throwable failed) {
        Thread current = Thread.currentThread();
        current.getUncaughtExceptionHandler().uncaughtException(current, failed);
    }
}
