/* The bytes of a segment's file that stands in for a damaged or missing one: archive_quarantine.h
 * says what is in it. Private to store/. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/store/archive/segment_file.h"

struct stand_in_plan {
    int directory; /* of the archive */
    const struct segment *segment;
    const char *name;            /* of the damaged file; "": there is none */
    const char *kept;            /* where that stays, for its records; "": nowhere */
    struct archive_place before; /* that it continues */
    int64_t time_before_us;      /* of that record; INT64_MIN: there is none */
    bool has_end;                /* there is a segment behind it, which begins after: */
    struct archive_place end;
    int64_t end_time_us;
    /* The one behind is sealed and continues this seal; so the stand-in must be sealed, after: */
    bool seal;
    uint8_t seal_after[SEAL_HASH_SIZE], seal_before[SEAL_HASH_SIZE];
};

struct stand_in {
    struct buffer file;
    bool is_sealed;
    struct archive_place end;
    int64_t end_time_us;
    uint64_t lost;                      /* records of it that could not be read */
    uint8_t seal_first[SEAL_HASH_SIZE]; /* that the next seal continues; zeros: it is not sealed */
};

/* Reads what it can of the damaged file, block by block where the disk fails. */
int stand_in_make(const struct stand_in_plan *plan, struct stand_in *ret_stand_in,
                  struct error *ret_error);
void stand_in_deinit(struct stand_in *stand_in);
