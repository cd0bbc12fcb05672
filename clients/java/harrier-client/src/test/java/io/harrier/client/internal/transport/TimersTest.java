package io.harrier.client.internal.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TimersTest {
    private static Timers.Timer timer() {
        return new Timers.Timer() {
            @Override
            public void fire() {}
        };
    }

    @Test
    void timersAreDueInTheirOrder() {
        Random random = new Random(3);
        Timers timers = new Timers();
        TreeMap<Long, Timers.Timer> model = new TreeMap<>();
        for (int i = 0; i < 5000; i++) {
            long when = random.nextInt(1_000_000);
            if (model.containsKey(when)) {
                continue;
            }
            if (random.nextInt(3) == 0 && !model.isEmpty()) {
                Long some = model.ceilingKey(when);
                Timers.Timer removed = model.remove(some == null ? model.firstKey() : some);
                timers.remove(removed);
                timers.remove(removed); // again: no effect
            } else {
                Timers.Timer added = timer();
                model.put(when, added);
                timers.add(added, when);
            }
        }
        assertEquals(model.size(), timers.all().size());
        List<Timers.Timer> left = new ArrayList<>(model.values());
        assertNull(timers.due(model.firstKey() - 1));
        for (Timers.Timer expected : left) {
            assertSame(expected, timers.due(2_000_000));
        }
        assertNull(timers.due(Timers.NEVER));
    }

    @Test
    void theLoopIsWokenOnlyIfItWouldSleepTooLong() {
        Timers timers = new Timers();
        assertEquals(Timers.NEVER, timers.sleep(0));
        Timers.Timer first = timer();
        assertTrue(timers.add(first, 100));
        timers.awake();
        assertFalse(timers.add(timer(), 50), "it is awake");
        timers.due(60);
        timers.remove(first);
        assertEquals(100, timers.sleep(60), "until when the last one would have been due");
        assertFalse(timers.add(timer(), 160));
        assertTrue(timers.add(timer(), 90));
    }
}
