#include "erase_keys.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX ((size_t)1 << 30)

void erase_keys_init(struct erase_keys *keys) {
    *keys = (struct erase_keys){0};
    arena_init(&keys->arena, TEXTS_MAX);
}

void erase_keys_deinit(struct erase_keys *keys) {
    free(keys->keys);
    free(keys->fields);
    arena_deinit(&keys->arena);
}

static struct text kept(struct erase_keys *keys, struct text text) {
    struct text copy = arena_text(&keys->arena, text);
    check(copy.data);
    return copy;
}

static struct text field_of(struct erase_keys *keys, struct text field) {
    for (size_t i = 0; i < keys->field_count; i++)
        if (text_equal(keys->fields[i], field))
            return keys->fields[i];
    keys->fields = check_reallocarray(keys->fields, keys->field_count + 1, sizeof *keys->fields);
    return keys->fields[keys->field_count++] = kept(keys, field);
}

static int compare_keys(const void *left, const void *right) {
    const struct erase_key *a = left, *b = right;
    int order = text_compare(a->field, b->field);
    return order ? order : (a->hash > b->hash) - (a->hash < b->hash);
}

struct erase_key *erase_keys_add(struct erase_keys *keys, struct text field, uint64_t hash,
                                 struct text value) {
    if (keys->count == keys->capacity) {
        keys->capacity = keys->capacity ? 2 * keys->capacity : 16;
        keys->keys = check_reallocarray(keys->keys, keys->capacity, sizeof *keys->keys);
    }
    struct erase_key *key = &keys->keys[keys->count++];
    *key = (struct erase_key){.field = field_of(keys, field), .hash = hash};
    if (value.data)
        key->value = kept(keys, value);
    return key;
}

/* Of equal ones the first stays. */
void erase_keys_sort(struct erase_keys *keys) {
    size_t count = 0;
    if (keys->count)
        qsort(keys->keys, keys->count, sizeof *keys->keys, compare_keys);
    for (size_t i = 0; i < keys->count; i++) {
        struct erase_key *last = count ? &keys->keys[count - 1] : NULL;
        if (!last || compare_keys(last, &keys->keys[i]) != 0) {
            keys->keys[count++] = keys->keys[i];
            continue;
        }
        last->is_asked |= keys->keys[i].is_asked;
        last->is_settled |= keys->keys[i].is_settled;
        if (!last->value.data)
            last->value = keys->keys[i].value;
    }
    keys->count = count;
}

struct erase_key *erase_keys_find(const struct erase_keys *keys, struct text field,
                                  struct text value) {
    const struct erase_key wanted = {.field = field, .hash = hash_text(value)};
    if (value.length == 0 || keys->count == 0)
        return NULL;
    return bsearch(&wanted, keys->keys, keys->count, sizeof *keys->keys, compare_keys);
}

void erase_keys_learn(struct erase_keys *keys, struct erase_key *key, struct text value) {
    if (!key->value.data)
        key->value = kept(keys, value);
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool holds(struct text text, struct text value) {
    const char *at = text.data, *end = text.data + text.length;
    while (value.length > 0 && (size_t)(end - at) >= value.length &&
           (at = memmem(at, (size_t)(end - at), value.data, value.length))) {
        const char *after = at + value.length;
        if ((at == text.data || !is_word(at[-1])) && (after == end || !is_word(*after)))
            return true;
        at++;
    }
    return false;
}

/* As it stands in JSON, if that is another form: a quotation mark, say, is escaped there. */
static bool holds_escaped(struct text bytes, struct text value) {
    struct buffer json;
    buffer_init(&json);
    json_add_text(&json, NULL, value);
    const uint8_t *escaped = json.bytes + 1;
    size_t length = json.length - 2;
    bool is_there = length != value.length && memmem(bytes.data, bytes.length, escaped, length);
    buffer_deinit(&json);
    return is_there;
}

static bool needs_escape(struct text value) {
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] == '"' || value.data[i] == '\\' || iscntrl((unsigned char)value.data[i]))
            return true;
    return false;
}

bool erase_keys_in_bytes(const struct erase_keys *keys, struct text bytes) {
    for (size_t i = 0; i < keys->count; i++) {
        struct text value = keys->keys[i].value;
        if (keys->keys[i].is_shared || !value.data)
            continue;
        if (value.length >= ERASE_SHORT
                ? memmem(bytes.data, bytes.length, value.data, value.length) != NULL
                : holds(bytes, value))
            return true;
        if (needs_escape(value) && holds_escaped(bytes, value))
            return true;
    }
    return false;
}

bool erase_keys_in_text(const struct erase_keys *keys, struct text text) {
    for (size_t i = 0; i < keys->count; i++)
        if (!keys->keys[i].is_shared && keys->keys[i].value.data &&
            holds(text, keys->keys[i].value))
            return true;
    return false;
}
