/* The records of a folder of segments that are not sealed, read by their bytes as docs/ARCHIVE.md
 * has them, with nothing of the archive's own code. */
#pragma once

#include "core/base/text.h"
#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_list_entry {
    uint64_t position, chain;
    uint16_t type;
    struct text frame; /* header and payload, without padding */
};

struct frame_list {
    struct archive_place before; /* what the first segment's header continues */
    struct frame_list_entry *entries;
    size_t count;
    size_t segments, marks;
    size_t zeros; /* bytes after the last frame of a segment */
    struct text *files;
};

/* Fails the test unless every byte is as it must be: each header continues the segment before, each
 * record has the next position, and all chains and checksums of marks and headers are right. */
struct frame_list frame_list_read(const char *folder);
void frame_list_deinit(struct frame_list *list);
/* The last of them; list->before if there is none. */
struct archive_place frame_list_end(const struct frame_list *list);

/* Are entries [at, at + part->count) of the whole those of the part? Fails the test if not. */
void assert_frames_are_of(const struct frame_list *part, const struct frame_list *whole, size_t at);
