/* The index of a slice of the archive: columns of its transactions, and what became known in it
 * about transactions, here or before. Made from the records alone (find_build.h).
 *
 * A slice is a run of records of one segment: most segments are one slice, those that were indexed
 * while they grew are several. Its image is one block of memory, or of a file that is mapped:
 *
 *   header      struct find_header: what slice it is, where the sections are
 *   checksums   of each CHUNK of what follows; the header's checksum covers these
 *   sections    arrays, each at a multiple of 64 bytes
 *
 * In the byte order of the machine: the image of another one counts as damaged. Bytes are verified
 * when they are first read, chunk by chunk, so that a search reads no more than it needs. What is
 * found is verified against the record, so a wrong image could hide a transaction, but never show a
 * wrong one.
 *
 * Times and amounts are 32 bits wide: minus the least, shifted right until the greatest fits. So a
 * range of them selects a few rows too many, never one too few. */
#pragma once

#include "core/store/archive/archive_place.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIND_FORMAT     2
#define FIND_BLOCK_ROWS 4096 /* rows of a struct find_block */

/* What rows are looked up by: the fields of transactions, and these. */
enum find_term {
    TERM_ID = FIELD_COUNT,
    TERM_RULE,           /* had effect */
    TERM_RULE_NO_EFFECT, /* fired in shadow, or suppressed */
    TERM_COUNT
};

/* Sections. A row is a transaction, in the order of positions; a term has three sections: hashes of
 * its different values, rising; for each the end of its rows; the rows, rising. */
enum find_section {
    SECTION_POSITION,   /* uint32_t: minus that before the slice */
    SECTION_OFFSET,     /* uint32_t: of the frame in the segment, / 8 */
    SECTION_RECEIVED,   /* uint32_t, scaled; never falls */
    SECTION_EVENT,      /* uint32_t, scaled */
    SECTION_AMOUNT,     /* uint32_t, scaled */
    SECTION_SCORE,      /* uint16_t */
    SECTION_VERDICT,    /* uint8_t: 1 << verdict */
    SECTION_CURRENCY,   /* uint8_t: index of SECTION_CURRENCIES; all of a kind without one are 0 */
    SECTION_BLOCKS,     /* struct find_block, one for FIND_BLOCK_ROWS rows */
    SECTION_CURRENCIES, /* char[4]; the first is "" */
    SECTION_OUTCOMES,   /* struct find_outcome, by transactions; the last one of each */
    SECTION_AMENDMENTS, /* struct find_amendment, likewise */
    SECTION_LABELS,     /* + enum label: uint64_t, positions of the outcomes with this label */
    SECTION_TERMS = SECTION_LABELS + 8, /* + 3 * enum find_term */
    SECTION_COUNT = SECTION_TERMS + 3 * TERM_COUNT
};

static inline enum find_section find_term_hashes(unsigned term) {
    return (enum find_section)(SECTION_TERMS + 3 * term);
}
static inline enum find_section find_term_ends(unsigned term) {
    return (enum find_section)(SECTION_TERMS + 3 * term + 1);
}
static inline enum find_section find_term_rows(unsigned term) {
    return (enum find_section)(SECTION_TERMS + 3 * term + 2);
}
/* Of one value. */
uint32_t find_term_hash(unsigned term, struct text value);

/* The extremes of the rows of a block. */
struct find_block {
    uint32_t event_min, event_max;
    uint32_t amount_min, amount_max;
    uint16_t score_min, score_max;
    uint32_t verdicts; /* all that occur */
};

struct find_outcome {
    uint64_t transaction_position;
    int64_t received_us, known_us;
    uint64_t label;
};

struct find_amendment {
    uint64_t transaction_position;
    int64_t received_us, amount_minor, refunded_minor;
    uint64_t is_voided;
};

struct find_scale {
    int64_t least;
    uint64_t shift;
};

struct find_header {
    char magic[8];
    uint32_t format, section_count;
    uint64_t checksum; /* of the header, with 0 here, and the checksums after it */
    uint64_t size;     /* of the image */
    struct archive_place from, until;
    uint64_t from_offset, until_offset; /* in the segment */
    uint64_t part_first;                /* position of the first record of the segment */
    uint64_t rows;
    struct find_scale received, event, amount;
    struct {
        uint64_t offset, length; /* bytes of the image */
    } sections[SECTION_COUNT];
};

struct find_image;

/* What find_image_new() takes each section from; it is copied. */
struct find_bytes {
    const void *bytes;
    size_t length;
};

/* header: all but magic to size, and sections. */
struct find_image *find_image_new(const struct find_header *header,
                                  const struct find_bytes sections[SECTION_COUNT]);
/* Maps a whole file. NULL: it is none, or of another version, or its header is damaged. Closes the
 * descriptor. */
struct find_image *find_image_map(int descriptor);
void find_image_free(struct find_image *image); /* NULL is allowed */
/* For writing it to a file. */
struct text find_image_bytes(const struct find_image *image);

const struct find_header *find_image_header(const struct find_image *image);
/* Of the section, in elements of this size. */
size_t find_image_count(const struct find_image *image, enum find_section section, size_t size);
/* Elements first to first + count - 1 of a section, which must have them; verified. NULL: they are
 * damaged. */
const void *find_image_at(struct find_image *image, enum find_section section, size_t first,
                          size_t count, size_t size);

/* Keeps only outcomes and amendments: most of the memory is freed. */
void find_image_strip(struct find_image *image);
bool find_image_is_stripped(const struct find_image *image);

/* The scaled value of a bound, and whether no value or every one lies below it: -1 below the
 * scale's range, 1 above it, else 0 with *ret_scaled. */
int find_scale_bound(struct find_scale scale, int64_t value, uint32_t *ret_scaled);
