/* An erasure's options and report. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct erase_value {
    struct text name; /* of an entity with a key of one field, or of a field */
    struct text value;
};

struct erase_options {
    const char *archive;
    const char *generations; /* NULL: there are none */
    const char *data;        /* folder around both, whose other files are searched; NULL: none */
    const char *rejects;     /* a file of refused transactions elsewhere; NULL: none */
    const struct erase_value *values;
    size_t value_count;
    const struct text *also; /* fields whose values go with a person's, beside the personal ones */
    size_t also_count;
    bool finish;  /* only what earlier erasures have begun */
    bool dry_run; /* only look */
    const char *source, *version;
    int64_t now_us;
    uint64_t memory_bytes; /* for the tables; 0: as a rebuild chooses */
    double patience;       /* seconds that a server may take to answer; 0: 60 */
};

#define ERASE_FIELDS_MAX 32

struct erase_report {
    bool is_nothing; /* there was nothing to finish */
    uint64_t number, position;
    struct erase_field_report {
        char field[72];
        uint64_t values, records; /* removed */
        uint64_t unseen;          /* values that were asked for and no record has */
        uint64_t shared;          /* values that stay because others have them, too */
    } fields[ERASE_FIELDS_MAX];
    size_t field_count;
    uint64_t records, segments;       /* changed */
    uint64_t base_states, base_texts; /* of a pruned archive's beginning: removed, replaced */
    uint64_t policies_kept;           /* records of policies whose files hold a value */
    uint64_t generation_id;           /* of the tables built anew; 0: none were */
    size_t files_removed, rows_overwritten;
    char **left; /* paths of files that still hold a value; erase_report_deinit() */
    size_t left_count;
    char protocol[4096]; /* path of its file; "": none was written */
    double seconds;
};
