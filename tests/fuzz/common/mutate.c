#include "mutate.h"

#include "core/base/check.h"
#include "shape.h"

#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 4
#define PIECE_MAX   64 /* bytes */

struct input {
    uint8_t *bytes;
    size_t size;
};

struct mutator {
    struct chance chance;
    struct input *inputs;
    size_t count;
    uint8_t *bytes; /* of the changed one */
    size_t size, capacity;
    struct buffer shaped;
};

struct mutator *mutator_new(uint64_t seed) {
    struct mutator *mutator = check_calloc(1, sizeof *mutator);
    mutator->chance.state = seed;
    buffer_init(&mutator->shaped);
    return mutator;
}

void mutator_free(struct mutator *mutator) {
    if (!mutator)
        return;
    for (size_t i = 0; i < mutator->count; i++)
        free(mutator->inputs[i].bytes);
    free(mutator->inputs);
    buffer_deinit(&mutator->shaped);
    free(mutator->bytes);
    free(mutator);
}

void mutator_add(struct mutator *mutator, const void *bytes, size_t size) {
    mutator->inputs =
        check_realloc(mutator->inputs, (mutator->count + 1) * sizeof *mutator->inputs);
    struct input *input = &mutator->inputs[mutator->count++];
    *input = (struct input){.bytes = check_malloc(size ? size : 1), .size = size};
    if (size > 0)
        memcpy(input->bytes, bytes, size);
}

static uint64_t below(struct mutator *mutator, uint64_t limit) {
    return chance_below(&mutator->chance, limit ? limit : 1);
}

/* A place in the changed input, often near the beginning, where formats have their headers. */
static size_t place(struct mutator *mutator) {
    size_t size = mutator->size;
    return (size_t)below(mutator, below(mutator, 4) == 0 && size > 64 ? 64 : size);
}

/* Puts a piece in place of `removed` bytes. */
static void replace(struct mutator *mutator, size_t at, size_t removed, const uint8_t *piece,
                    size_t size) {
    uint8_t copy[PIECE_MAX];
    memcpy(copy, piece, size);
    removed = removed < mutator->size - at ? removed : mutator->size - at;
    size_t rest = mutator->size - at - removed;
    if (mutator->size + size > mutator->capacity) {
        mutator->capacity = 2 * (mutator->size + size);
        mutator->bytes = check_realloc(mutator->bytes, mutator->capacity);
    }
    memmove(mutator->bytes + at + size, mutator->bytes + at + removed, rest);
    memcpy(mutator->bytes + at, copy, size);
    mutator->size = at + size + rest;
}

static void change(struct mutator *mutator) {
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '-', '9', '\n', 0x20};
    size_t at = place(mutator), size = (size_t)below(mutator, PIECE_MAX) + 1;
    const struct input *other = &mutator->inputs[below(mutator, mutator->count)];
    uint8_t byte = (uint8_t)below(mutator, 256), bytes[8];
    switch (below(mutator, 9)) {
    case 0: /* another byte */
        replace(mutator, at, 1, &byte, 1);
        break;
    case 1: /* an odd one */
        replace(mutator, at, 1, &odd[below(mutator, sizeof odd)], 1);
        break;
    case 2: /* another bit */
        byte = mutator->bytes[at] ^ (uint8_t)(1u << below(mutator, 8));
        replace(mutator, at, 1, &byte, 1);
        break;
    case 3: /* a digit for a digit, if there is one near */
        for (size_t i = at; i < mutator->size && i < at + PIECE_MAX; i++)
            if (mutator->bytes[i] >= '0' && mutator->bytes[i] <= '9') {
                mutator->bytes[i] = (uint8_t)('0' + below(mutator, 10));
                break;
            }
        break;
    case 4: /* without a piece */
        replace(mutator, at, size, &byte, 0);
        break;
    case 5: /* one more byte */
        replace(mutator, at, 0, &byte, 1);
        break;
    case 6: /* a number of eight bytes, or its varint */
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = below(mutator, 2) ? 0xff : (uint8_t)below(mutator, 256);
        replace(mutator, at, below(mutator, 2) ? 8 : 4, bytes, sizeof bytes);
        break;
    case 7: /* a piece of another input, or of this one, in place of another */
        if (other->size > 0) {
            size_t from = (size_t)below(mutator, other->size);
            size_t most = other->size - from < size ? other->size - from : size;
            replace(mutator, at, below(mutator, 2) ? most : 0, other->bytes + from, most);
        }
        break;
    default: /* cut off */
        if (below(mutator, 8) == 0)
            mutator->size = at;
    }
}

size_t mutator_count(const struct mutator *mutator) {
    return mutator->count;
}

static void set_bytes(struct mutator *mutator, const uint8_t *bytes, size_t size) {
    if (size + PIECE_MAX > mutator->capacity) {
        mutator->capacity = size + PIECE_MAX;
        mutator->bytes = check_realloc(mutator->bytes, mutator->capacity);
    }
    if (size > 0)
        memcpy(mutator->bytes, bytes, size);
    mutator->size = size;
}

/* False if the input has no shape. */
static bool change_shape(struct mutator *mutator) {
    buffer_clear(&mutator->shaped);
    if (!shape_change(&mutator->chance, mutator->bytes, mutator->size, &mutator->shaped))
        return false;
    set_bytes(mutator, mutator->shaped.bytes, mutator->shaped.length);
    return true;
}

const uint8_t *mutator_next(struct mutator *mutator, size_t *ret_size) {
    check(mutator->count > 0);
    const struct input *from = &mutator->inputs[below(mutator, mutator->count)];
    bool is_shaped = below(mutator, 4) != 0;
    uint64_t changes = below(mutator, is_shaped ? CHANGES_MAX / 2 : CHANGES_MAX) + 1;
    set_bytes(mutator, from->bytes, from->size);
    for (; changes > 0 && mutator->size > 0; changes--)
        if (!is_shaped || !change_shape(mutator))
            change(mutator);
    *ret_size = mutator->size;
    return mutator->bytes;
}
