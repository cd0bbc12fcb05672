/* What the numbers of sources say about the reported day: the day of receipt. They are counted from
 * the records of all days of the pass, with the same fold as the server's (source_table.h) and
 * without anything of the server's. A gap belongs to the day on which it became one: when a number
 * came that is a window higher. */
#pragma once

#include "core/store/sources/source_table.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIGHT_SOURCE_RANGES_MAX 10

struct night_source {
    struct text name;
    uint64_t transactions; /* of that day, as all that follows */
    uint64_t first, last;  /* the numbers that came first and last; 0: none */
    struct source_counts counts;
    struct source_range missing[NIGHT_SOURCE_RANGES_MAX]; /* the first gaps of the day */
    size_t missing_count;
};

struct night_sources {
    struct source_watch watch; /* first: the table calls it */
    struct source_table *table;
    struct night_source
        *of; /* SOURCES_MAX, parallel to the table; shown: those with transactions */
    size_t count;
    uint64_t others; /* transactions of sources without room */
    int64_t day;     /* reported */
    bool is_on_day;
};

/* It holds its own address: it must not move until it is finished. */
void night_sources_init(struct night_sources *sources, int64_t day);
/* A record that source_table_takes(). Those after the day are left out. */
void night_sources_take(struct night_sources *sources, const struct record *record);
void night_sources_deinit(struct night_sources *sources);
