#include "rebuild_groups.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

static void grow_slots(struct groups *groups) {
    free(groups->slots);
    groups->slot_count = groups->slot_count ? 2 * groups->slot_count : 4096;
    groups->slots = check_calloc(groups->slot_count, sizeof *groups->slots);
    for (uint32_t i = 0; i < groups->count; i++) {
        size_t at = groups->groups[i].hash & (groups->slot_count - 1);
        while (groups->slots[at])
            at = (at + 1) & (groups->slot_count - 1);
        groups->slots[at] = i + 1;
    }
}

static uint32_t add_group(struct groups *groups, const uint8_t *key, size_t length, uint64_t hash) {
    if (groups->count == groups->capacity) {
        groups->capacity = groups->capacity ? 2 * groups->capacity : 1024;
        groups->groups =
            check_reallocarray(groups->groups, groups->capacity, sizeof *groups->groups);
    }
    check(groups->count < UINT32_MAX);
    uint32_t index = (uint32_t)groups->count++;
    groups->groups[index] =
        (struct group){.key = key, .hash = hash, .key_length = (uint32_t)length};
    return index;
}

/* An entry that is on its way into its group. What is looked up for it lies anywhere in memory, so
 * that is fetched some entries before it is needed: its slot, then the group, then that one's key.
 */
struct coming {
    const uint8_t *at;
    const uint8_t *key;
    size_t key_length;
    uint64_t hash;
};
#define COMING 16 /* a power of two */

static uint32_t group_of(struct groups *groups, const struct coming *coming) {
    if (2 * (groups->count + 1) > groups->slot_count)
        grow_slots(groups);
    size_t at = coming->hash & (groups->slot_count - 1);
    for (; groups->slots[at]; at = (at + 1) & (groups->slot_count - 1)) {
        const struct group *group = &groups->groups[groups->slots[at] - 1];
        if (group->hash == coming->hash && group->key_length == coming->key_length &&
            memcmp(group->key, coming->key, coming->key_length) == 0)
            return groups->slots[at] - 1;
    }
    groups->slots[at] = (uint32_t)groups->count + 1;
    return add_group(groups, coming->key, coming->key_length, coming->hash);
}

static void take(struct groups *groups, const struct coming *coming) {
    if (groups->gathered_count == groups->gathered_capacity) {
        groups->gathered_capacity =
            groups->gathered_capacity ? 2 * groups->gathered_capacity : 4096;
        groups->gathered = check_reallocarray(groups->gathered, groups->gathered_capacity,
                                              sizeof *groups->gathered);
    }
    uint32_t group = group_of(groups, coming);
    groups->groups[group].count++;
    check(groups->gathered_count < UINT32_MAX);
    groups->gathered[groups->gathered_count++] =
        (struct gathered){.at = coming->at, .group = group};
}

/* The group in its slot, most likely its own; NULL: a free slot. */
static const struct group *likely_group(const struct groups *groups, const struct coming *coming) {
    uint32_t slot = groups->slots[coming->hash & (groups->slot_count - 1)];
    return slot ? &groups->groups[slot - 1] : NULL;
}

static const uint8_t *look_ahead(const struct groups *groups, const uint8_t *bytes,
                                 struct coming *ret_coming) {
    struct stream_entry entry;
    const uint8_t *next = stream_entry_at(bytes, &entry);
    size_t length = stream_key_length(&entry);
    *ret_coming = (struct coming){
        .at = bytes, .key = entry.key, .key_length = length, .hash = hash64(entry.key, length, 0)};
    __builtin_prefetch(&groups->slots[ret_coming->hash & (groups->slot_count - 1)]);
    return next;
}

void groups_gather(struct groups *groups, const uint8_t *bytes, size_t length) {
    struct coming ring[COMING];
    const uint8_t *end = bytes + length;
    size_t seen = 0, taken = 0;
    if (groups->slot_count == 0)
        grow_slots(groups);
    while (bytes < end || taken < seen) {
        if (bytes < end) {
            bytes = look_ahead(groups, bytes, &ring[seen++ % COMING]);
            if (seen - taken < COMING && bytes < end)
                continue;
        }
        if (seen - taken > COMING / 2)
            __builtin_prefetch(likely_group(groups, &ring[(taken + COMING / 2) % COMING]), 1);
        if (seen - taken > COMING / 4) {
            const struct group *group = likely_group(groups, &ring[(taken + COMING / 4) % COMING]);
            if (group)
                __builtin_prefetch(group->key);
        }
        take(groups, &ring[taken++ % COMING]);
    }
}

void groups_clear(struct groups *groups) {
    groups->gathered_count = groups->count = 0;
    if (groups->slots)
        memset(groups->slots, 0, groups->slot_count * sizeof *groups->slots);
}

/* By the whole key. */
static void sort_few(const struct groups *groups, struct numbered *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct numbered item = items[i];
        struct text key = group_key(&groups->groups[item.item]);
        size_t j = i;
        for (; j > 0 && text_compare(group_key(&groups->groups[items[j - 1].item]), key) > 0; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

#define SORT_FEW 24

/* By the eight bytes at `from`, and those that are equal there by the next ones. All agree in what
 * comes before. */
static void sort_items(struct groups *groups, struct numbered *items, size_t count, size_t from) {
    for (size_t i = 0; i < count; i++)
        items[i].number = ranges_number_at(group_key(&groups->groups[items[i].item]), from);
    numbered_sort(items, groups->order_scratch, count);
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;
        while (next < count && items[next].number == items[i].number)
            next++;
        if (next - i <= SORT_FEW || from > GENERATION_KEY_MAX)
            sort_few(groups, items + i, next - i);
        else
            sort_items(groups, items + i, next - i, from + 8);
        i = next;
    }
}

/* Puts the entries in the order of the sorted groups, so that they can be fetched ahead. */
static void sort_entries(struct groups *groups) {
    if (groups->gathered_count > groups->sorted_capacity) {
        groups->sorted_capacity = groups->gathered_count + groups->gathered_count / 2;
        free(groups->sorted);
        groups->sorted = check_calloc(groups->sorted_capacity, sizeof *groups->sorted);
    }
    uint32_t first = 0;
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->groups[groups->order[i].item];
        uint32_t count = group->count;
        group->first = first;
        group->count = 0;
        first += count;
    }
    for (size_t i = 0; i < groups->gathered_count; i++) {
        struct group *group = &groups->groups[groups->gathered[i].group];
        groups->sorted[group->first + group->count++] = groups->gathered[i].at;
    }
}

void groups_sort(struct groups *groups, struct text prefix) {
    size_t count = groups->count;
    if (count > groups->order_capacity) {
        groups->order_capacity = count + count / 2;
        free(groups->order);
        free(groups->order_scratch);
        groups->order = check_calloc(groups->order_capacity, sizeof *groups->order);
        groups->order_scratch = check_calloc(groups->order_capacity, sizeof *groups->order);
    }
    for (size_t i = 0; i < count; i++)
        groups->order[i].item = i;
    size_t common = prefix.length;
    for (size_t i = 0; i < count; i++)
        if (groups->groups[i].key_length < common ||
            memcmp(groups->groups[i].key, prefix.data, common) != 0)
            common = 0;
    sort_items(groups, groups->order, count, common);
    sort_entries(groups);
}

void groups_deinit(struct groups *groups) {
    free(groups->gathered);
    free(groups->sorted);
    free(groups->groups);
    free(groups->slots);
    free(groups->order);
    free(groups->order_scratch);
}
