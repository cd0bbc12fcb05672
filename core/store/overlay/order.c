/* A radix sort: LSD over the 8 bytes of a prefix, then the same again within runs of equal
 * prefixes, with the next 8 bytes. Keys are looked up only for their prefixes, so comparing them
 * does not miss the cache each time. */
#include "order.h"

#include "core/base/check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FEW 24 /* up to this many: insertion sort */

struct ordering {
    struct text (*key_of)(const void *user, uint32_t number);
    const void *user;
    struct order *room; /* scratch, as large as the list */
};

static void insert(struct order *list, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct order order = list[i];
        size_t j = i;
        for (; j > 0 && list[j - 1].prefix > order.prefix; j--)
            list[j] = list[j - 1];
        list[j] = order;
    }
}

static inline unsigned digit_of(const struct order *order, unsigned digit) {
    return digit < 8 ? (unsigned)(order->prefix >> 8 * digit & 0xff) : order->entity & 0xff;
}

/* Distributes from list to room by this digit. false: all have the same, and nothing was moved. */
static bool distribute(const struct order *list, struct order *room, size_t count, unsigned digit) {
    size_t starts[256] = {0};
    for (size_t i = 0; i < count; i++)
        starts[digit_of(&list[i], digit)]++;
    if (starts[digit_of(&list[0], digit)] == count)
        return false;
    for (size_t i = 0, at = 0; i < 256; i++) {
        size_t next = at + starts[i];
        starts[i] = at;
        at = next;
    }
    for (size_t i = 0; i < count; i++)
        room[starts[digit_of(&list[i], digit)]++] = list[i];
    return true;
}

static void sort(struct order *list, struct order *room, size_t count, unsigned first,
                 unsigned end) {
    struct order *from = list, *to = room;
    for (unsigned digit = first; digit < end; digit++)
        if (distribute(from, to, count, digit)) {
            struct order *swapped = from;
            from = to;
            to = swapped;
        }
    if (from != list)
        memcpy(list, from, count * sizeof *list);
}

void order_by_prefix(struct order *list, size_t count) {
    if (count <= FEW) {
        insert(list, count);
        return;
    }
    struct order *room = check_calloc(count, sizeof *room);
    sort(list, room, count, 0, 8);
    free(room);
}

static size_t common_length(struct text a, struct text b, size_t most) {
    size_t length = a.length < b.length ? a.length : b.length, at = 0;
    length = length < most ? length : most;
    while (at < length && a.data[at] == b.data[at])
        at++;
    return at;
}

/* The 8 bytes from there on, big-endian; missing ones are 0. */
static uint64_t prefix_at(struct text key, size_t from) {
    uint64_t prefix = 0;
    for (size_t i = from; i < from + 8; i++)
        prefix = prefix << 8 | (i < key.length ? (uint8_t)key.data[i] : 0);
    return prefix;
}

/* Sorts entries of one entity by key, from the bytes after their common prefix on. */
static void order_some(const struct ordering *ordering, struct order *list, size_t count,
                       unsigned depth) {
    struct text first = ordering->key_of(ordering->user, list[0].number);
    size_t common = first.length;
    for (size_t i = 1; i < count; i++)
        common = common_length(first, ordering->key_of(ordering->user, list[i].number), common);
    for (size_t i = 0; i < count; i++)
        list[i].prefix = prefix_at(ordering->key_of(ordering->user, list[i].number), common);
    if (count <= FEW)
        insert(list, count);
    else
        sort(list, ordering->room, count, 0, 8);
    if (depth == ORDER_DEPTH)
        return;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && list[end].prefix == list[i].prefix;)
            end++;
        if (end - i > 1)
            order_some(ordering, list + i, end - i, depth + 1);
    }
}

void order_by_key(struct order *list, size_t count,
                  struct text (*key_of)(const void *user, uint32_t number), const void *user) {
    if (count == 0)
        return;
    struct ordering ordering = {
        .key_of = key_of, .user = user, .room = check_calloc(count, sizeof *list)};
    sort(list, ordering.room, count, 8, 9);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && list[end].entity == list[i].entity;)
            end++;
        order_some(&ordering, list + i, end - i, 1);
    }
    free(ordering.room);
}
