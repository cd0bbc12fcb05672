/* Looking up offsets, comparing zones, and zones by name. zone_read.c makes them. */
#include "zone.h"

#include "calendar.h"
#include "core/base/buffer.h"
#include "core/base/hash.h"

#include <stdlib.h>

#define CALENDAR_MIN_S (CALENDAR_MIN_US / CALENDAR_SECOND_US)
#define CALENDAR_MAX_S (CALENDAR_MAX_US / CALENDAR_SECOND_US)

/* The time in the table's own years that has the same offset. */
static int64_t within_table(const struct zone *zone, int64_t time_s) {
    if (!zone->repeats || (time_s < zone->repeat_s && !zone->repeats_backwards))
        return time_s;
    int64_t since = (time_s - zone->repeat_s) % ZONE_REPEAT_S;
    return zone->repeat_s + since + (since < 0 ? ZONE_REPEAT_S : 0);
}

/* How many changes there are up to a time. */
static size_t changes_until(const struct zone *zone, int64_t time_s) {
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t zone_offset_s(const struct zone *zone, int64_t time_s) {
    size_t changes = changes_until(zone, within_table(zone, time_s));
    return changes > 0 ? zone->offsets[changes - 1] : zone->before_s;
}

/* After the last change of the table its first one follows, 400 years later. */
bool zone_next_change(const struct zone *zone, int64_t after_s, int64_t *ret_time_s) {
    int64_t within_s = within_table(zone, after_s), next_s = after_s - within_s;
    size_t index = changes_until(zone, within_s);
    if (index < zone->count) {
        next_s += zone->times[index];
    } else {
        index = zone->repeats ? changes_until(zone, zone->repeat_s) : zone->count;
        if (index == zone->count)
            return false;
        next_s += zone->times[index] + ZONE_REPEAT_S;
    }
    if (next_s > CALENDAR_MAX_S)
        return false;
    *ret_time_s = next_s;
    return true;
}

bool zone_first_difference(const struct zone *a, const struct zone *b, int64_t *ret_time_s) {
    int64_t time_s = CALENDAR_MIN_S, next_a, next_b;
    while (zone_offset_s(a, time_s) == zone_offset_s(b, time_s)) {
        bool more_a = zone_next_change(a, time_s, &next_a);
        bool more_b = zone_next_change(b, time_s, &next_b);
        if (!more_a && !more_b)
            return false;
        time_s = !more_b || (more_a && next_a < next_b) ? next_a : next_b;
    }
    *ret_time_s = time_s;
    return true;
}

struct text zone_path_name(struct text path) {
    static const struct text folder = TEXT_LITERAL("zones/"), ending = TEXT_LITERAL(".tzif");
    size_t around = folder.length + ending.length;
    if (path.length <= around || memcmp(path.data, folder.data, folder.length) != 0 ||
        memcmp(path.data + path.length - ending.length, ending.data, ending.length) != 0)
        return (struct text){0};
    return (struct text){.data = path.data + folder.length, .length = path.length - around};
}

/* Each part begins with a letter or digit, so that a name is a path inside of a folder. */
bool zone_name_is_valid(struct text name) {
    bool begins = true;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || text_is_digit(c);
        if (!word && (begins || (c != '/' && c != '_' && c != '-' && c != '+')))
            return false;
        begins = c == '/';
    }
    return !begins && name.length <= ZONE_NAME_MAX;
}

/* ------------------------------------------------------------------------------------------------
 * By name */

static int compare_names(const void *left, const void *right) {
    const struct zone *a = left, *b = right;
    return text_compare(a->name, b->name);
}

void zone_table_init(struct zone_table *table, struct zone *zones, size_t count) {
    struct buffer spelling;
    buffer_init(&spelling);
    if (count > 1)
        qsort(zones, count, sizeof *zones, compare_names);
    for (size_t i = 0; i < count; i++) {
        buffer_append_varint(&spelling, zones[i].name.length);
        buffer_append(&spelling, zones[i].name.data, zones[i].name.length);
        buffer_append_u64(&spelling, zones[i].hash);
    }
    *table = (struct zone_table){
        .zones = zones, .count = count, .hash = hash64(spelling.bytes, spelling.length, 0)};
    buffer_deinit(&spelling);
}

const struct zone *zone_find(const struct zone_table *table, struct text name) {
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(table->zones[middle].name, name);
        if (order == 0)
            return &table->zones[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
