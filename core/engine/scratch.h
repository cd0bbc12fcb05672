/* What the engine's files share: the memory of one engine, the layout of a transaction in it, and
 * the policies that judge. The prototypes below are grouped by the file that defines them. Private
 * to engine/. */
#pragma once

#include "engine.h"
#include "score.h"

/* Where a feature of a judging policy takes its value from. */
struct feature_origin {
    size_t slot;    /* in that policy's frame */
    size_t feature; /* index in the plan's entity; SIZE_MAX: warming, absent */
    struct value default_value;
};

/* Those of one entity of the plan. */
struct feature_origins {
    struct feature_origin *origins;
    size_t count;
    /* Their slots are adjacent and in the plan's order, so they are read straight into the frame.
     * unsettled: those that need work afterwards, which are texts and features with defaults. */
    bool are_in_place;
    const struct feature_origin **unsettled;
    size_t unsettled_count;
};

/* What is read of one entity of the plan. */
struct reading {
    struct entity_plan plan; /* the plan's own, with the features' defaults taken off */
    bool is_wanted;          /* does any judge have a feature from it? */
    struct value *place;     /* in the live judge's frame, to be read into; NULL: not in place */
};

/* A transaction as one snapshot sees it. */
struct layout {
    const struct snapshot *snapshot;
    struct bound bound; /* its own: slot_count slots in frame, field_count integers */
};

/* Slots of the fields to bind, and of all other fields; both ascending. */
struct field_set {
    size_t *slots, *rest;
    size_t count, rest_count;
};

/* A field of an entity's key, whose length is checked. */
struct key_field {
    size_t slot, entity;
};

/* The filters of the plan: filters.c. */
struct filters {
    const struct expression **conditions; /* the different ones */
    bool *passed;        /* parallel to them: by the record being looked at, if it is known */
    bool *passed_before; /* as long as there was no verdict */
    uint64_t *unknown;   /* bit i % 64 of [i / 64]: they have to be evaluated */
    /* The values of those that were evaluated for the current record: computed values of the policy
     * may be the same expression. VALUE_MAP, which no condition has: not evaluated. */
    struct value *values;
    size_t count;
    size_t first_following; /* from there on they may change with the verdict */
    const struct prefilter_set *prefilters,
        *following; /* of all conditions; of those from first_following on */
    struct entity_filters {
        uint16_t *numbers; /* of its filters, among the different ones */
        uint64_t *own;     /* bits, as in unknown */
        size_t count;
        bool follows; /* may any of them change with the verdict? */
    } *entities;
    size_t entity_count;
    struct arena sets;
    struct arena texts; /* that they build */
    uint64_t *hashes;   /* of their canonical sources, by which records of erasures name them */
    /* Of the record, if an erasure has rewritten it: what its conditions gave, and its label. */
    const struct erased *erased;
    unsigned label; /* bit of erased_condition.labels */
};

/* A rule whose condition was true. */
struct fired_rule {
    uint32_t rule; /* index in its snapshot */
    bool suppressed;
    int32_t capped;               /* what its group left out of its score */
    enum verdict verdict_if_live; /* of a rule in shadow */
};

