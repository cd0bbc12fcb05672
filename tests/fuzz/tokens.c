/* Target: a tokens file.
 *
 *   input  a file
 *
 * It must be refused with the line of the error and without quoting anything that may be a secret,
 * or give a set in which each token is found by its id, keeps its values when it is written and
 * read again, and accepts no secret but its own. */
#include "common/target.h"
#include "core/store/tokens/token_set.h"

#include <stdio.h>
#include <string.h>

#define ID  "0f3a91c2"
#define KEY "key 7c19d2aa 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define LINE                                                                                       \
    "token " ID " shop key=7c19d2aa hash="                                                         \
    "9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e scopes=score"

void target_start(void) {}

/* Appends the lines that begin with this word. */
static void copy_lines(struct text content, const char *word, struct buffer *out) {
    while (content.length > 0) {
        const char *newline = memchr(content.data, '\n', content.length);
        size_t length = newline ? (size_t)(newline - content.data) + 1 : content.length;
        size_t at = 0;
        while (at < length && (content.data[at] == ' ' || content.data[at] == '\t'))
            at++;
        if (length - at > strlen(word) && memcmp(content.data + at, word, strlen(word)) == 0) {
            buffer_append(out, content.data, length);
            if (!newline)
                buffer_append_u8(out, '\n');
        }
        content.data += length;
        content.length -= length;
    }
}

static void check_refusal(const struct error *error) {
    const char *colon = strstr(error->text, ": ");
    property(strncmp(error->text, "tokens:", 7) == 0 && colon, "no line: %s", error->text);
    /* Messages may quote words of the file, but no run of hex digits as long as an id or secret. */
    size_t digits = 0;
    for (const char *at = colon + 2; *at; at++) {
        digits = strchr("0123456789abcdef", *at) ? digits + 1 : 0;
        property(digits < TOKEN_ID_SIZE - 1, "repeats a possible secret: %s", error->text);
    }
}

static void check_entry(struct text content, const struct token_set *set, size_t index) {
    const struct token_entry *entry = token_set_at(set, index), *again;
    struct token_set *second;
    struct buffer file;
    struct error error;
    property(token_set_find_id(set, text_of(entry->id)) == entry, "%s is not found", entry->id);
    property(entry->scopes && !(entry->scopes & ~(unsigned)TOKEN_SCOPES_ALL), "scopes");
    property(token_name_is_valid(text_of(entry->name)), "name");
    property(index == 0 || strcmp(token_set_at(set, index - 1)->id, entry->id) < 0, "order");
    buffer_init(&file);
    copy_lines(content, "key", &file);
    token_set_write(set, entry, &file);
    int r =
        token_set_parse((struct text){(char *)file.bytes, file.length}, "again", &second, &error);
    property(r == 0, "cannot be read after writing: %s", error.text);
    again = token_set_find_id(second, text_of(entry->id));
    property(again && strcmp(again->name, entry->name) == 0 && again->scopes == entry->scopes &&
                 again->created_us == entry->created_us && again->expires_us == entry->expires_us &&
                 again->key == entry->key && again->weight == entry->weight &&
                 memcmp(again->hash, entry->hash, sizeof entry->hash) == 0,
             "the token has changed when it is read again");
    token_set_free(second);
    buffer_deinit(&file);
}

/* A fixed secret must not match. Fuzzing cannot find a file with its keyed hash, so a match would
 * be an error of the comparison. */
static void check_forged_secret(const struct token_set *set, size_t index) {
    const uint8_t secret[TOKEN_SECRET_BYTES] = {1};
    char token[TOKEN_TEXT_SIZE];
    const struct token_entry *entry = NULL;
    token_format((const uint8_t[TOKEN_ID_BYTES]){0}, secret, token);
    memcpy(token + 4, token_set_at(set, index)->id, TOKEN_ID_SIZE - 1);
    property(token_set_find(set, text_of(token), &entry) == TOKEN_UNKNOWN,
             "a forged secret is accepted");
}

bool target_run(const uint8_t *bytes, size_t size) {
    const struct text content = {.data = (const char *)bytes, .length = size};
    struct token_set *set;
    struct error error;
    if (token_set_parse(content, "tokens", &set, &error) < 0) {
        check_refusal(&error);
        return false;
    }
    for (size_t i = 0; i < token_set_count(set); i++) {
        check_entry(content, set, i);
        check_forged_secret(set, i);
    }
    token_set_free(set);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    static const char *const files[] = {
        "",
        "# a comment\n\n \t\r\n",
        KEY,
        KEY LINE,
        KEY LINE
        ",outcome,admin created=2026-01-31T18:00:00Z expires=2027-01-31T18:00:00.5+01:00\r\n",
        "\tkey 00000000 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n" KEY LINE
        "\ntoken 00000001\ta.b_C-9 key=00000000 scopes=admin hash="
        "0000000000000000000000000000000000000000000000000000000000000000\n",
        KEY LINE " weight=100\n",
    };
    static const char *const weights[] = {"0", "101", "1x", "0001", ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        seeds->add(seeds, files[i], strlen(files[i]));
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        char file[512];
        int length = snprintf(file, sizeof file, KEY LINE " weight=%s\n", weights[i]);
        seeds->add_any(seeds, file, (size_t)length);
    }
}
