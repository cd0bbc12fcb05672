/* The two operations everything else is built from:
 *
 *   decide(transaction, states) → decision       pure: nothing changes
 *   apply(record, states)       → states         the fold of invariant 1
 *
 * The server, the nightly job, replay and every test use these and no other implementation.
 *
 * Two snapshots take part. `rules` decides. `plan` is the one whose features the states are folded
 * with: the one the adopted generation was built with, or before the first generation the first the
 * archive knows. They are mostly the same. Where they differ, a feature of `rules` takes its value
 * from the feature of `plan` with the same definition, and is absent when there is none. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/feature/state/state.h"
#include "core/policy/lists/list_table.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

/* Changes whenever the same transaction, states, policy and tables can give another decision
 * (verdict, score, reasons, hash of the features) than before: a function of the expression
 * language that rounds otherwise, an aggregate that is defined anew, another order of rules. What
 * is new and what older policies cannot ask for changes nothing. It is written into the archive
 * with the version of the program, and an audit leaves out the decisions of other definitions
 * (batch/replay). */
#define ENGINE_DEFINITION 1u

/* Where the state of one entity is. */
struct state_place {
    size_t entity;
    struct text key;
    uint64_t key_hash;
    struct state *state; /* found; NULL: not in memory */
};

/* Where the engine finds the states of entities: embedded in the overlay, in a rebuild's table, in
 * a test's hash map. `entity` counts in the plan's order; key_hash = hash_text(key). */
struct state_source {
    /* The encoded state, length 0 when the entity has none; valid until the next read() or
     * write(). For what is in tables, and for what is seldom asked: a state in memory is encoded
     * for it. */
    struct text (*read)(struct state_source *self, size_t entity, struct text key,
                        uint64_t key_hash);
    /* The state to change, made empty or copied from the table when it is not in memory yet; valid
     * until the next write(). The key is copied. */
    struct state *(*write)(struct state_source *self, size_t entity, struct text key,
                           uint64_t key_hash);
    /* Optional functions that make it faster; NULL: not provided.
     *
     * find: of all these entities, which are one transaction's, the states that are held in memory,
     * valid until the next write(), and beyond it where there is rewrite(); NULL where read() has
     * to look further. Brings what it touches into the processor's cache, and the states. */
    void (*find)(struct state_source *self, struct state_place *places, size_t count);
    /* Brings into the processor's cache what find() will touch: in step 0 what leads to the states,
     * in step 1 that they lead to. NULL: there is nothing to gain. */
    void (*fetch)(struct state_source *self, const struct state_place *places, size_t count,
                  int step);
    /* write() of a state that find() gave: it need not be looked for. Such states stay where they
     * are while others are written. NULL: there is nothing to gain. */
    struct state *(*rewrite)(struct state_source *self, size_t entity, struct state *state,
                             uint64_t key_hash);
    /* Calls of write() so far, counted by sources with rewrite(): the engine sees whether anyone
     * else has written since it found states. */
    uint64_t calls;
};

struct engine; /* scratch memory and how the two snapshots fit together; one thread at a time */

/* Takes references of both. */
struct engine *engine_new(struct snapshot *rules, struct snapshot *plan);
void engine_free(struct engine *engine);

/* What the adopted generation computed: thresholds and cut-offs that were declared as the rules
 * declare them take its values, all others have their own fallback or cut-off. NULL: none. It must
 * outlive the engine or the next call. */
void engine_use_thresholds(struct engine *engine, const struct thresholds *thresholds);
/* Where the engine finds the value of one group of a threshold whose groups are in tables. */
struct baseline_source {
    /* key: threshold_key(). false: there is none. */
    bool (*find)(struct baseline_source *self, uint64_t definition, struct text key,
                 double *ret_value);
};
/* NULL: nowhere. Such a threshold has the value over all groups then. The source must outlive the
 * engine or the next call. What is found goes into decision.baselines. */
