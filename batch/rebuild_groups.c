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

static uint32_t group_of(struct groups *groups, const uint8_t *key, size_t length) {
    if (2 * (groups->count + 1) > groups->slot_count)
        grow_slots(groups);
    uint64_t hash = hash64(key, length, 0);
    size_t at = hash & (groups->slot_count - 1);
    for (; groups->slots[at]; at = (at + 1) & (groups->slot_count - 1)) {
        const struct group *group = &groups->groups[groups->slots[at] - 1];
        if (group->hash == hash && group->key_length == length &&
            memcmp(group->key, key, length) == 0)
            return groups->slots[at] - 1;
    }
    groups->slots[at] = (uint32_t)groups->count + 1;
    return add_group(groups, key, length, hash);
}

static void gather(struct groups *groups, const uint8_t *at, const struct stream_entry *entry) {
    if (groups->gathered_count == groups->gathered_capacity) {
        groups->gathered_capacity =
            groups->gathered_capacity ? 2 * groups->gathered_capacity : 4096;
        groups->gathered = check_reallocarray(groups->gathered, groups->gathered_capacity,
                                              sizeof *groups->gathered);
    }
    uint32_t group = group_of(groups, entry->key, stream_key_length(entry));
    groups->groups[group].count++;
    check(groups->gathered_count < UINT32_MAX);
    groups->gathered[groups->gathered_count++] = (struct gathered){.at = at, .group = group};
}

void groups_gather(struct groups *groups, const uint8_t *bytes, size_t length) {
    const uint8_t *end = bytes + length;
    while (bytes < end) {
        struct stream_entry entry;
        const uint8_t *next = stream_entry_at(bytes, &entry);
        gather(groups, bytes, &entry);
        bytes = next;
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
