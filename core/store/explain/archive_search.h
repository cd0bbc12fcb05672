/* Finding records of an archive without decoding the others: transactions and outcomes whose bytes
 * contain one of some texts, and all records of the rarer types.
 *
 * A text of a record is in its payload as it is (proto/README.md), so a record that does not
 * contain the bytes does not have the text. One that contains them may have them elsewhere: the
 * caller decodes what is found, and checks.
 *
 * Parts are searched one by one, by any thread. Every byte of a part that is read is verified; a
 * sealed part that cannot contain a match is not read at all. */
#pragma once

#include "core/store/archive/archive_parts.h"

#include <stdatomic.h>

/* Transactions and outcomes at positions in (after, before) that contain one of the texts. An empty
 * text is contained in all of them. */
struct search_range {
    uint64_t after, before;
    const struct text *texts;
    size_t text_count;
};

struct search {
    const struct archive_parts *parts;
    bool rare;            /* all records of other types, too, at positions … */
    uint64_t rare_before; /* … below this */
    const struct search_range *ranges;
    size_t range_count;
    const atomic_bool *stop; /* NULL: never */
};

struct found_record {
    enum record_type type;
    uint64_t position;
    size_t offset, length; /* of the payload */
};

/* Of one part. */
struct search_result {
    struct found_record *records; /* in the order of positions */
    size_t count;
    struct buffer payloads;
    uint64_t read; /* records scanned */
};

/* Initialises *ret_result, which the caller deinits, also after a failure. ERROR_DAMAGED,
 * ERROR_INTERRUPTED. */
int search_part(const struct search *search, size_t part, struct search_result *ret_result,
                struct error *ret_error);
void search_result_deinit(struct search_result *result);

/* The newest event time of the transactions in the part up to a position; INT64_MIN: there are
 * none. Decodes them all. Errors as above. */
int search_newest_event(const struct search *search, size_t part, uint64_t last,
                        struct arena *arena, int64_t *ret_newest_us, struct error *ret_error);

/* Into the arena, except for texts, which may point into the result. */
int search_decode(const struct search_result *result, size_t index, struct arena *arena,
                  struct record *ret_record, struct error *ret_error);