void engine_use_baselines(struct engine *engine, struct baseline_source *source);
/* For deriving again: what an archived decision has found, for the same transaction, instead of a
 * source. The decision must outlive the next one that is made. */
void engine_use_recorded(struct engine *engine, const struct decision *archived);
/* What was added to the policies' lists and the brakes in force, now and by all changes that the
 * table will see. NULL: nothing. It must outlive the engine or the next call. */
void engine_use_lists(struct engine *engine, struct list_table *lists);
/* Is this rule, which its policy has live, in shadow by a brake? As of the last decision. */
bool engine_is_braked(const struct engine *engine, size_t rule);
/* From here on the rules, or this shadow's, decide as the challenger of an experiment: brakes that
 * the champion's decisions have pulled are not theirs, and the other way round. */
void engine_be_challenger(struct engine *engine);
void engine_shadow_be_challenger(struct engine *engine, size_t shadow);
/* From here on no brake is in force for the rules; shadows have theirs. */
void engine_ignore_brakes(struct engine *engine);
/* No score gives a verdict: what the rules alone ask for. For finding cut-offs; until the next
 * engine_use_thresholds(). */
void engine_ignore_cutoffs(struct engine *engine);
/* The smallest score that gives the verdict now; 0: none does. */
uint32_t engine_cutoff(const struct engine *engine, enum verdict verdict);

/* Policies that judge every transaction beside the rules, on the same features read for the same
 * plan: what each would have decided is in decision.shadows, in this order, and nothing else
 * changes by it. Takes references; replaces those before. */
#define ENGINE_SHADOWS_MAX 8
void engine_use_shadows(struct engine *engine, struct snapshot *const *shadows, size_t count);
/* Features of a shadow that have no counterpart in `plan`: it has to do without them. */
size_t engine_shadow_warming(const struct engine *engine, size_t shadow);

const struct snapshot *engine_rules(const struct engine *engine);
/* Features of `rules` that have no counterpart in `plan`: absent until a rebuild. */
size_t engine_warming(const struct engine *engine);
/* The same by name, and the rules that read them or have them as their `suppress`. Lives as long as
 * the engine. */
struct engine_warming {
    const struct text *features, *rules; /* in the policy's order */
    size_t feature_count, rule_count;
    struct text reason; /* as decisions report it */
};
const struct engine_warming *engine_warming_names(const struct engine *engine);
/* How many features engine_decide() has left absent since engine_new() because a state does not
 * keep enough different values to compute them. */
uint64_t engine_unknown(const struct engine *engine);

/* For trials: from here on these features have these values, whatever the states say. The array
 * must outlive the engine or the next call; count 0: none. */
struct engine_value {
    size_t slot; /* of a feature of the rules */
    struct value value;
};
void engine_give(struct engine *engine, const struct engine_value *values, size_t count);

/* For trials, too: from here on every rollout is for all. */
void engine_ignore_rollouts(struct engine *engine);

/* Fills ret_decision but for position, generation_id, duplicate, dry_run and server_us. Everything
 * in it lives in the arena, the rules snapshot or (its id) the transaction. with_features: also
 * fill features. Checks the transaction (transaction_check(), unless engine_omit_check(); schema);
 * on ERROR_INVALID *ret_field is the invalid field. */
int engine_decide(struct engine *engine, const struct transaction *transaction,
                  struct state_source *states, bool with_features, struct arena *arena,
                  struct decision *ret_decision, struct text *ret_field, struct error *ret_error);

/* Announces the transaction that will be decided after the next one (NULL: unknown): while the next
 * one is decided and applied, this one is laid out and its memory prefetched. Decisions do not
 * depend on it. Its memory must stay unchanged until it has been decided, or until engine_forget().
 */
void engine_expect(struct engine *engine, const struct transaction *transaction);
void engine_forget(struct engine *engine);

/* The values of the rules' fields, features and so on for the transaction that engine_decide()
 * decided last, whose memory must still be there: slot_count of them, for expression_eval(). To be
 * read before the engine applies another record or computes its entries: they share the frame. */
