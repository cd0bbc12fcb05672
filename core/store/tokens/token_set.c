/* Parsing is line by line; the first fault ends it, and a file with a fault is not used at all.
 * Keys are wiped from the stack after use; messages repeat only what was checked to be an id or a
 * name. */
#include "token_set.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "core/policy/lang/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 1024
#define PREFIX         "hrr_"
#define PREFIX_LENGTH  (sizeof PREFIX - 1)

struct token_key {
    char id[TOKEN_ID_SIZE];
    struct hmac *hmac;
};

struct token_set {
    struct token_key keys[TOKEN_KEYS_MAX];
    size_t key_count;
    struct token_entry *entries; /* by id */
    size_t count, capacity;
};

/* ---- hexadecimal, lower case ---- */

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(struct text t, size_t length) {
    if (t.length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (digit_of(t.data[i]) < 0)
            return false;
    return true;
}

static bool hex_read(struct text t, uint8_t *ret_bytes, size_t size) {
    if (!is_hex(t, 2 * size))
        return false;
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)(digit_of(t.data[2 * i]) << 4 | digit_of(t.data[2 * i + 1]));
    return true;
}

/* Without a NUL; returns the end. */
static char *hex_write(const uint8_t *bytes, size_t size, char *at) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

/* ---- names and scopes ---- */

bool token_name_is_valid(struct text name) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (name.length == 0 || name.length >= TOKEN_NAME_SIZE)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (!memchr(letters, name.data[i], sizeof letters - 1))
            return false;
    return true;
}

static const struct {
    const char *name;
    enum token_scope scope;
} scopes[] = {{"score", TOKEN_SCORE},
              {"outcome", TOKEN_OUTCOME},
              {"admin", TOKEN_ADMIN},
              {"find", TOKEN_FIND},
              {"backfill", TOKEN_BACKFILL}};
#define SCOPES (sizeof scopes / sizeof *scopes)

static unsigned scope_of(struct text name) {
    for (size_t i = 0; i < SCOPES; i++)
        if (text_is(name, scopes[i].name))
            return scopes[i].scope;
    return 0;
}

/* A scope given twice is refused: it is more likely a mistake than meant. */
unsigned token_scopes_parse(struct text list) {
    unsigned all = 0;
    for (;;) {
        const char *comma = list.length ? memchr(list.data, ',', list.length) : NULL;
        size_t length = comma ? (size_t)(comma - list.data) : list.length;
        unsigned scope = scope_of((struct text){.data = list.data, .length = length});
        if (scope == 0 || all & scope)
            return 0;
        all |= scope;
        if (!comma)
            return all;
        list.data += length + 1;
        list.length -= length + 1;
    }
}

const char *token_scopes_format(unsigned all, char ret_text[TOKEN_SCOPES_SIZE]) {
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < SCOPES; i++)
        if (all & scopes[i].scope)
            length += (size_t)snprintf(ret_text + length, TOKEN_SCOPES_SIZE - length, "%s%s",
                                       length ? "," : "", scopes[i].name);
    return ret_text;
}

bool token_weight_parse(struct text number, unsigned *ret_weight) {
    unsigned weight = 0;
    for (size_t i = 0; i < number.length && i < 4; i++) {
        if (number.data[i] < '0' || number.data[i] > '9')
            return false;
        weight = 10 * weight + (unsigned)(number.data[i] - '0');
    }
    if (weight < 1 || weight > TOKEN_WEIGHT_MAX || number.length > 3)
        return false;
    *ret_weight = weight;
    return true;
}

/* ---- reading ---- */

/* A line being parsed. A message repeats nothing from it but what was checked to be an id or a
 * name: a secret may be in the wrong place. */
struct line {
    struct token_set *set;
    const char *shown;
    int number;
    struct text rest;
};

static int damaged(const struct line *line, struct error *ret_error, const char *what) {
    return error_set(ret_error, ERROR_INVALID, "%s:%d: %s", line->shown, line->number, what);
}

