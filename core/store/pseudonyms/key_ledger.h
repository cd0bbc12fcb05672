/* Which keys an archive's pseudonyms were made with: ARCHIVE/pseudonym_keys has a line for each,
 * its id and a fingerprint that says nothing else about it. A file of keys in which another key has
 * the id of one of them is refused: everything that was known of a card would be lost without a
 * word. So is one that has none of them. */
#pragma once

#include "core/base/buffer.h"
#include "pseudonym_keys.h"

#define KEY_LEDGER_NAME "pseudonym_keys"

/* Compares, and adds the keys that are new. The archive's folder is created if it is missing.
 * ERROR_INVALID: these are not the archive's keys. ERROR_DAMAGED, ERROR_SYSTEM. */
int key_ledger_check(const char *archive, const struct pseudonym_keys *keys,
                     struct error *ret_error);
/* The ids, with blanks between, of keys that were used here and are not among these. False: there
 * are none. */
bool key_ledger_missing(const char *archive, const struct pseudonym_keys *keys,
                        struct buffer *ret_ids);
/* Has any pseudonym key been used here? */
bool key_ledger_exists(const char *archive);
