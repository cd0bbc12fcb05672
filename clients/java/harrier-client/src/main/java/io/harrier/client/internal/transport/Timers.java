package io.harrier.client.internal.transport;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Timers of an event loop: a heap in which each timer knows its place, so that it can be removed quickly. Nearly all are
 * deadlines of calls, which are removed long before they are due. Thread-safe.
 */
public final class Timers {
    public static final long NEVER = Long.MAX_VALUE;

    /** Something that happens at a time, once. */
    public abstract static class Timer {
        private long when;
        private int place = -1; // in the heap; -1: not there

        /** Called by the loop's thread. */
        public abstract void fire();
    }

    private Timer[] heap = new Timer[64];
    private int count;
    // The loop sleeps until then at the latest.
    private long sleepingUntil;
    // When the timer that was removed last would have been due. The loop sleeps no longer than that, so that a client
    // with one call after the other does not have to wake it for each new deadline.
    private long removedWhen;

    /** Returns whether the loop has to be woken, because it would sleep too long. */
    public synchronized boolean add(Timer timer, long when) {
        if (timer.place >= 0) {
            throw new IllegalStateException("the timer is running");
        }
        timer.when = when;
        if (count == heap.length) {
            heap = Arrays.copyOf(heap, 2 * count);
        }
        up(timer, count++);
        return when < sleepingUntil;
    }

    /** Removes it, if it is there. */
    public synchronized void remove(Timer timer) {
        if (timer.place >= 0) {
            removedWhen = timer.when;
            take(timer);
        }
    }

    /** Removes and returns a timer that is due; null if there is none. */
    public synchronized Timer due(long now) {
        if (count == 0 || heap[0].when > now) {
            return null;
        }
        Timer first = heap[0];
        take(first);
        return first;
    }

    /** Returns until when the loop may sleep. It will be woken for a timer that is due earlier. */
    synchronized long sleep(long now) {
        sleepingUntil = count == 0 ? NEVER : heap[0].when;
        if (removedWhen > now && removedWhen < sleepingUntil) {
            sleepingUntil = removedWhen;
        }
        return sleepingUntil;
    }

    /** While the loop is awake it need not be woken. */
    synchronized void awake() {
        sleepingUntil = Long.MIN_VALUE;
    }

    public synchronized List<Timer> all() {
        return new ArrayList<>(Arrays.asList(heap).subList(0, count));
    }

    private void take(Timer timer) {
        int place = timer.place;
        timer.place = -1;
        Timer last = heap[--count];
        heap[count] = null;
        if (last != timer) {
            down(last, place);
            up(last, last.place);
        }
    }

    private void up(Timer timer, int from) {
        int place = from;
        while (place > 0) {
            int parent = (place - 1) / 2;
            if (heap[parent].when <= timer.when) {
                break;
            }
            put(heap[parent], place);
            place = parent;
        }
        put(timer, place);
    }

    private void down(Timer timer, int from) {
        int place = from;
        for (int child = 2 * place + 1; child < count; child = 2 * place + 1) {
            if (child + 1 < count && heap[child + 1].when < heap[child].when) {
                child++;
            }
            if (heap[child].when >= timer.when) {
                break;
            }
            put(heap[child], place);
            place = child;
        }
        put(timer, place);
    }

    private void put(Timer timer, int place) {
        heap[place] = timer;
        timer.place = place;
    }
}
