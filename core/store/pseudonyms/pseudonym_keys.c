/* The mode is checked on the open descriptor, so the file that is checked is the file that is read.
 */
#include "pseudonym_keys.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_FORBIDDEN 0027 /* group: write; others: anything */

struct pseudonym_keys {
    struct pseudonym_key keys[PSEUDONYM_KEYS_MAX]; /* by from_us */
    size_t count;
};

/* ---- a line ---- */

struct line {
    const char *shown;
    int number;
    struct text rest;
};

static int refuse(const struct line *line, struct error *ret_error, const char *what) {
    return error_set(ret_error, ERROR_INVALID, "%s:%d: %s", line->shown, line->number, what);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word; empty at the end. */
static struct text take_word(struct line *line) {
    struct text *rest = &line->rest;
    while (rest->length > 0 && is_blank(rest->data[0]))
        rest->data++, rest->length--;
    struct text word = {.data = rest->data};
    while (word.length < rest->length && !is_blank(rest->data[word.length]))
        word.length++;
    rest->data += word.length;
    rest->length -= word.length;
    return word;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Returns the number of bytes; 0: these are no hexadecimal digits, or too many. */
static size_t read_hex(struct text word, uint8_t ret_bytes[PSEUDONYM_KEY_BYTES_MAX]) {
    size_t length = word.length / 2;
    if (word.length % 2 || length > PSEUDONYM_KEY_BYTES_MAX)
        return 0;
    for (size_t i = 0; i < length; i++) {
        int high = hex_digit(word.data[2 * i]), low = hex_digit(word.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return 0;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return length;
}

/* Of either alphabet, with or without padding; 0 likewise. */
static size_t read_base64(struct text word, uint8_t ret_bytes[PSEUDONYM_KEY_BYTES_MAX]) {
    uint32_t bits = 0;
    size_t length = 0, count = 0;
    while (word.length > 0 && word.data[word.length - 1] == '=' && count++ < 2)
        word.length--;
    if (word.length / 4 * 3 + 3 > PSEUDONYM_KEY_BYTES_MAX || word.length % 4 == 1)
        return 0;
    for (size_t i = 0; i < word.length; i++) {
        int digit = base64_digit(word.data[i]);
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0)
            ret_bytes[length++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return length;
}

/* A hexadecimal key that lost a digit would else be another key, in base64. */
static bool is_cut_hex(struct text word) {
    for (size_t i = 0; i < word.length; i++)
        if (hex_digit(word.data[i]) < 0)
            return false;
    return word.length % 2 != 0;
}

static int read_secret(const struct line *line, struct text word, struct pseudonym_key *key,
                       struct error *ret_error) {
    uint8_t bytes[PSEUDONYM_KEY_BYTES_MAX];
    if (is_cut_hex(word))
        return refuse(line, ret_error,
                      "the key has an odd number of hexadecimal digits: one is missing");
    size_t length = read_hex(word, bytes);
    if (length == 0)
        length = read_base64(word, bytes);
    if (length >= PSEUDONYM_KEY_BYTES_MIN)
        key->hmac = hmac_new(bytes, length);
    explicit_bzero(bytes, sizeof bytes);
    if (length >= PSEUDONYM_KEY_BYTES_MIN)
        return 0;
    return refuse(line, ret_error,
                  length == 0 ? "the key is neither hexadecimal digits nor base64; expected for "
                                "example the output of `openssl rand -hex 32`"
                              : "the key is too short; expected at least 32 bytes, for example "
                                "the output of `openssl rand -hex 32`");
}

static int read_times(struct line *line, struct pseudonym_key *key, struct error *ret_error) {
    bool has_from = false, has_until = false;
    for (struct text word; (word = take_word(line)).length > 0;) {
        bool is_from = text_is(word, "from");
        if (!is_from && !text_is(word, "until"))
            return refuse(line, ret_error,
                          "expected nothing behind the key but \"from TIME\" and \"until TIME\"");
        if (is_from ? has_from : has_until)
            return refuse(line, ret_error, "a time is given twice");
        *(is_from ? &has_from : &has_until) = true;
        if (calendar_parse_timestamp(take_word(line), is_from ? &key->from_us : &key->until_us) < 0)
            return refuse(line, ret_error, "expected a time like 2027-01-31T18:00:00Z");
    }
    if (key->from_us >= key->until_us)
        return refuse(line, ret_error, "the key ends before it begins");
    return 0;
}

/* A place is kept by `from`, so that a time finds its key from the end. */
static int add(const struct line *line, struct pseudonym_keys *keys,
               const struct pseudonym_key *key, struct error *ret_error) {
    size_t at = keys->count;
    if (keys->count == PSEUDONYM_KEYS_MAX)
        return refuse(line, ret_error, "more than 64 keys");
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].id, key->id) == 0)
            return refuse(line, ret_error, "this key id is used already");
        if (keys->keys[i].from_us == key->from_us)
            return refuse(line, ret_error,
                          key->from_us == INT64_MIN
                              ? "two keys have no \"from\"; expected one, and a time at all others"
                              : "two keys begin at this time");
    }
    for (; at > 0 && keys->keys[at - 1].from_us > key->from_us; at--)
        keys->keys[at] = keys->keys[at - 1];
    keys->keys[at] = *key;
    keys->count++;
    return 0;
}

static int read_line(struct line *line, struct pseudonym_keys *keys, struct error *ret_error) {
    struct pseudonym_key key = {.from_us = INT64_MIN, .until_us = INT64_MAX};
    struct text id = take_word(line);
    if (id.length == 0 || id.data[0] == '#')
        return 0;
    if (!pseudonym_is_key_id(id))
        return refuse(line, ret_error,
                      "a key id has 1 to 8 small letters and digits; expected \"ID KEY\"");
    memcpy(key.id, id.data, id.length);
    key.id_length = (uint8_t)id.length;
    struct text secret = take_word(line);
    if (secret.length == 0)
        return refuse(line, ret_error, "expected a key behind its id");
    int r = read_secret(line, secret, &key, ret_error);
    if (r == 0)
        r = read_times(line, &key, ret_error);
    if (r == 0)
        r = add(line, keys, &key, ret_error);
    if (r < 0)
        hmac_free(key.hmac);
    return r;
}

int pseudonym_keys_parse(struct text content, const char *shown, struct pseudonym_keys **ret_keys,
                         struct error *ret_error) {
    struct pseudonym_keys *keys = check_calloc(1, sizeof *keys);
    struct line line = {.shown = shown};
    int r = 0;
    while (r == 0 && content.length > 0) {
        const char *newline = memchr(content.data, '\n', content.length);
        size_t length = newline ? (size_t)(newline - content.data) : content.length;
        line.number++;
        line.rest = (struct text){.data = content.data, .length = length};
        r = read_line(&line, keys, ret_error);
        content.data += length + (newline != NULL);
        content.length -= length + (newline != NULL);
    }
    if (r == 0 && keys->count == 0)
        r = error_set(ret_error, ERROR_INVALID,
                      "%s has no keys; expected lines like \"k1 \" and the output of `openssl rand "
                      "-hex 32`",
                      shown);
    if (r < 0)
        pseudonym_keys_free(keys);
    else
        *ret_keys = keys;
    return r;
}

void pseudonym_keys_free(struct pseudonym_keys *keys) {
    for (size_t i = 0; keys && i < keys->count; i++)
        hmac_free(keys->keys[i].hmac);
    free(keys);
}

/* ---- the file ---- */

static int check_status(const char *path, const struct stat *status, struct error *ret_error) {
    if (!S_ISREG(status->st_mode))
        return error_set(ret_error, ERROR_INVALID, "%s is not a regular file", path);
    unsigned mode = status->st_mode & 07777;
    if (mode & MODE_FORBIDDEN)
        return error_set(ret_error, ERROR_INVALID,
                         "%s has mode %04o: others than its owner can read or change it; expected "
                         "0600, or 0640 where the server reads it as a member of its group (chmod "
                         "600 %s)",
                         path, mode, path);
    if (status->st_size > (off_t)PSEUDONYM_KEYS_FILE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s has more than 256 KiB", path);
    return 0;
}

int pseudonym_keys_load(const char *path, struct pseudonym_keys **ret_keys,
                        struct error *ret_error) {
    struct stat status;
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        int number = errno;
        error_set_errno(ret_error, number, "cannot read %s", path);
        if (number == ENOENT)
            ret_error->code = ERROR_NOT_FOUND;
        return -(int)ret_error->code;
    }
    int r = fstat(descriptor, &status) == 0
                ? check_status(path, &status, ret_error)
                : error_set_errno(ret_error, errno, "cannot read %s", path);
    if (r == 0) {
        size_t size = (size_t)status.st_size;
        char *bytes = check_malloc(size + 1);
        ssize_t got = file_read_at(descriptor, bytes, size, 0);
        if (got < 0)
            r = error_set_errno(ret_error, errno, "cannot read %s", path);
        else
            r = pseudonym_keys_parse((struct text){.data = bytes, .length = (size_t)got}, path,
                                     ret_keys, ret_error);
        explicit_bzero(bytes, size);
        free(bytes);
    }
    close(descriptor);
    return r;
}

/* ---- finding ---- */

const struct pseudonym_key *pseudonym_keys_get(const struct pseudonym_keys *keys, size_t index) {
    return index < keys->count ? &keys->keys[index] : NULL;
}

const struct pseudonym_key *pseudonym_keys_at(const struct pseudonym_keys *keys, int64_t time_us) {
    for (size_t i = keys->count; i-- > 0;)
        if (keys->keys[i].from_us <= time_us)
            return time_us < keys->keys[i].until_us ? &keys->keys[i] : NULL;
    return NULL;
}

const struct pseudonym_key *pseudonym_keys_find(const struct pseudonym_keys *keys, struct text id) {
    for (size_t i = 0; i < keys->count; i++)
        if (text_is(id, keys->keys[i].id))
            return &keys->keys[i];
    return NULL;
}
