/* A note of how far an archive had come, to be kept elsewhere and compared with the archive later:
 * POSITION:CHAIN, or POSITION:CHAIN:SEAL where a segment is sealed (docs/ARCHIVE.md). It tells
 * whether the archive still has the same history up to that record. Against forgery only the seal
 * helps. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_note {
    struct archive_place place;
    bool has_seal;
    uint8_t seal[SEAL_HASH_SIZE]; /* of the segment whose last record is at the place */
};

/* ERROR_INVALID: not a note; the message says what is expected. */
int archive_note_parse(struct text text, struct archive_note *ret_note, struct error *ret_error);

#define ARCHIVE_NOTE_SIZE (20 + 1 + 16 + 1 + 2 * SEAL_HASH_SIZE + 1)
const char *archive_note_format(const struct archive_note *note, char ret_text[ARCHIVE_NOTE_SIZE]);

/* 64 lower-case digits. */
#define ARCHIVE_SEAL_HEX_SIZE (2 * SEAL_HASH_SIZE + 1)
const char *archive_seal_format(const uint8_t seal[SEAL_HASH_SIZE],
                                char ret_hex[ARCHIVE_SEAL_HEX_SIZE]);
