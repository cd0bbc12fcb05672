package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.harrier.client.Amendment.AmendedTransaction;
import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.Findings;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Queries and pages against the cases of tests/cases/wire. */
class FindTest {
    private static final Path CASES = Path.of("..", "..", "..", "tests", "cases", "wire");
    private static final FindQuery QUERY = FindQuery.builder()
            .eventTimes(Instant.parse("2026-01-01T00:00:00Z"), Instant.parse("2026-01-02T00:00:00Z"))
            .receiveTimes(Instant.parse("2026-01-01T00:00:00.000001Z"), Instant.parse("2026-01-02T00:00:00.000001Z"))
            .verdicts(List.of(Verdict.DECLINE, Verdict.REVIEW))
            .score(0, 1000)
            .amount(100, 9_999_999_999_999L, "EUR")
            .rule("many", true)
            .key("card", "c_1")
            .key("ip", "192.0.2.1")
            .labels(List.of(Label.NONE, Label.FRAUD))
            .transactionId("t-1")
            .limit(1000)
            .build();

    private static byte[] bytesOf(String name) throws IOException {
        Path path = CASES.resolve(name + ".json");
        assumeTrue(Files.exists(path), "not in Harrier's tree");
        Matcher hex = Pattern.compile("\"hex\": \"([0-9a-f ]*)\"").matcher(Files.readString(path));
        assertTrue(hex.find());
        return HexFormat.of().parseHex(hex.group(1).replace(" ", ""));
    }

    @Test
    void aQueryIsTheseBytes() throws IOException {
        FindQuery next = QUERY.after("000000000004afb2c941a33c3ba07dca");
        Wire.Request made = Wire.Request.newBuilder().setProtocol(1).setFind(Searches.request(next)).build();
        assertArrayEquals(bytesOf("request_find"), made.toByteArray());
        assertEquals("", QUERY.cursor());
    }

    @Test
    void everyFieldOfAPageArrives() throws IOException, ProtocolFault {
        Findings page = Searches.findings(Wire.Response.parseFrom(bytesOf("response_find")));
        Findings.Found first = page.transactions().get(0);
        assertEquals("0000000000000003c941a33c3ba07dca", page.cursor());
        assertTrue(page.incomplete());
        assertEquals("t-2", first.transaction().id());
        assertEquals(Verdict.DECLINE, first.decision().verdict());
        assertEquals(900, first.decision().score());
        assertEquals(7, first.decision().position());
        assertEquals(Instant.parse("2026-01-01T00:00:00.000100Z"), first.receiveTime());
        assertEquals(Label.FRAUD, first.label());
        assertEquals(Instant.parse("2026-01-02T00:00:00Z"), first.outcomeReceiveTime());
        assertEquals(Times.ofMicros(1767311000000000L), first.outcomeKnownTime());
        assertEquals(new AmendedTransaction(true, 500, 0), first.amended());
        assertEquals(Times.ofMicros(1767313000000000L), first.amendedTime());
        Findings.Found second = page.transactions().get(1);
        assertEquals("t-1", second.transaction().id());
        assertEquals(Label.NONE, second.label());
        assertNull(second.outcomeReceiveTime());
        assertNull(second.amended());
        assertNull(second.amendedTime());
    }

    @Test
    void whatIsNotKnownIsNotGuessed() throws IOException {
        Wire.FindResponse good = Wire.Response.parseFrom(bytesOf("response_find")).getFind();
        List<Consumer<Wire.FoundTransaction.Builder>> changes = List.of(
                one -> one.clearTransaction(), one -> one.clearDecision(), one -> one.setLabelValue(9),
                one -> one.getDecisionBuilder().setVerdictValue(9));
        for (Consumer<Wire.FoundTransaction.Builder> change : changes) {
            Wire.FindResponse.Builder broken = good.toBuilder();
            change.accept(broken.getTransactionsBuilder(1));
            Wire.Response answer = Wire.Response.newBuilder().setFind(broken).build();
            assertThrows(ProtocolFault.class, () -> Searches.findings(answer));
        }
    }

    @Test
    void whatAFieldCannotHoldIsRefused() {
        for (FindQuery wrong : List.of(
                FindQuery.builder().limit(-1).build(),
                FindQuery.builder().score(-1, 5).build(),
                FindQuery.builder().score(0, 1L << 32).build(),
                FindQuery.builder().rule("\ud800", false).build(),
                FindQuery.builder().key("card", "\ud800").build())) {
            HarrierException refused = assertThrows(HarrierException.class, () -> Searches.request(wrong));
            assertEquals(ErrorCode.INVALID, refused.code());
        }
    }
}
