package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import io.harrier.client.internal.transport.Address;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.wire.Wire;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EncodingTest {
    private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.123456789Z");

    private static Wire.ScoreRequest encoded(Transaction transaction, CallOptions options) {
        Request request = ScoreEncoder.request(List.of(transaction), options);
        try {
            return Wire.Request.parser().parseFrom(request.body, 0, request.length).getScore();
        } catch (InvalidProtocolBufferException invalid) {
            throw new AssertionError(invalid);
        }
    }

    @Test
    void everyFieldIsEncoded() {
        String words = "häßlich \uD83D\uDE00 ".repeat(20); // more than 127 bytes, and more than one for a character
        Transaction given = Transaction.builder("t1").eventTime(TIME).amount(4999, "EUR").card("card").customer("customer")
                .account("account").merchant(words).terminal("terminal").device("device").ip("192.0.2.1").country("DE")
                .mcc("5411").channel("ecom").email("a@b.example").phone("+49").location(Location.ofDegrees(52.5, -13.4))
                .attribute(Attribute.of("text", "")).attribute(Attribute.of("integer", -7L))
                .attribute(Attribute.of("number", 0.5)).attribute(Attribute.of("flag", false))
                .attribute(Attribute.of("time", TIME)).source("shop", 7).build();
        Wire.ScoreRequest sent = encoded(given, CallOptions.none().withDryRun().withFeatures());
        assertTrue(sent.getDryRun() && sent.getReturnFeatures());
        long micros = TIME.getEpochSecond() * 1_000_000 + 123456;
        Wire.Transaction expected = Wire.Transaction.newBuilder().setId("t1").setEventTimeUs(micros).setAmountMinor(4999)
                .setCurrency("EUR").setCard("card").setCustomer("customer").setAccount("account").setMerchant(words)
                .setTerminal("terminal").setDevice("device").setIp("192.0.2.1").setCountry("DE").setMcc("5411")
                .setChannel("ecom").setEmail("a@b.example").setPhone("+49").setSource("shop").setSequence(7)
                .setLocation(Wire.Location.newBuilder().setLatitudeE7(525000000).setLongitudeE7(-134000000))
                .addAttributes(Wire.Attribute.newBuilder().setName("text").setText(""))
                .addAttributes(Wire.Attribute.newBuilder().setName("integer").setInteger(-7))
                .addAttributes(Wire.Attribute.newBuilder().setName("number").setNumber(0.5))
                .addAttributes(Wire.Attribute.newBuilder().setName("flag").setFlag(false))
                .addAttributes(Wire.Attribute.newBuilder().setName("time").setInteger(micros))
                .build();
        assertEquals(expected, sent.getTransactions(0));
    }

    @Test
    void theBytesAreThoseOfTheGeneratedCode() throws InvalidProtocolBufferException {
        List<Transaction> many = Collections.nCopies(300, Transaction.builder("id").eventTime(TIME).amount(-1, "EUR").build());
        Request request = ScoreEncoder.request(many, CallOptions.none());
        Wire.Request parsed = Wire.Request.parser().parseFrom(request.body, 0, request.length);
        assertEquals(300, parsed.getScore().getTransactionsCount());
        assertEquals(request.length, parsed.getSerializedSize());
    }

    @Test
    void absentFieldsAreNotSent() {
        assertEquals(Wire.Transaction.newBuilder().setId("t").build(),
                encoded(Transaction.builder("t").build(), CallOptions.none()).getTransactions(0));
    }

    @Test
    void countsAreLimited() {
        Transaction one = Transaction.builder("t").build();
        HarrierException none = assertThrows(HarrierException.Invalid.class,
                () -> ScoreEncoder.request(List.of(), CallOptions.none()));
        assertEquals("transactions", none.field());
        assertEquals(1000, ScoreEncoder.request(Collections.nCopies(1000, one), CallOptions.none()).count);
        assertThrows(HarrierException.TooLarge.class,
                () -> ScoreEncoder.request(Collections.nCopies(1001, one), CallOptions.none()));
        assertThrows(HarrierException.TooLarge.class,
                () -> Requests.outcomes(Collections.nCopies(1001, new Outcome("t", Label.FRAUD)), CallOptions.none()));
        assertThrows(HarrierException.Invalid.class, () -> Requests.changes(List.of(), CallOptions.none()));
    }

    @Test
    void twoMebibytesAreTheLimit() {
        int most = Requests.SIZE_MAX - Request.HEAD_MAX;
        assertEquals(most, Requests.of("score", 1, true, new byte[most], most, "").length);
        assertThrows(HarrierException.TooLarge.class,
                () -> Requests.of("score", 1, true, new byte[most + 1], most + 1, ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uD83D", "x\uDE00", "\uD83Dx"})
    void loneSurrogatesAreRefused(String text) {
        HarrierException error = assertThrows(HarrierException.Invalid.class,
                () -> ScoreEncoder.request(List.of(Transaction.builder("t").card(text).build()), CallOptions.none()));
        assertEquals("card", error.field());
        error = assertThrows(HarrierException.Invalid.class,
                () -> Requests.outcomes(List.of(new Outcome("t", Label.FRAUD, null, text)), CallOptions.none()));
        assertEquals("source", error.field());
    }

    @Test
    void timesAreMicrosecondsOf64Bits() {
        for (long micros : new long[] {Long.MIN_VALUE, -1, 1, Long.MAX_VALUE}) {
            assertEquals(micros, Times.toMicros(Times.exactly(micros), "f"));
        }
        assertNull(Times.ofMicros(0));
        assertEquals(0, Times.toMicros(null, "f"));
        HarrierException error = assertThrows(HarrierException.Invalid.class,
                () -> Times.toMicros(Instant.MAX, "event_time_us"));
        assertEquals("event_time_us", error.field());
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, 215, -215})
    void placesAreDegrees(double degrees) {
        assertThrows(HarrierException.Invalid.class, () -> Location.ofDegrees(degrees, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "tcp://", "tcp://host", "tcp://:1", "tcp://host:0", "tcp://host:65536", "tcp://host:x",
        "tcp://::1:7731", "ipc://", "ws://host:1", "host:1", "tcp://a/b:1"})
    void invalidAddressesAreRefused(String address) {
        HarrierException error = assertThrows(HarrierException.Invalid.class,
                () -> HarrierClient.builder(address).build());
        assertEquals("addresses", error.field());
    }

    @Test
    void validAddressesAreParsed() {
        assertEquals(new Address("tcp://[::1]:7731", Address.Kind.TCP, "::1", 7731, ""), Address.parse("tcp://[::1]:7731"));
        assertEquals(Address.Kind.TLS, Address.parse("tls+tcp://scores.example:1").kind());
        assertEquals("/run/h.sock", Address.parse("ipc:///run/h.sock").path());
        assertThrows(HarrierException.Invalid.class, () -> Options.parseAddresses(List.of("ipc://" + "x".repeat(108))));
        assertThrows(HarrierException.Invalid.class, () -> Options.parseAddresses(List.of("tcp://a:1", "tcp://a:1")));
    }

    @Test
    void invalidOptionsAreRefused() {
        HarrierClient.Builder builder = HarrierClient.builder("tcp://127.0.0.1:1");
        assertEquals("deadline", assertThrows(HarrierException.Invalid.class,
                () -> builder.deadline(Duration.ofMinutes(61)).build()).field());
        builder.deadline(Duration.ofHours(1));
        assertEquals("retries_max", assertThrows(HarrierException.Invalid.class,
                () -> builder.retriesMax(-1).build()).field());
        builder.retriesMax(0);
        assertEquals("in_flight_max", assertThrows(HarrierException.Invalid.class,
                () -> builder.inFlightMax(0).build()).field());
        builder.inFlightMax(1);
        assertEquals("eject_after", assertThrows(HarrierException.Invalid.class,
                () -> builder.ejectAfter(0).build()).field());
        assertThrows(HarrierException.Invalid.class, () -> CallOptions.deadline(Duration.ZERO));
    }

    @Test
    void aTokenIsNeverShown() {
        HarrierException error = assertThrows(HarrierException.Invalid.class,
                () -> HarrierClient.builder("tcp://127.0.0.1:1").token("secret\n"));
        assertFalse(error.toString().contains("secret"));
        try (HarrierClient client = HarrierClient.builder("tcp://127.0.0.1:1").token("secret").build()) {
            assertEquals("HarrierClient[tcp://127.0.0.1:1]", client.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "00", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01"})
    void aMalformedTraceIsLeftOut(String trace) {
        assertEquals("", CallOptions.none().withTraceparent(trace).traceparent);
        assertEquals("", CallOptions.none().withTraceparent(null).traceparent);
    }

    @Test
    void anAnswerThatMayBeAnErrorIsFound() {
        assertFalse(Answers.mayBeError(FakeServer.approve(Wire.Request.getDefaultInstance()).toByteArray()));
        assertTrue(Answers.mayBeError(FakeServer.error(Wire.ErrorCode.ERROR_UNAVAILABLE, "").toByteArray()));
        assertTrue(Answers.mayBeError(new byte[] {(byte) 0xff, (byte) 0xff}));
    }

    @Test
    void namedValuesHaveTheirTypes() {
        assertEquals(Duration.ofSeconds(-1),
                Answers.value(Wire.NamedValue.newBuilder().setDurationUs(-1_000_000).build()));
        assertEquals(Instant.EPOCH, Answers.value(Wire.NamedValue.newBuilder().setTimestampUs(0).build()));
        assertEquals(0L, Answers.value(Wire.NamedValue.newBuilder().setInteger(0).build()));
        assertNull(Answers.value(Wire.NamedValue.getDefaultInstance()));
    }
}
