package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The status against a case of tests/cases/wire. */
class StatusTest {
    private static final Path SOURCES =
            Path.of("..", "..", "..", "tests", "cases", "wire", "response_status_sources.json");

    @Test
    void everyFieldOfASourceArrives() throws IOException {
        assumeTrue(Files.exists(SOURCES), "not in Harrier's tree");
        Matcher hex = Pattern.compile("\"hex\": \"([0-9a-f]*)\"").matcher(Files.readString(SOURCES));
        assertTrue(hex.find());
        Status status = Answers.status(Wire.Response.parseFrom(HexFormat.of().parseHex(hex.group(1))));
        List<Status.SourceRange> missing = List.of(new Status.SourceRange(5, 6), new Status.SourceRange(9, 9));
        assertEquals(
                List.of(
                        new Status.Source(
                                "checkout-3", 2000, Instant.parse("2026-01-01T00:00:00.200Z"), 1, 2004, 2, 4, 1, 3, 1,
                                missing),
                        new Status.Source("shop", 1, null, 0, 0, 0, 0, 0, 0, 0, List.of())),
                status.sources());
        assertEquals(12, status.otherSourceTransactions());
    }
}