/* A policy that judges on what is read for the plan: the one that decides, or a shadow. */
struct judge {
    struct snapshot *snapshot;
    struct layout layout;
    struct field_set fields;      /* that judging looks at */
    struct key_field *key_fields; /* each once */
    size_t key_field_count;
    struct feature_origins *entities; /* parallel to the plan's */
    size_t warming;                   /* features that the plan does not have */
    size_t memory;                    /* bytes that features, values and conditions take at most */
    bool ignores_rollouts;            /* they are for all */
    bool ignores_brakes;              /* none is in force */
    bool is_challenger;               /* those on the champion alone are not */
    const struct list_table *lists;   /* that has the brakes; NULL: there are none */
    uint64_t brake_changes;           /* of the table, as of is_braked */
    bool *is_braked;                  /* [rule]: live by the policy, and in shadow by a brake */
    uint32_t cutoffs[VERDICT_COUNT];  /* in force, as in struct snapshot */
    /* judge_rules(): */
    struct fired_rule *fired; /* room for all rules, and as many as fired */
    size_t fired_count;
    struct rule_failure *failed; /* likewise */
    size_t failed_count;
    struct group_total *groups; /* parallel to the snapshot's */
    /* Parallel to the snapshot's computed values: a filter of the plan that is the same, as the
     * frame is; SIZE_MAX: none. */
    size_t *same_filters;
    double *model_scratch;            /* for the largest of the snapshot's models */
    double **model_rows;              /* [model]: its own, of those with a reference; or the same */
    struct judge_baseline *baselines; /* of the rules that read such thresholds */
    size_t baseline_count;
    /* What is only for a shadow. */
    struct arena arena; /* texts of one decision: the live one must not run short of memory */
    bool is_late; /* a state that was read is past the transaction by more than the lateness */
};

/* A threshold whose groups are in tables: what the frame has of it for one decision. */
struct judge_baseline {
    const struct threshold *threshold;
    struct value before; /* what it has over all groups */
    char key[THRESHOLD_KEY_MAX];
    uint64_t table[THRESHOLD_GROUP_WORDS]; /* threshold_group() */
};

struct judgement {
    enum verdict verdict;
    uint32_t score;
};

/* A column of the plan's entities, of which several may have it. */
struct column_source {
    size_t slot;
    enum column_type type;
    const char *currency; /* only transactions in it have the column; "": all */
};

/* What the transaction in the plan's layout has there. */
struct taken {
    int64_t integer;
    struct text text;
    bool is_there;
};

/* The result of layout_begin(): the entities that a transaction names, their keys and columns. */
struct named {
    /* The entities of the plan that it names, in the plan's order, and those that it does not. */
    struct state_place *spots;
    size_t *unnamed;
    size_t spot_count, unnamed_count;
    char (*keys)[PLAN_KEY_PARTS_MAX * (ENGINE_KEY_PART_MAX + BUFFER_VARINT_MAX)];
    struct taken *taken; /* parallel to the engine's columns */
    uint64_t id_hash;
    const struct state_source *found_in; /* the source in which the spots' states were found … */
    uint64_t found_after;                /* … and its `calls` at that time */
};

/* The transaction after the current one: next_prefetch.c. */
struct next_prefetch {
    const struct transaction *expected;    /* as of engine_expect(); NULL: none */
    const struct transaction *transaction; /* that is laid out here; NULL: none */
    struct bound live, plan;               /* as the judge's and the plan's layout, fields only */
    struct named named;
    unsigned step; /* of fetching what it will touch: as many have been taken */
};

/* What an amendment takes out, while the engine lays out what it puts in. */
struct amending {
    struct state_place *spots; /* room for all entities, as in what follows */
    struct entry *entries;     /* parallel to spots */
    size_t count;
    bool *is_unchanged; /* [entity]: it is given the same as before */
    struct arena texts; /* of spots and entries */
    struct reason *reasons;
    size_t reason_capacity;
};

