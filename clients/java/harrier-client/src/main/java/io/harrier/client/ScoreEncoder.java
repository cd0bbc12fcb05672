package io.harrier.client;

import io.harrier.client.internal.transport.Request;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes transactions directly. The generated code would build its own objects first, and replace invalid characters
 * without a word.
 */
final class ScoreEncoder {
    // Wire types.
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;

    /** The initial capacity for each transaction, in bytes. */
    private static final int TRANSACTION_MOSTLY = 192;

    private byte[] data;
    private int at;

    private ScoreEncoder(int capacity) {
        data = new byte[capacity];
    }

    static Request request(List<Transaction> transactions, CallOptions options) {
        Requests.checkCount(transactions.size(), "transactions");
        ScoreEncoder encoder = new ScoreEncoder(16 + transactions.size() * TRANSACTION_MOSTLY);
        encoder.score(transactions, options);
        return Requests.of(
                "score", transactions.size(), !options.dryRun, encoder.data, encoder.at, options.traceparent);
    }

    private void score(List<Transaction> transactions, CallOptions options) {
        key(10, BYTES); // Request.score
        int begin = at;
        for (Transaction transaction : transactions) {
            key(1, BYTES);
            int from = at;
            transaction(transaction);
            insertLength(from);
        }
        flag(2, options.dryRun);
        flag(3, options.returnFeatures);
        insertLength(begin);
    }

    private void transaction(Transaction t) {
        text(1, "id", t.id());
        number(2, Times.toMicros(t.eventTime(), "event_time_us"));
        number(3, t.amountMinor());
        text(4, "currency", t.currency());
        text(5, "card", t.card());
        text(6, "customer", t.customer());
        text(7, "account", t.account());
        text(8, "merchant", t.merchant());
        text(9, "terminal", t.terminal());
        text(10, "device", t.device());
        text(11, "ip", t.ip());
        text(12, "country", t.country());
        text(13, "mcc", t.mcc());
        text(14, "channel", t.channel());
        text(15, "email", t.email());
        text(16, "phone", t.phone());
        text(17, "source", t.source());
        number(18, t.sequence());
        if (t.location() != null) {
            key(20, BYTES);
            int from = at;
            number(1, zigZag(t.location().latitudeE7()) & 0xffffffffL);
            number(2, zigZag(t.location().longitudeE7()) & 0xffffffffL);
            insertLength(from);
        }
        for (Attribute attribute : t.attributes()) {
            key(30, BYTES);
            int from = at;
            attribute(attribute);
            insertLength(from);
        }
    }

    /** The value is in a oneof, so that 0, false and "" are written too. */
    private void attribute(Attribute attribute) {
        text(1, "attributes", attribute.name());
        Object value = attribute.value();
        if (value instanceof String words) {
            string(2, attribute.name(), words);
        } else if (value instanceof Long number) {
            key(3, VARINT);
            varint(zigZag(number));
        } else if (value instanceof Double number) {
            key(4, FIXED64);
            fixed64(Double.doubleToRawLongBits(number));
        } else {
            key(5, VARINT);
            varint((Boolean) value ? 1 : 0);
        }
    }

    private static long zigZag(long value) {
        return (value << 1) ^ (value >> 63);
    }

    private void flag(int field, boolean flag) {
        number(field, flag ? 1 : 0);
    }

    private void number(int field, long number) {
        if (number != 0) {
            key(field, VARINT);
            varint(number);
        }
    }

    private void text(int field, String name, String text) {
        if (!text.isEmpty()) {
            string(field, name, text);
        }
    }

    private void string(int field, String name, String text) {
        key(field, BYTES);
        int length = text.length();
        room(length + 5);
        int begin = at;
        if (length < 0x80) { // one byte for the length, if all characters are ASCII
            byte[] to = data;
            to[begin] = (byte) length;
            int next = begin + 1;
            int i = 0;
            for (; i < length; i++) {
                char c = text.charAt(i);
                if (c >= 0x80) {
                    break;
                }
                to[next++] = (byte) c;
            }
            if (i == length) {
                at = next;
                return;
            }
        }
        Texts.check(name, text);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        varint(bytes.length);
        room(bytes.length);
        System.arraycopy(bytes, 0, data, at, bytes.length);
        at += bytes.length;
    }

    private void key(int field, int type) {
        varint((long) field << 3 | type);
    }

    private void varint(long value) {
        room(10);
        while ((value & ~0x7fL) != 0) {
            data[at++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        data[at++] = (byte) value;
    }

    private void fixed64(long bits) {
        room(8);
        for (int i = 0; i < 8; i++) {
            data[at++] = (byte) (bits >>> (8 * i));
        }
    }

    /** Inserts the length of what begins there before it. */
    private void insertLength(int begin) {
        int length = at - begin;
        int width = (31 - Integer.numberOfLeadingZeros(length | 1)) / 7 + 1;
        room(width);
        System.arraycopy(data, begin, data, begin + width, length);
        int end = at + width;
        at = begin;
        varintUnchecked(length);
        at = end;
    }

    private void varintUnchecked(int value) {
        int left = value;
        while ((left & ~0x7f) != 0) {
            data[at++] = (byte) (left | 0x80);
            left >>>= 7;
        }
        data[at++] = (byte) left;
    }

    private void room(int bytes) {
        if (data.length - at < bytes) {
            data = Arrays.copyOf(data, Math.max(data.length * 2, at + bytes));
        }
    }
}
