/* What a writer of an archive does with a transaction or an outcome that comes in, whoever brings
 * it: a server's client or a file of history. Is it known already? What is decided? What has to be
 * recorded?
 *
 * Nothing of this knows a clock: when something was received is an argument. The owner serialises
 * all calls on one archive and its states. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/store/archive/archive.h"
#include "core/wire/types/list_change.h"
#include "fold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has this transaction been archived before? 1: it has; *ret_record, in the arena, has its first
 * decision. 0: its id is new, and whether the rest of it is good, ingest_decide() says.
 * ERROR_INVALID: the id is known and transaction_check() refuses it, *ret_field is the field at
 * fault. ERROR_ID_CONFLICT: its id is another transaction's. ERROR_DAMAGED, ERROR_SYSTEM: the
 * archive cannot be read. */
int ingest_recognise(const struct states *states, struct archive *archive,
                     const struct transaction *transaction, struct arena *arena,
                     struct known_id *ret_known, struct record *ret_record, struct text *ret_field,
                     struct error *ret_error);

/* The transaction that will be recognised and decided behind the next one: engine_expect(). */
void ingest_expect(const struct states *states, const struct transaction *transaction);
void ingest_forget(const struct states *states);

/* engine_decide() on the states as they are, with the generation they stand on. Changes nothing. */
int ingest_decide(const struct states *states, const struct transaction *transaction,
                  bool with_features, struct arena *arena, struct decision *ret_decision,
                  struct text *ret_field, struct error *ret_error);

/* The record of an outcome that has passed outcome_check(): with its transaction, the verdict, and
 * the label it had, so that it carries all that applying it needs. What says no time became known
 * when it was received. 1: to be appended; 0: the label is the one that the transaction has, and
 * there is nothing to append. ERROR_NOT_FOUND: no such transaction, *ret_field says so. */
int ingest_resolve(const struct states *states, struct archive *archive,
                   const struct outcome *outcome, int64_t receive_time_us, struct arena *arena,
                   struct record *ret_record, struct text *ret_field, struct error *ret_error);

/* What of the policy's own list, and of what was added to it, an entry meets. */
struct list_finding {
    struct text value;               /* in the one way of writing that the list has; in the arena */
    bool was_there;                  /* added before */
    int64_t previous_expiry_time_us; /* then: its end until now */
    bool in_policy;                  /* the policy's own entries hold all of it now */
};

/* ERROR_NOT_FOUND, with a list whose name is near. */
int ingest_unknown_list(const struct snapshot *rules, struct text name, struct error *ret_error);

/* The record of a change of a list that has passed list_change_check(), by the rules that decide.
 * 1: to be appended; 0: it would change nothing. ERROR_NOT_FOUND: the policy has no such list,
 * *ret_field says so. ERROR_INVALID: it takes no changes, or not this one. ERROR_TOO_LARGE: as many
 * entries were added as may be, or as large ones. */
int ingest_change_list(const struct states *states, const struct list_change *change,
                       int64_t receive_time_us, struct arena *arena,
                       struct list_finding *ret_finding, struct record *ret_record,
                       struct text *ret_field, struct error *ret_error);

/* What the archive must say before the next decision, where its last record of that kind says
 * otherwise: this version of the program, the policy that decides, the tables that it decides on.
 * Returns how many records; they point into the states. */
#define INGEST_ADOPTIONS_MAX 3
size_t ingest_adoptions(const struct states *states, const struct adopted *last,
                        struct record ret_records[INGEST_ADOPTIONS_MAX]);

/* Appends and applies. The record has its receive time; it gets its position. */
void ingest_append(struct states *states, struct archive *archive, struct record *record);
