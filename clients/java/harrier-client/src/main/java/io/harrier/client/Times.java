package io.harrier.client;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Microseconds of the wire and the types of java.time, which hold all of them. */
final class Times {
    private Times() {}

    /** 0 for null. What is finer than a microsecond is cut off towards the past. */
    static long toMicros(Instant time, String field) {
        if (time == null) {
            return 0;
        }
        long seconds = time.getEpochSecond();
        long micros = time.getNano() / 1000;
        if (seconds < 0) { // the second after it, so that the product of the smallest value does not overflow
            seconds++;
            micros -= 1_000_000;
        }
        try {
            return Math.addExact(Math.multiplyExact(seconds, 1_000_000L), micros);
        } catch (ArithmeticException outOfRange) {
            throw HarrierException.invalid(field, time + "; expected microseconds since 1970 of 64 bits");
        }
    }

    /** Null for 0. */
    static Instant ofMicros(long micros) {
        return micros == 0 ? null : exactly(micros);
    }

    static Instant exactly(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }

    static Duration duration(long micros) {
        return Duration.of(micros, ChronoUnit.MICROS);
    }
}