/* Takes the next word; empty at the end. */
static struct text take_word(struct line *line) {
    struct text *rest = &line->rest;
    while (rest->length > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        rest->data++, rest->length--;
    struct text word = {.data = rest->data};
    while (word.length < rest->length && rest->data[word.length] != ' ' &&
           rest->data[word.length] != '\t')
        word.length++;
    rest->data += word.length;
    rest->length -= word.length;
    return word;
}

static bool find_key(const struct token_set *set, struct text id, size_t *ret_index) {
    for (size_t i = 0; i < set->key_count; i++)
        if (text_is(id, set->keys[i].id)) {
            *ret_index = i;
            return true;
        }
    return false;
}

/* A key that cannot be added is wiped from the stack as well. */
static int read_key(struct line *line, struct error *ret_error) {
    struct token_set *set = line->set;
    struct text id = take_word(line), key = take_word(line);
    uint8_t bytes[TOKEN_KEY_BYTES];
    size_t other;
    if (!is_hex(id, TOKEN_ID_SIZE - 1))
        return damaged(line, ret_error, "a key id has 8 hex digits in lower case");
    if (!hex_read(key, bytes, sizeof bytes) || take_word(line).length > 0)
        return damaged(line, ret_error, "expected \"key ID KEY\", the key of 64 hex digits");
    if (find_key(set, id, &other) || set->key_count == TOKEN_KEYS_MAX) {
        explicit_bzero(bytes, sizeof bytes);
        return damaged(line, ret_error,
                       set->key_count == TOKEN_KEYS_MAX ? "more than 64 keys"
                                                        : "this key id is used already");
    }
    struct token_key *added = &set->keys[set->key_count++];
    memcpy(added->id, id.data, TOKEN_ID_SIZE - 1);
    added->id[TOKEN_ID_SIZE - 1] = '\0';
    added->hmac = hmac_new(bytes, sizeof bytes);
    explicit_bzero(bytes, sizeof bytes);
    return 0;
}

enum {
    SEEN_KEY = 1,
    SEEN_HASH = 2,
    SEEN_SCOPES = 4,
    SEEN_CREATED = 8,
    SEEN_EXPIRES = 16,
    SEEN_WEIGHT = 32
};

/* Reads one setting. NULL: valid; else what was expected. */
static const char *read_setting(const struct line *line, struct text name, struct text value,
                                struct token_entry *entry, unsigned *ret_seen) {
    if (text_is(name, "key")) {
        *ret_seen = SEEN_KEY;
        return find_key(line->set, value, &entry->key) ? NULL : "no line before defines this key";
    }
    if (text_is(name, "hash")) {
        *ret_seen = SEEN_HASH;
        return hex_read(value, entry->hash, sizeof entry->hash) ? NULL : "a hash has 64 hex digits";
    }
    if (text_is(name, "scopes")) {
        *ret_seen = SEEN_SCOPES;
        entry->scopes = token_scopes_parse(value);
        return entry->scopes ? NULL
                             : "scopes are score, outcome, admin, find and backfill, separated by "
                               "commas; if a newer "
                               "version of Harrier wrote this file, install that version";
    }
    if (text_is(name, "weight")) {
        *ret_seen = SEEN_WEIGHT;
        return token_weight_parse(value, &entry->weight) ? NULL
                                                         : "a weight is a number from 1 to 100";
    }
    bool is_expiry = text_is(name, "expires");
    if (is_expiry || text_is(name, "created")) {
        int64_t *time_us = is_expiry ? &entry->expires_us : &entry->created_us;
        *ret_seen = is_expiry ? SEEN_EXPIRES : SEEN_CREATED;
        return calendar_parse_timestamp(value, time_us) == 0 && *time_us > 0
                   ? NULL
                   : "expected a time like 2027-01-31T18:00:00Z";
    }
    return "expected key=, hash=, scopes=, created=, expires= or weight=; if a newer version of "
           "Harrier "
           "wrote this file, install that version";
}

static int read_settings(struct line *line, struct token_entry *entry, struct error *ret_error) {
    unsigned seen = 0;
    for (struct text word; (word = take_word(line)).length > 0;) {
        const char *equals = memchr(word.data, '=', word.length);
        size_t length = equals ? (size_t)(equals - word.data) : word.length;
        struct text name = {.data = word.data, .length = length};
        struct text value = {.data = word.data + length, .length = word.length - length};
        if (equals)
            value.data++, value.length--;
        unsigned now = 0;
        const char *fault = read_setting(line, name, value, entry, &now);
        if (fault)
            return damaged(line, ret_error, fault);
        if (seen & now)
            return damaged(line, ret_error, "a setting is given twice");
        seen |= now;
    }
    if ((seen & SEEN_KEY) && (seen & SEEN_HASH) && (seen & SEEN_SCOPES))
        return 0;
    return damaged(line, ret_error, "a token needs key=, hash= and scopes=");
}

static struct token_entry *add_entry(struct token_set *set) {
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 16;
        set->entries = check_reallocarray(set->entries, set->capacity, sizeof *set->entries);
    }
    return &set->entries[set->count++];
}

