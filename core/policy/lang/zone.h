/* A time zone: which offset from UTC clocks somewhere show, at any time. Its rules come from a TZif
 * file (RFC 9636) that is part of the policy, never from the machine: a decision has to come out
 * the same in later years and elsewhere, and governments change the rules. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_MAX 64u                  /* bytes */
#define ZONE_FILE_MAX (64u << 10)          /* bytes; a file of tzdata has some 3 KiB at most */
#define ZONE_REPEAT_S INT64_C(12622780800) /* 400 years, after which weekdays and dates repeat */

/* From times[i] on, up to the next one, clocks are offsets[i] seconds ahead of UTC; before the
 * first, they are `before_s`. A rule that goes on forever is in the table for 400 years, from
 * repeat_s on; later times have the offset of the same time in those years. */
struct zone {
    struct text name;
    uint64_t hash;        /* over its offsets in the years 1 to 9999: equal rules hash equally */
    const int64_t *times; /* seconds since 1970-01-01 UTC, ascending */
    const int32_t *offsets;
    size_t count;
    int32_t before_s;
    bool repeats;
    bool repeats_backwards; /* the rule is that of all times: there is no other history */
    int64_t repeat_s;
    bool is_broken; /* its file was refused, and it has nothing but a name: never after a load */
};

/* Builds a zone from the bytes of a TZif file, which may be anything. Memory comes from the arena;
 * the name is kept as a pointer. NULL, or why it is refused: a literal. */
const char *zone_read(struct text file, struct text name, struct arena *arena,
                      struct zone *ret_zone);

/* How far ahead of UTC clocks are at this time. Pure; a binary search. */
int32_t zone_offset_s(const struct zone *zone, int64_t time_s);

/* The next change of the offset after this time. False: there is none in the calendar. */
bool zone_next_change(const struct zone *zone, int64_t after_s, int64_t *ret_time_s);

/* The first time in the calendar at which two zones differ; false: they never do. */
bool zone_first_difference(const struct zone *a, const struct zone *b, int64_t *ret_time_s);

/* Of "zones/Europe/Berlin.tzif", the path of a zone's file in a policy, "Europe/Berlin"; no data:
 * it is another path. */
struct text zone_path_name(struct text path);

/* Is it spelled as names of time zones are: "Europe/Berlin", "Etc/GMT+1"? */
bool zone_name_is_valid(struct text name);

/* The zones of a policy, in the order of their names. */
struct zone_table {
    const struct zone *zones;
    size_t count;
    uint64_t hash; /* over names and rules of all */
};

/* Sorts `zones` and keeps them as a pointer. No name occurs twice. */
void zone_table_init(struct zone_table *table, struct zone *zones, size_t count);
/* NULL: there is none of this name. */
const struct zone *zone_find(const struct zone_table *table, struct text name);
