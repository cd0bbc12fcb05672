/* What archive_parts.c has found, for archive_part.c, which reads it. Private to these files. */
#pragma once

#include "archive_begin.h"
#include "segment_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part {
    struct segment segment;
    char name[SEGMENT_FILE_NAME_SIZE]; /* of its file when the parts were opened */
    struct segment_header header;
    struct archive_place until; /* where its records must end */
    bool is_open;               /* there may be more after that: its writer is at work, or it is not
                                   known to be committed */
    uint64_t size, stored;
    bool is_sealed, is_head;
    uint64_t types;
    int64_t end_time_us;
    uint8_t seal_before[SEAL_HASH_SIZE], seal[SEAL_HASH_SIZE]; /* of a sealed one */
    uint8_t seal_first[SEAL_HASH_SIZE];                        /* that the next one continues */
};

struct archive_parts {
    char *path;
    int directory;
    struct archive_begin begin;
    struct archive_place end;
    bool ends_early; /* there are records after it, which may be sealed */
    struct part *parts;
    size_t count;
    size_t covered; /* the first so many are proven by the seals among them */
};

/* The head has that of the last segment which it stands for. */
static inline bool part_has_seal(const struct part *part) {
    return part->is_sealed || part->is_head;
}