/* A token in the file, instead of its hash, has been exposed: the message says so and does not
 * repeat it. */
static int read_token(struct line *line, struct error *ret_error) {
    struct token_entry entry = {.line = line->number, .weight = 1};
    struct text id = take_word(line), name = take_word(line);
    if (id.length >= PREFIX_LENGTH && memcmp(id.data, PREFIX, PREFIX_LENGTH) == 0)
        return damaged(
            line, ret_error,
            "a token itself does not belong in this file: treat it as stolen and revoke it");
    if (!is_hex(id, TOKEN_ID_SIZE - 1))
        return damaged(line, ret_error, "a token id has 8 hex digits in lower case");
    if (!token_name_is_valid(name))
        return damaged(line, ret_error,
                       "after its id a token has a name of 1 to 64 letters, digits, \".\", \"_\" "
                       "and \"-\"");
    memcpy(entry.id, id.data, TOKEN_ID_SIZE - 1);
    memcpy(entry.name, name.data, name.length);
    int r = read_settings(line, &entry, ret_error);
    if (r < 0)
        return r;
    if (line->set->count == TOKENS_MAX)
        return damaged(line, ret_error, "more than 10,000 tokens");
    *add_entry(line->set) = entry;
    return 0;
}

static int read_line(struct line *line, struct error *ret_error) {
    struct text whole = line->rest;
    if (whole.length > LINE_BYTES_MAX)
        return damaged(line, ret_error, "more than 1,024 bytes; is this a tokens file?");
    struct text word = take_word(line);
    if (word.length == 0 || word.data[0] == '#')
        return 0;
    if (text_is(word, "key"))
        return read_key(line, ret_error);
    if (text_is(word, "token"))
        return read_token(line, ret_error);
    return damaged(line, ret_error,
                   "expected \"key ID KEY\", \"token ID NAME key=… hash=… scopes=…\" or a comment");
}

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const struct token_entry *)a)->id, ((const struct token_entry *)b)->id);
}

/* Sorts by id for bsearch(); two tokens with one id could not be told apart. */
static int sort_entries(struct line *line, struct error *ret_error) {
    struct token_set *set = line->set;
    if (set->count > 0)
        qsort(set->entries, set->count, sizeof *set->entries, compare_entries);
    for (size_t i = 1; i < set->count; i++) {
        const struct token_entry *a = &set->entries[i - 1], *b = &set->entries[i];
        if (compare_entries(a, b) != 0)
            continue;
        line->number = a->line > b->line ? a->line : b->line;
        return damaged(line, ret_error, "this token id is used already");
    }
    return 0;
}

static int read_lines(struct line *line, struct text content, struct error *ret_error) {
    while (content.length > 0) {
        const char *newline = memchr(content.data, '\n', content.length);
        size_t length = newline ? (size_t)(newline - content.data) : content.length;
        line->number++;
        line->rest = (struct text){.data = content.data, .length = length};
        if (length > 0 && content.data[length - 1] == '\r')
            line->rest.length--;
        int r = read_line(line, ret_error);
        if (r < 0)
            return r;
        content.data += length + (newline != NULL);
        content.length -= length + (newline != NULL);
    }
    return sort_entries(line, ret_error);
}

int token_set_parse(struct text content, const char *shown, struct token_set **ret_set,
                    struct error *ret_error) {
    struct token_set *set = check_calloc(1, sizeof *set);
    struct line line = {.set = set, .shown = shown};
    int r = read_lines(&line, content, ret_error);
    if (r < 0)
        token_set_free(set);
    else
        *ret_set = set;
    return r;
}

void token_set_free(struct token_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->key_count; i++)
        hmac_free(set->keys[i].hmac);
    free(set->entries);
    free(set);
}

/* ---- finding ---- */

bool token_set_has_key(const struct token_set *set) {
    return set->key_count > 0;
}

size_t token_set_count(const struct token_set *set) {
    return set->count;
}

const struct token_entry *token_set_at(const struct token_set *set, size_t index) {
    check(index < set->count);
    return &set->entries[index];
}

