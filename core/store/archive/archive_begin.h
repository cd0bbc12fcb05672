/* Where an archive begins after `harrier archive prune` has dropped its oldest segments:
 * PATH/begins. An archive without this file begins with record 1.
 *
 * The file is the truth about the beginning: it is in place, whole and synced, before the first
 * segment is removed, and a segment in front of it counts as removed, whether its file is still
 * there or not. It holds the place and the seal that the rest of the archive continues, and the few
 * records in front of it that what follows still depends on: the policy in force, the adopted
 * tables, list entries, brakes, the experiment, shadow policies. States come from tables that were
 * built for exactly this place, in PATH/base. docs/ARCHIVE.md has the bytes.
 *
 * Not here: which segments may go, and what is kept of them (batch/prune). */
#pragma once

#include "archive_place.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_BEGIN_FILE        "begins"
#define ARCHIVE_BASE              "base" /* the folder of generations with the tables of that place */
#define ARCHIVE_BASES_MAX         8
#define ARCHIVE_BEGIN_HEADER_SIZE 256 /* bytes of the file in front of the kept records */

struct archive_begin {
    struct archive_place place;   /* of the last record that is gone; position 0: none is */
    int64_t time_us;              /* when that was received */
    int32_t day;                  /* of its segment */
    uint8_t seal[SEAL_HASH_SIZE]; /* of that segment */
    /* Generations for this place, each with the states of other features; the first one is of those
     * that were in use when it was pruned. */
    struct archive_base {
        uint64_t plan_id, generation_id;
    } bases[ARCHIVE_BASES_MAX];
    size_t base_count;
    int64_t pruned_us;   /* when the prune ran, for people */
    uint64_t types;      /* bit n: a record of type n is kept */
    uint64_t kept_bytes; /* of the frames of the records that are kept */
};

/* The header alone. 1: there is no such file, *ret_begin is all zeros. ERROR_DAMAGED,
 * ERROR_UNSUPPORTED, ERROR_SYSTEM; the message names the file. */
int archive_begin_look(int directory, struct archive_begin *ret_begin, struct error *ret_error);
/* The same by the archive's path. ERROR_NOT_FOUND: no such archive. */
int archive_begin_look_at(const char *path, struct archive_begin *ret_begin,
                          struct error *ret_error);

/* A record in front of the beginning. */
struct archive_kept {
    enum record_type type;
    uint64_t position;
    struct text payload; /* points into the bytes it was read from */
};

/* Appends the frames of all kept records to `kept`, after checking every byte. expected: what
 * archive_begin_look() said; ERROR_UNAVAILABLE: by now the archive begins elsewhere. */
int archive_begin_load(int directory, const struct archive_begin *expected, struct buffer *kept,
                       struct error *ret_error);
/* *offset: 0 at first. false: there are no more. */
bool archive_begin_next(const struct buffer *kept, size_t *offset, struct archive_kept *ret_kept);
/* Appends a record, in the order of positions. */
void archive_begin_keep(struct buffer *kept, enum record_type type, uint64_t position,
                        struct text payload);

/* Writes it under another name in the folder, synced, with the archive's owner; a file of that name
 * is replaced. Fills in .types and .kept_bytes. */
int archive_begin_draft(int directory, const char *name, struct archive_begin *begin,
                        const struct buffer *kept, struct error *ret_error);
/* Writes the file and makes it the truth, by a rename: after a crash at any moment there is the old
 * one or the new one. Fills in .types and .kept_bytes. */
int archive_begin_write(int directory, struct archive_begin *begin, const struct buffer *kept,
                        struct error *ret_error);

/* For something at a position that is gone: fills in the error, "record 7 is gone: …". */
int archive_begin_refuse(const struct archive_begin *begin, uint64_t position,
                         struct error *ret_error);
