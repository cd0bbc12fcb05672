/* What a writer of an archive does with an incoming transaction, outcome, amendment or list change,
 * whether a client or a file of history brings it: is it known already, what is decided, what has
 * to be recorded?
 *
 * Nothing here knows a clock: the receive time is an argument. The owner serialises all calls on
 * one archive and its states. Texts in records and decisions point into the caller's input, the
 * arena or the states. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/store/archive/archive.h"
#include "core/wire/types/brake_change.h"
#include "core/wire/types/list_change.h"
#include "fold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has this transaction been archived before, as far back as ids are known (overlay_find_id())? 1:
 * yes, with the same content; *ret_record, in the arena, has its first decision. 0: its id is new;
 * ingest_decide() says whether the rest is valid. ERROR_INVALID: the id is known, but
 * transaction_check() refuses this transaction; *ret_field is the field at fault.
 * ERROR_ID_CONFLICT: the id was used for other content, or for a transaction whose record a prune
 * has dropped. ERROR_DAMAGED, ERROR_SYSTEM: the archive cannot be read. */
int ingest_recognise(const struct states *states, struct archive *archive,
                     const struct transaction *transaction, struct arena *arena,
                     struct known_id *ret_known, struct record *ret_record, struct text *ret_field,
                     struct error *ret_error);

/* The transaction that will be recognised and decided after the next one, so that its memory is
 * prefetched: engine_expect(). NULL: none. */
void ingest_expect(struct states *states, const struct transaction *transaction);
void ingest_forget(struct states *states);

/* engine_decide() on the current states, by the policy of the transaction's arm, with the
 * generation they are based on. Changes nothing that decisions depend on. */
int ingest_decide(struct states *states, const struct transaction *transaction, bool with_features,
                  struct arena *arena, struct decision *ret_decision, struct text *ret_field,
                  struct error *ret_error);

/* Makes the record of an outcome that has passed outcome_check(): with its transaction, the verdict
 * and the previous label, so that it has everything that applying it needs. An outcome without a
 * time became known when it was received. 1: append it; 0: the transaction has this label already,
 * or any and the outcome is unless_labelled, and there is nothing to append. ERROR_NOT_FOUND: no
 * such transaction; *ret_field is set. */
int ingest_resolve(const struct states *states, struct archive *archive,
                   const struct outcome *outcome, int64_t receive_time_us, struct arena *arena,
                   struct record *ret_record, struct text *ret_field, struct error *ret_error);

/* The same for history: only where the transaction has no label. One that a backfill recorded right
 * behind its transaction, and that was withdrawn since, is not set again. */
int ingest_resolve_late(const struct states *states, struct archive *archive,
                        const struct outcome *outcome, int64_t receive_time_us, struct arena *arena,
                        struct record *ret_record, struct text *ret_field, struct error *ret_error);

/* Makes the record of an amendment that has passed amendment_check(), likewise: with the
 * transaction, what its filters read of the decision, and what it was until now. 1: append it; 0:
 * the transaction is this already. ERROR_NOT_FOUND: no such transaction. ERROR_INVALID: it
 * contradicts what is known of it (amendment_apply()). *ret_field is set. */
int ingest_amend(const struct states *states, struct archive *archive,
                 const struct amendment *amendment, int64_t receive_time_us, struct arena *arena,
                 struct record *ret_record, struct text *ret_field, struct error *ret_error);

/* The same for history: only if none of the transaction's amendments became known later, and it is
 * not one of them. So what was reported since stays, and what is sent again in order changes
 * nothing. One without a time counts only where there is none. */
int ingest_amend_late(const struct states *states, struct archive *archive,
                      const struct amendment *amendment, int64_t receive_time_us,
                      struct arena *arena, struct record *ret_record, struct text *ret_field,
                      struct error *ret_error);

/* What a transaction is by now. 1: it was amended; 0: it is as it was scored. *ret_scored: its
 * record, in the arena. ERROR_NOT_FOUND. */
int ingest_find_amended(const struct states *states, struct archive *archive, struct text id,
                        struct arena *arena, struct record *ret_scored, struct amended *ret_amended,
                        struct error *ret_error);
/* For an id that the states do not know: ERROR_NOT_FOUND, which says how far back ids are known
 * where that is not the beginning. */
int ingest_unknown_id(const struct states *states, struct error *ret_error);
/* engine_unknown() of the engines that decide. */
uint64_t ingest_unknown(const struct states *states);

/* What the policy's own list and the additions say about an entry. */
struct list_finding {
    struct text value;               /* in the canonical form of the list; in the arena */
    bool was_there;                  /* added before */
    int64_t previous_expiry_time_us; /* then: its end until now */
    bool in_policy;                  /* the policy's own entries hold all of it now */
};

/* ERROR_NOT_FOUND; the message suggests a list with a similar name. */
int ingest_unknown_list(const struct snapshot *rules, struct text name, struct error *ret_error);

/* Makes the record of a list change that has passed list_change_check(), by the rules that decide.
 * 1: append it; 0: it would change nothing. ERROR_NOT_FOUND: the policy has no such list;
 * *ret_field is set. ERROR_INVALID: the list takes no changes, or not this one. ERROR_TOO_LARGE:
 * the limit of added entries, or of their bytes, is reached. */
int ingest_change_list(const struct states *states, const struct list_change *change,
                       int64_t receive_time_us, struct arena *arena,
                       struct list_finding *ret_finding, struct record *ret_record,
                       struct text *ret_field, struct error *ret_error);

/* Makes the record of a brake that has passed brake_change_check(), for the policy that decides. 1:
 * append it; 0: it would change nothing; *ret_record is filled either way. ERROR_NOT_FOUND: the
 * policy has no such rule; *ret_field is set. */
int ingest_change_brake(const struct states *states, const struct brake_change *change,
                        int64_t receive_time_us, struct record *ret_record, struct text *ret_field,
                        struct error *ret_error);

/* The records that must be in the archive before the next decision, where its last record of that
 * kind says something else: this version of the program, the policy that decides, the tables that
 * it decides on, the experiment. Returns their number; they point into the states. */
#define INGEST_ADOPTIONS_MAX 4
size_t ingest_adoptions(const struct states *states, const struct adopted *last,
                        struct record ret_records[INGEST_ADOPTIONS_MAX]);

/* Appends the record and applies it to the states. It has its receive time, and gets its position.
 */
void ingest_append(struct states *states, struct archive *archive, struct record *record);