const struct token_entry *token_set_find_id(const struct token_set *set, struct text id) {
    struct token_entry wanted = {.id = ""};
    if (id.length != TOKEN_ID_SIZE - 1 || set->count == 0)
        return NULL;
    memcpy(wanted.id, id.data, id.length);
    return bsearch(&wanted, set->entries, set->count, sizeof wanted, compare_entries);
}

/* The id in the token; .data NULL: it does not have the form of a token. */
static struct text id_of(struct text token) {
    if (token.length != TOKEN_TEXT_SIZE - 1 || memcmp(token.data, PREFIX, PREFIX_LENGTH) != 0)
        return (struct text){0};
    struct text id = {.data = token.data + PREFIX_LENGTH, .length = TOKEN_ID_SIZE - 1};
    struct text secret = {.data = id.data + id.length + 1,
                          .length = (size_t)2 * TOKEN_SECRET_BYTES};
    bool is_token =
        is_hex(id, id.length) && id.data[id.length] == '_' && is_hex(secret, secret.length);
    return is_token ? id : (struct text){0};
}

/* For an unknown id a hash is computed and compared all the same, so the time does not tell which
 * ids exist. */
enum token_finding token_set_find(const struct token_set *set, struct text token,
                                  const struct token_entry **ret_entry) {
    static const struct token_entry nobody = {.id = ""};
    struct text id = id_of(token);
    uint8_t hash[TOKEN_HASH_BYTES];
    if (!id.data)
        return TOKEN_MALFORMED;
    const struct token_entry *found = token_set_find_id(set, id);
    const struct token_entry *entry = found ? found : &nobody;
    if (set->key_count == 0)
        return TOKEN_UNKNOWN;
    hmac_digest(set->keys[entry->key].hmac, token.data, token.length, hash);
    bool equal = hash_equal_constant_time(hash, entry->hash, sizeof hash);
    if (!equal || !found)
        return TOKEN_UNKNOWN;
    *ret_entry = found;
    return TOKEN_FOUND;
}

/* ---- making ---- */

void token_format(const uint8_t id[TOKEN_ID_BYTES], const uint8_t secret[TOKEN_SECRET_BYTES],
                  char ret_token[TOKEN_TEXT_SIZE]) {
    memcpy(ret_token, PREFIX, PREFIX_LENGTH);
    char *at = hex_write(id, TOKEN_ID_BYTES, ret_token + PREFIX_LENGTH);
    *at++ = '_';
    at = hex_write(secret, TOKEN_SECRET_BYTES, at);
    *at = '\0';
}

int token_set_hash(const struct token_set *set, const char *token, struct token_entry *entry,
                   struct error *ret_error) {
    if (set->key_count == 0)
        return error_set(ret_error, ERROR_INVALID, "there is no key to hash a token with");
    entry->key = set->key_count - 1;
    hmac_digest(set->keys[entry->key].hmac, token, strlen(token), entry->hash);
    return 0;
}

static void append_hex(struct buffer *out, const uint8_t *bytes, size_t size) {
    hex_write(bytes, size, (char *)buffer_reserve(out, 2 * size));
    out->length += 2 * size;
}

void token_write_key(const uint8_t id[TOKEN_ID_BYTES], const uint8_t key[TOKEN_KEY_BYTES],
                     struct buffer *out) {
    buffer_append_string(out, "key ");
    append_hex(out, id, TOKEN_ID_BYTES);
    buffer_append_u8(out, ' ');
    append_hex(out, key, TOKEN_KEY_BYTES);
    buffer_append_u8(out, '\n');
}

static void write_time(const char *name, int64_t us, struct buffer *out) {
    char text[64];
    if (us == 0)
        return;
    value_format(value_timestamp(us), text, sizeof text);
    buffer_printf(out, " %s=%s", name, text);
}

void token_set_write(const struct token_set *set, const struct token_entry *entry,
                     struct buffer *out) {
    char hash[2 * TOKEN_HASH_BYTES + 1], all[TOKEN_SCOPES_SIZE];
    *hex_write(entry->hash, TOKEN_HASH_BYTES, hash) = '\0';
    buffer_printf(out, "token %s %s key=%s hash=%s scopes=%s", entry->id, entry->name,
                  set->keys[entry->key].id, hash, token_scopes_format(entry->scopes, all));
    write_time("created", entry->created_us, out);
    write_time("expires", entry->expires_us, out);
    if (entry->weight > 1)
        buffer_printf(out, " weight=%u", entry->weight);
    buffer_append_u8(out, '\n');
}