struct engine {
    struct snapshot *rules, *plan;
    struct judge live; /* of the rules */
    struct judge *shadows;
    size_t shadow_count;
    const struct thresholds *thresholds;     /* NULL: none */
    struct baseline_source *baseline_source; /* NULL: none */
    const struct decision *recorded;         /* has what was found; NULL: use the source */
    struct list_table *lists;                /* NULL: nothing was added */
    struct layout plan_layout;    /* shares the rules' memory when the snapshots are the same */
    struct field_set plan_fields; /* that states are made from */
    struct field_set both_fields; /* and those that the rules look at, where they share a frame */
    /* engine_frame() has still to bind the rest of the transaction that is being decided, or was
     * last. NULL: it is complete. */
    const struct field_set *incomplete;
    struct transaction decided;
    struct reading *readings; /* one per entity of the plan */
    struct named named;       /* by the transaction in the plan's layout */
    struct next_prefetch next_prefetch;
    struct column_source *columns; /* the different ones */
    size_t column_count;
    uint16_t **entity_columns;         /* [entity][column]: its number among them */
    struct filters filters;            /* of the plan */
    int32_t applied[PLAN_FILTERS_MAX]; /* weights: entry has those to read with */
    /* Hashes of texts, [slot]: keys and columns of several entities ask for the same. Of the
     * transaction that layout_begin() has seen last. */
    struct slot_hash {
        uint64_t hash, transaction;
    } *slot_hashes;
    uint64_t transactions; /* that it has seen */
    uint64_t decisions;
    struct engine_warming warming; /* of the live side; in this memory: */
    struct arena warming_arena;
    uint64_t unknown;
    bool omits_texts, omits_hash, omits_check;
    bool omits_ids;                   /* nothing asks for id_hash */
    const struct engine_value *given; /* engine_give() */
    size_t given_count;
    struct value *values; /* room for the features of the largest entity */
    struct state_scratch *state_scratch;
    struct entry *entries; /* one per entity of the plan */
    struct amending amending;
    /* decision.laid_out of the one that engine_decide() made last, as long as the plan's layout,
     * what is named and entries are what it has left; 0: something else was there. */
    uint64_t laid_out;
    struct row_skip
        *row_skip; /* engine_enable_row_skip(); NULL: it is not asked for, or cannot be */
    struct model_rows *model_rows; /* NULL: nothing was prepared yet */
};

/* ---- layouts: layout.c ---- */

/* What the engine needs for laying out. */
void layouts_init(struct engine *engine);
void layouts_deinit(struct engine *engine);

void layout_init(struct layout *layout, const struct snapshot *snapshot);
void layout_deinit(struct layout *layout);

/* Verdict, outcome and the rules that fired as filters see them. reasons NULL: not known yet. */
void layout_set_verdict(struct layout *layout, enum verdict verdict);
void layout_set_outcome(struct layout *layout, enum label label);
void layout_set_fired(struct layout *layout, const struct reason *reasons, size_t count);

/* The transaction as the plan has it, into its layout or elsewhere: nothing that the rules have
 * taken can be wrong there. */
void layout_bind_plan(const struct engine *engine, const struct transaction *transaction,
                      const struct bound *bound);

void named_init(struct named *named, const struct engine *engine);
void named_deinit(struct named *named);

/* Another transaction is bound there, by the plan's schema: its keys into the spots, with their
 * hashes if with_hashes; and what it has in the columns. */
void layout_begin(struct engine *engine, const struct transaction *transaction,
                  const struct bound *bound, bool with_hashes, struct named *named);

/* Finds the states of all entities of the transaction in the plan's layout, which is to be read,
 * and fetches them: into engine->named. Quick where the source has them in memory. */
void layout_find_states(struct engine *engine, int64_t at_us, struct state_source *states);

/* Fills engine->entries for the entities that the transaction names, without weights. */
void layout_entries(struct engine *engine, const struct transaction *transaction,
                    bool is_transaction);

/* Step 1 or 2 of state_prefetch() for all states that were found. */
void layout_fetch_states(const struct engine *engine, const struct named *named, int64_t at_us,
                         int step);

/* ---- the next one, while one is decided: next_prefetch.c ---- */

void next_prefetch_init(struct engine *engine);
void next_prefetch_deinit(struct engine *engine);
/* Lays out the expected transaction, if there is one, beside the current one, which still has to be
 * applied. */
void next_prefetch_begin(struct engine *engine, const struct field_set *fields,
                         struct state_source *states);
/* Runs the next step of prefetching for the transaction that is laid out here. */
void next_prefetch_fetch(struct engine *engine, struct state_source *states);
/* If the transaction was laid out here, moves it to the layouts of the judge and the plan and to
 * engine->named, with the states that were found, and returns true. */
bool next_prefetch_take(struct engine *engine, const struct transaction *transaction,
                        struct state_source *states);

/* ---- which fields: fields.c ---- */

/* The set of fields whose flag in reads[slot_count] is set. Also sets the flags of fields from
 * which derived ones are computed. */