const struct value *engine_frame(struct engine *engine);

/* Adds what the rules' models were given for the transaction decided last to these counts
 * (model_drift.h): model_drift_size() of all models. Of a model whose inputs failed nothing is
 * added. After a decision, until the next one: applying its record in between does no harm. */
void engine_count_models(const struct engine *engine, uint64_t *counts);

/* ---- the steps of deciding and applying ----
 *
 * engine_decide() and engine_apply() consist of them. A replay of many records runs each step for
 * many records at once, in several threads, each with an engine of its own:
 *
 *   entries   key and entry of each entity of a record. Reads the record alone
 *   read      the features of one entity, from its state and the entry; then the entry is applied
 *   judge     the decision, from the transaction and what was read. Reads no state
 *
 * The first two depend on the plan only: any engine with this plan will do. */

/* One entity of a record. Everything in it is valid during the call of take(). */
struct entity_entries {
    size_t entity;
    struct text key;
    uint64_t key_hash;
    const struct entry *entry; /* of a transaction: to read with, before there is a verdict */
    const int32_t *applied;    /* weights to apply it with; all else is as in entry */
};
struct entity_entries_sink {
    void (*take)(struct entity_entries_sink *self, const struct entity_entries *entries);
};
/* Hands over the entities of one record, in the plan's order: what engine_decide() reads with and
 * engine_apply() applies. */
void engine_entity_entries(struct engine *engine, const struct record *record,
                           struct entity_entries_sink *sink);

/* The values of all features of one entity of the plan, in the plan's order and without defaults,
 * as engine_decide() reads them. state NULL: the entity has none. 1: so late that values may miss
 * something. Texts: state_evaluate(). */
int engine_read(struct engine *engine, size_t entity, struct state *state,
                const struct entry *entry, struct value *ret_values);

/* What engine_read() gave for one entity. */
struct entity_reading {
    const struct value *values; /* NULL: the transaction names no such entity */
    bool is_late;
};
/* engine_decide() once everything is read: one reading for each entity of the plan. */
int engine_judge(struct engine *engine, const struct transaction *transaction,
                 const struct entity_reading *readings, bool with_features, struct arena *arena,
                 struct decision *ret_decision, struct text *ret_field, struct error *ret_error);

/* ---- many transactions at once ----
 *
 * For callers that only want verdict and score. Most transactions fire no rule, and if all rules
 * read features alone, that is found for many transactions together without laying any of them out.
 */

/* Returns whether the rules allow it. Call it again after anything that changes how they judge, and
 * only after engine_omit_hash() and engine_omit_check(). */
bool engine_enable_row_skip(struct engine *engine);
/* Each row has the values of all features of the plan, entity by entity, as engine_read() gave
 * them; row i's begin at values[i × stride]. Bit i: row i needs engine_judge(). */
#define ENGINE_ROWS_MAX 64
uint64_t engine_rows_to_decide(const struct engine *engine, const struct value *values,
                               size_t stride, size_t rows);
/* After engine_enable_row_skip(): does the rules' schema surely accept it? */
bool engine_surely_takes(const struct engine *engine, const struct transaction *transaction);
/* Verdict and score that engine_judge() would give to accepted transactions whose entities were all
 * read, none of them late, and whose bit in engine_rows_to_decide() is 0. */
enum verdict engine_decide_skipped(struct engine *engine, uint32_t *ret_score);

/* ---- models of many transactions at once ----
 *
 * For callers that have what was read for many transactions before they need the first decision:
 * models take less time for many. Each is prepared, then each is judged; every decision is the one
 * that engine_judge() would make, bit for bit. Between the first and the last of them nothing may
 * change how the rules judge, and nothing else may be judged but what is not prepared. */

/* Is it worth it? Only with models that gain by it, and without shadow policies and given values.
 */
