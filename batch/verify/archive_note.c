/* The two forms of a note: text for people and command lines, and the struct. */
#include "archive_note.h"

#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HASH_DIGITS (HASH_HEX_SIZE - 1)

/* Takes what is before the next colon, or all that is left. false: nothing is left. */
static bool take_part(struct text *rest, struct text *ret_part) {
    if (!rest->data)
        return false;
    const char *colon = memchr(rest->data, ':', rest->length);
    *ret_part = *rest;
    if (colon) {
        ret_part->length = (size_t)(colon - rest->data);
        *rest = (struct text){colon + 1, rest->length - ret_part->length - 1};
    } else {
        *rest = (struct text){0};
    }
    return true;
}

static bool parse_position(struct text text, uint64_t *ret_position) {
    uint64_t position = 0;
    for (size_t i = 0; i < text.length; i++)
        if (!text_is_digit(text.data[i]) || __builtin_mul_overflow(position, 10, &position) ||
            __builtin_add_overflow(position, (uint64_t)(text.data[i] - '0'), &position))
            return false;
    *ret_position = position;
    return position > 0;
}

/* Its digits, as four numbers of 64 bits. */
static bool parse_seal(struct text text, uint8_t ret_seal[SEAL_HASH_SIZE]) {
    if (text.length != 2 * SEAL_HASH_SIZE)
        return false;
    for (size_t i = 0; i < SEAL_HASH_SIZE / 8; i++) {
        uint64_t value;
        if (hash_parse_hex((struct text){text.data + i * HASH_DIGITS, HASH_DIGITS}, &value) < 0)
            return false;
        for (size_t byte = 0; byte < 8; byte++)
            ret_seal[8 * i + byte] = (uint8_t)(value >> (56 - 8 * byte));
    }
    return true;
}

int archive_note_parse(struct text text, struct archive_note *ret_note, struct error *ret_error) {
    struct archive_note note = {0};
    struct text rest = text, part;
    if (!take_part(&rest, &part) || !parse_position(part, &note.place.position))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%" TEXT_FORMAT "\" does not begin with a position, a number from 1 on "
                         "(expected POSITION:CHAIN or POSITION:CHAIN:SEAL)",
                         TEXT_ARGS(text));
    if (!take_part(&rest, &part) || hash_parse_hex(part, &note.place.chain) < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "\"%" TEXT_FORMAT "\" has no chain of %d hexadecimal digits after the "
                         "position (expected POSITION:CHAIN or POSITION:CHAIN:SEAL)",
                         TEXT_ARGS(text), HASH_DIGITS);
    note.has_seal = take_part(&rest, &part);
    if (note.has_seal && (!parse_seal(part, note.seal) || rest.data))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%" TEXT_FORMAT
                         "\" has no seal of %d hexadecimal digits after the chain "
                         "(expected POSITION:CHAIN or POSITION:CHAIN:SEAL)",
                         TEXT_ARGS(text), 2 * SEAL_HASH_SIZE);
    *ret_note = note;
    return 0;
}

const char *archive_note_format(const struct archive_note *note, char ret_text[ARCHIVE_NOTE_SIZE]) {
    char chain[HASH_HEX_SIZE], seal[ARCHIVE_SEAL_HEX_SIZE] = "";
    hash_hex(note->place.chain, chain);
    if (note->has_seal)
        archive_seal_format(note->seal, seal);
    snprintf(ret_text, ARCHIVE_NOTE_SIZE, "%" PRIu64 ":%s%s%s", note->place.position, chain,
             note->has_seal ? ":" : "", seal);
    return ret_text;
}

const char *archive_seal_format(const uint8_t seal[SEAL_HASH_SIZE],
                                char ret_hex[ARCHIVE_SEAL_HEX_SIZE]) {
    for (size_t i = 0; i < SEAL_HASH_SIZE; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", seal[i]);
    return ret_hex;
}