void field_set_init(struct field_set *set, const struct schema *schema, bool *reads,
                    size_t slot_count);
void field_set_deinit(struct field_set *set);
/* Sets reads[slot] of all that the rules read, and of fields that may refuse a transaction. */
void fields_of_rules(const struct snapshot *snapshot, bool *reads);
/* Sets reads[slot] of all that keys, columns and filters are made from. */
void fields_of_plan(const struct snapshot *snapshot, bool *reads);

/* ---- filters of the plan: filters.c ---- */

void filters_init(struct filters *filters, const struct snapshot *plan);
void filters_deinit(struct filters *filters);
/* The next record, and its label as far as it is known: conditions that read what an erasure has
 * removed from it are as the record says. Before filters_ask(). */
void filters_begin(struct filters *filters, const struct transaction *transaction, unsigned label);
/* Does the record say what this filter of an entity gave, for this label? *ret_passes is that. */
bool filters_recorded(const struct filters *filters, size_t entity, size_t filter, enum label label,
                      bool *ret_passes);
/* Evaluates all conditions for a new record, which is in the plan's frame without a verdict. */
void filters_ask(struct filters *filters, const struct value *frame);
/* filters_keep() saves the current answers; filters_ask_again() evaluates the conditions that
 * depend on the verdict again, once the frame has it. */
void filters_keep(struct filters *filters, const struct value *frame);
void filters_ask_again(struct filters *filters, const struct value *frame);
/* Sets the weights of the entries of these entities; following: only for entities with a filter
 * that depends on the verdict. */
void filters_weigh(struct filters *filters, const struct state_place *spots, size_t count,
                   bool following, const struct value *frame, struct entry *entries);
/* The weights of one entity as of filters_keep(). */
void filters_weigh_kept(const struct filters *filters, size_t entity, int32_t *ret_weights);
/* The current weights of one entity that filters_weigh() has covered. */
void filters_weigh_again(const struct filters *filters, size_t entity, int32_t *ret_weights);

/* ---- the entries of a record: entity_entries.c ---- */

/* The transaction is in the plan's layout, and engine->named says what it names; it is to be read
 * for: there is no verdict yet. Fills the entries to read with. */
void entity_entries_begin(struct engine *engine, const struct transaction *transaction);

/* What entity_entries_record() is to produce. */
struct entries_request {
    struct entity_entries_sink *sink;
    bool reads;        /* entry has the weights to read with; without: those to apply it with */
    bool ignores_hash; /* take() is given 0 for key_hash */
};
void entity_entries_record(struct engine *engine, const struct record *record,
                           const struct entries_request *request);
/* Is the record the transaction that engine_decide() laid out last, with nothing laid out since? */
bool entity_entries_are_laid_out(const struct engine *engine, const struct record *record);
/* Updates the entries of that transaction for its verdict, reusing keys, hashes and columns. They
 * are those of engine->named.spots. */
void entity_entries_laid_out(struct engine *engine, const struct record *record);

/* ---- features without history: warming.c ---- */

/* After the live judge is initialised. */
void warming_init(struct engine *engine);
void warming_deinit(struct engine *engine);

/* ---- how a policy fits the plan: fit.c ---- */

/* Takes a reference. */
void judge_init(struct judge *judge, struct snapshot *snapshot, const struct snapshot *plan);
void judge_deinit(struct judge *judge, const struct snapshot *plan);

void judge_use_thresholds(struct judge *judge, const struct thresholds *thresholds);
void judge_use_lists(struct judge *judge, struct list_table *lists);
/* reads: slots of fields that the judge has in its frame. */
void judge_init_baselines(struct judge *judge, const bool *reads);
/* Most bytes that they take in a decision. */
size_t baselines_memory(const struct engine *engine);
/* Looks up the groups of the transaction that is bound, for the live judge and the shadows, and
 * puts what is found into the frame. Before the rules run; for a shadow, once its fields are bound.
 */
