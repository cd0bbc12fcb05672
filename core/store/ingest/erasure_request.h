/* How `harrier erase` asks a running server to append a record, and to begin a segment with it: a
 * file beside the archive's segments.
 *
 *   PATH/erasures/request   the hash of the rest (8 bytes), then an erasure record's payload
 *   PATH/erasures/lock      locked (flock) by the erasure as long as it works
 *
 * The server removes the file and then appends the record; the asker sees the record in the
 * archive. One that is there while the file still is was asked for by another, which was killed,
 * maybe with the same number: what was not synced then could not be seen. The files hold hashes of
 * values, no value. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/record/record.h"

#define ERASURE_FOLDER "erasures"

/* Written whole or not at all. */
int erasure_request_write(const char *archive, const struct erasure_record *erasure,
                          struct error *ret_error);
/* 1: there is none. ERROR_DAMAGED: it is no request. */
int erasure_request_read(const char *archive, struct arena *arena,
                         struct erasure_record *ret_erasure, struct error *ret_error);
/* An error counts as yes. */
bool erasure_request_exists(const char *archive);
void erasure_request_remove(const char *archive);

/* Makes the folder if it is missing. ERROR_EXISTS: another erasure or a prune works on this
 * archive. */
int erasure_lock(const char *archive, int *ret_lock, struct error *ret_error);
/* No erasure begins as long as it is held. ERROR_EXISTS: one is at work. */
int erasure_lock_out(const char *archive, int *ret_lock, struct error *ret_error);
/* Is an erasure at work? */
bool erasure_is_at_work(const char *archive);

/* Has the transaction a value that is being erased? keys may be those of several erasures. */
bool erasure_concerns(const struct erased_key *keys, size_t count,
                      const struct transaction *transaction);
/* The transaction's text of a field, by its name; length 0: it has none. */
struct text erasure_text(const struct transaction *transaction, struct text field);
