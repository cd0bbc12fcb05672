package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Pseudonyms against tests/cases/pseudonyms.json. */
class PseudonymsTest {
    private static final Path CASES = Path.of("..", "..", "..", "tests", "cases", "pseudonyms.json");

    @Test
    void theyAreAsPublished() throws IOException {
        assumeTrue(Files.exists(CASES), "not in Harrier's tree");
        String text = Files.readString(CASES);
        Matcher one = Pattern.compile("\"key_id\": \"(.*)\",\\s*\"key\": \"(.*)\",\\s*\"domain\": \"(.*)\",\\s*"
                        + "\"value\": \"(.*)\",\\s*\"pseudonym\": \"(.*)\"")
                .matcher(text);
        int count = 0;
        for (; one.find(); count++) {
            byte[] key = HexFormat.of().parseHex(one.group(2));
            assertEquals(one.group(5), Pseudonyms.of(key, one.group(1), one.group(3), one.group(4)));
            assertTrue(Pseudonyms.isPseudonym(one.group(5)));
        }
        assertTrue(count > 50);
        Matcher others = Pattern.compile("\"([^\"\\n]*)\",?\\n").matcher(text.substring(text.indexOf("not_pseudonyms")));
        for (count = 0; others.find(); count++) {
            assertFalse(Pseudonyms.isPseudonym(others.group(1)), others.group(1));
        }
        assertTrue(count > 10);
    }

    @Test
    void invalidArgumentsAreRefused() {
        byte[] key = new byte[32];
        assertThrows(IllegalArgumentException.class, () -> Pseudonyms.of(new byte[31], "k1", "card", "a"));
        assertThrows(IllegalArgumentException.class, () -> Pseudonyms.of(key, "K1", "card", "a"));
        assertThrows(IllegalArgumentException.class, () -> Pseudonyms.of(key, "k1", "", "a"));
        assertThrows(IllegalArgumentException.class, () -> Pseudonyms.of(key, "k1", "a\0b", "a"));
        assertThrows(IllegalArgumentException.class, () -> Pseudonyms.of(key, "k1", "card", "a".repeat(1025)));
    }
}