void baselines_begin(struct engine *engine, struct arena *arena, struct decision *decision);
void baselines_find(struct engine *engine, struct judge *judge, struct decision *decision);
/* Looks up the brakes in force. */
void judge_find_brakes(struct judge *judge);
/* The same if any has changed. Before the rules run. */
void judge_follow_brakes(struct judge *judge);
/* The mode in which a rule runs: as the policy has it, or in shadow by a brake. */
static inline enum rule_mode judge_mode(const struct judge *judge, uint32_t rule) {
    return judge->is_braked[rule] ? RULE_SHADOW : judge->snapshot->rules[rule].mode;
}

/* Before the first entity: all features absent. */
void judge_clear_features(struct judge *judge);
/* What was read of one entity of the plan (its features' values, in the plan's order) into the
 * judge's frame. Texts are copied into the arena: states move when they change. */
void judge_take_features(struct judge *judge, size_t entity, const struct value *values,
                         struct arena *arena);
/* The same after they were read into the frame: from judge_feature_place() on. */
void judge_settle_features(struct judge *judge, size_t entity, struct arena *arena);
struct value *judge_feature_place(const struct judge *judge, size_t entity);
/* Makes the features of one entity absent. */
void judge_clear_entity(struct judge *judge, size_t entity);
/* The plan's layout is the judge's. */
void judge_share_filters(struct judge *judge, const struct filters *filters);
/* Once all are there. filters: they were asked about this transaction, in the judge's layout; NULL:
 * they were not. */
void judge_compute_values(struct judge *judge, const struct filters *filters, struct arena *arena);

/* After the values, which models may read. */
void judge_evaluate_models(struct judge *judge, struct arena *arena);

/* ---- transactions that wait for their models: model_rows.c ---- */

/* Puts a row's frame in the place of the live judge's, and returns the memory for its texts, which
 * have `memory` bytes at most. Begins anew as engine_prepare() says. */
struct arena *model_rows_enter(struct engine *engine, size_t row, size_t memory);
/* Puts the judge's own frame back. Before anything else is laid out. */
void model_rows_leave(struct engine *engine);
/* The same, and what frames have of the policy is to be copied from there again. */
void model_rows_forget(struct engine *engine);
/* The row that was entered has all that its models read. */
void model_rows_keep(struct engine *engine, size_t row, const struct decision *decision);
/* Puts the frame of a row that was kept in the judge's place, with what models give. Evaluates them
 * for all rows if that has not been done. The decision is as it was kept. */
struct decision model_rows_take(struct engine *engine, size_t row);
void model_rows_free(struct engine *engine);

/* ---- what models say: model_reasons.c ---- */

/* The sentences of each model that a rule that fired explains; empty for the others. Each model's
 * are joined by "; " and live in the arena. */
void model_reasons_write(const struct engine *engine, enum verdict verdict, struct arena *arena,
                         struct text *ret_texts);

/* The fields of the transaction that are in the set, with all that its schema demands;
 * judge->fields are in it. bound: the judge's own, or another one for its fields. */
int judge_bind(const struct judge *judge, const struct transaction *transaction,
               const struct field_set *fields, const struct bound *bound, struct text *ret_field,
               struct error *ret_error);

/* ---- running the rules: judge.c ---- */

/* Fills judge->fired and judge->failed. */
struct judgement judge_rules(struct judge *judge, int64_t event_time_us, struct arena *arena);
/* The result when no condition is true and none fails. */
struct judgement judge_nothing(struct judge *judge);
/* engine_rule_would_count() */
bool judge_allows(const struct judge *judge, uint32_t index, int64_t event_time_us);

/* ---- transactions for which no rule fires: row_skip.c ---- */

void row_skip_free(struct row_skip *row_skip); /* NULL is allowed */
void engine_disable_row_skip(struct engine *engine);

/* ---- shadow policies: shadow.c ---- */

/* Before anything is read. */
void shadows_begin(struct engine *engine);
/* The features have been read. A failure affects only the shadow's own decision. */
void shadows_judge(struct engine *engine, const struct transaction *transaction,
                   struct arena *arena, struct decision *decision);