bool engine_prepares(const struct engine *engine);
/* row: below ENGINE_ROWS_MAX and ascending. The first one after a row was judged begins anew, and
 * so does one that is not above the last. The transaction must stay unchanged until it is judged;
 * the readings need not. false: the rules refuse it, and engine_judge() says why. */
bool engine_prepare(struct engine *engine, size_t row, const struct transaction *transaction,
                    const struct entity_reading *readings);
/* The decision about a row that is prepared. In the arena, but for texts, which live until the next
 * row is prepared. */
int engine_judge_prepared(struct engine *engine, size_t row, const struct transaction *transaction,
                          bool with_features, struct arena *arena, struct decision *ret_decision,
                          struct error *ret_error);

/* For callers that keep states and apply entries themselves: from here on the states passed to
 * engine_read() have no hashes of ids, if the plan does not need them. Do not use engine_apply()
 * with such states; pass engine_entity_plan() to state_apply(). */
void engine_omit_ids(struct engine *engine);
/* How the states that engine_read() is given are laid out; lives as long as the engine. */
const struct entity_plan *engine_entity_plan(const struct engine *engine, size_t entity);

/* For judging many transactions: from here on decisions have no feature_hash, which only
 * comparisons with archived decisions need; reasons have no text. */
void engine_omit_hash(struct engine *engine);
/* Transactions have passed transaction_check() already: they come from an archive. */
void engine_omit_check(struct engine *engine);
void engine_omit_texts(struct engine *engine);
/* The reasons again, with texts: of the transaction decided last, whose memory must still be there,
 * in the arena. */
int engine_reasons(const struct engine *engine, struct arena *arena, struct decision *decision,
                   struct error *ret_error);
/* Rules whose condition was true for the transaction decided last, rising: ret_rules has room for
 * all of the policy. Those that are suppressed or in shadow, too. */
size_t engine_fired(const struct engine *engine, uint32_t *ret_rules);
/* Would this rule have an effect on that transaction if its condition were true? Its mode, period,
 * rollout and suppression decide. After engine_frame(). */
bool engine_rule_would_count(const struct engine *engine, uint32_t rule, int64_t event_time_us);

/* Receives the entries of records. key and entry are valid during the call. */
struct entry_sink {
    bool ignores_hash; /* take() is given 0 for key_hash */
    void (*take)(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                 const struct entry *entry);
};

/* Hands over the entries of one record, at most one for each entity of the plan, in the plan's
 * order. Applying them with state_apply() is what engine_apply() does; a rebuild collects them
 * first and applies many at once. */
void engine_entries(struct engine *engine, const struct record *record, struct entry_sink *sink);

/* Applies one record to the states: transactions and outcomes; other types change no entity. The
 * record comes from the archive or is about to go there, so it is not refused: fields that do not
 * fit the plan's schema are absent.
 *
 * When the record has the decision that engine_decide() of this engine made last, of the same
 * transaction in the same memory, its keys, hashes and entries are reused. The resulting states are
 * the same. */
void engine_apply(struct engine *engine, const struct record *record, struct state_source *states);

/* Most bytes of one field of an entity's key: three of them with their lengths fit the tables. A
 * transaction with a longer one is refused by engine_decide(); one whose derived field is longer
 * does not touch the entity. */
#define ENGINE_KEY_PART_MAX 128

/* The bytes an entity is stored under, from one text per key field (the plan's order). A single
 * field is its own key; several are each preceded by their length as a varint. .data NULL when a
 * part is missing or the number of parts is wrong. */
struct text engine_key(const struct engine *engine, size_t entity, const struct text *parts,
                       size_t part_count, struct arena *arena);

/* Features of one entity as a transaction at at_us would see them, without itself; in the order of
 * the rules snapshot. Values live in the arena. Returns their number. */
size_t engine_entity_features(struct engine *engine, size_t entity, struct text state,
                              int64_t at_us, struct arena *arena,
                              const struct named_value **ret_features);
