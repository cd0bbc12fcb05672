/* The steps of an explanation, in the order of `steps` at the end of this file. Each fills in its
 * part of struct explaining; the first error ends it. The transaction's record is copied, because
 * it lies in search results that go away. */
#include "explain.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "core/engine/audit.h"
#include "core/engine/explain.h"
#include "core/store/generation/generation_base.h"
#include "core/store/generation/generation_folder.h"
#include "core/store/generation/tally.h"
#include "explain_history.h"
#include "explain_in_force.h"
#include "explain_locate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_BYTES ((size_t)64 << 20) /* limit for the record and its decisions */
#define NOTES_MAX    8

struct explaining {
    const struct explain_options *options;
    struct arena *arena; /* of the explanation */
    struct explain_reading reading;
    struct explain_finds rare;  /* of the first search */
    struct explain_finds later; /* outcomes that the first search has left out */
    uint64_t folded;            /* records read for the histories */
    struct explain_target target;
    struct arena own;     /* the transaction's record, and what is decided */
    struct record record; /* the transaction's */
    struct in_force in_force;
    struct explain_history then, now;
    bool has_then, has_now;
    bool has_forgotten;     /* what a generation of then left out */
    int64_t base_newest_us; /* event time in the tables of a pruned archive's beginning */
    struct text notes[NOTES_MAX];
    struct explanation explanation;
};

static void add_note(struct explaining *explaining, struct text note) {
    if (note.data && explaining->explanation.note_count < NOTES_MAX)
        explaining->notes[explaining->explanation.note_count++] = note;
}

static int too_large(const struct explaining *explaining, struct error *ret_error) {
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "the explanation takes more than %zu bytes of memory",
                     explaining->arena->limit);
}

/* The record decoded again into memory of its own: what it was found in goes. */
static int copy_record(const struct record *record, struct arena *arena, struct record *ret_copy,
                       struct error *ret_error) {
    struct buffer bytes;
    buffer_init(&bytes);
    record_encode(record, &bytes);
    int r = record_decode(record->type, bytes.bytes, bytes.length, arena, ret_copy, ret_error);
    buffer_deinit(&bytes);
    if (r == 0)
        ret_copy->position = record->position;
    return r;
}

/* ---- locate ---- */

static int keep_target(void *user, const struct record *record, struct error *ret_error) {
    struct explaining *explaining = user;
    if (record->position != explaining->target.position)
        return 0;
    return copy_record(record, &explaining->own, &explaining->record, ret_error);
}

static int read_target(struct explaining *explaining, struct error *ret_error) {
    const struct explain_target *target = &explaining->target;
    struct search_range range = {.after = target->position - 1,
                                 .before = target->position + 1,
                                 .texts = &target->id,
                                 .text_count = 1};
    const struct search search = {.ranges = &range, .range_count = 1};
    struct explain_finds finds;
    if (target->position > target->scanned_from)
        return explain_visit_finds(&explaining->reading, &explaining->rare,
                                   1u << RECORD_TRANSACTION, keep_target, explaining, ret_error);
    int r = explain_find(&explaining->reading, &search, &finds, ret_error);
    if (r == 0)
        r = explain_visit_finds(&explaining->reading, &finds, 1u << RECORD_TRANSACTION, keep_target,
                                explaining, ret_error);
    explain_finds_deinit(&finds);
    return r;
}

static int locate(struct explaining *explaining, struct error *ret_error) {
    const struct explain_target *target = &explaining->target;
    int r = explain_locate(&explaining->reading, explaining->arena, &explaining->target,
                           &explaining->rare, ret_error);
    if (r == 0)
        r = read_target(explaining, ret_error);
    if (r < 0)
        return r;
    check(explaining->record.position == target->position);
    if (target->others > 0)
        add_note(explaining,
                 arena_printf(explaining->arena,
                              "the archive holds this id more than once: %" PRIu64
                              " older transaction%s, the last at position %" PRIu64,
                              target->others, target->others == 1 ? "" : "s", target->other));
    return 0;
}

/* ---- in force ---- */

static int find_in_force(struct explaining *explaining, struct error *ret_error) {
    struct in_force *in_force = &explaining->in_force;
    int r = in_force_find(in_force, &explaining->reading, &explaining->rare, &explaining->record,
                          ret_error);
    if (r < 0)
        return r;
    if (in_force->policy_id != in_force->policy->id)
        add_note(explaining,
                 TEXT_LITERAL(
                     "the policy's files in the archive do not match its id: they were changed"));
    if (*in_force->version && strcmp(in_force->version, HARRIER_VERSION) != 0)
        add_note(explaining, arena_printf(explaining->arena,
                                          "it was decided by version %s; this is " HARRIER_VERSION,
                                          in_force->version));
    if (in_force->definition && in_force->definition != ENGINE_DEFINITION)
        add_note(explaining,
                 arena_printf(explaining->arena,
                              "it was decided by engine definition %" PRIu32
                              "; this is %u, which may decide differently: ask that version",
                              in_force->definition, ENGINE_DEFINITION));
    return 0;
}

/* ---- fold ---- */

/* In a pruned archive, a history starts from the tables of its beginning, or, where those have
 * other features, without what was before. */
static int begin_at_base(struct explaining *explaining, struct explain_history *history,
                         struct error *ret_error) {
    const struct archive_begin *begin = archive_parts_begin(explaining->reading.parts);
    struct generation *generation;
    char since[64];
    if (begin->place.position == 0)
        return 0;
    int r = generation_open_base_of(explaining->options->archive, begin, history->plan->plan.id,
                                    false, &generation, ret_error);
    if (r < 0)
        return r;
    explaining->base_newest_us = generation_tally(generation).newest_event_time_us;
    if (generation_manifest(generation)->plan_id == history->plan->plan.id) {
        r = explain_history_begin(history, generation, ret_error);
    } else {
        value_format(value_timestamp(begin->time_us), since, sizeof since);
        add_note(explaining,
                 arena_printf(explaining->arena,
                              "the archive begins after position %" PRIu64
                              " since a prune, and its tables have other features than policy "
                              "%" TEXT_FORMAT ": these count what came after %s",
                              begin->place.position, TEXT_ARGS(history->plan->name), since));
    }
    generation_close(generation);
    return r;
}

/* Starts from the tables that were in use, if they still exist. Without them the archive gives the
 * same states, only later. */
static void begin_with_tables(struct explaining *explaining) {
    const struct generation_record *record = &explaining->in_force.generation;
    struct generation *generation;
    struct error error;
    if (record->position == 0)
        return;
    const char *root = explaining->options->generations;
    char *folder = generation_folder_format(record->position, record->generation_id);
    int r = root ? generation_open(root, folder, false, &generation, &error) : -ERROR_NOT_FOUND;
    free(folder);
    if (r == 0) {
        r = explain_history_begin(&explaining->then, generation, &error);
        generation_close(generation);
    }
    if (r < 0)
        add_note(explaining,
                 archive_parts_begin(explaining->reading.parts)->place.position > 0
                     ? TEXT_LITERAL("the tables it was decided on are gone: the history was folded "
                                    "from where the archive begins")
                     : TEXT_LITERAL("the tables it was decided on are gone: the history was folded "
                                    "from the archive's first record"));
}

/* Called before the first record after the tables' position: a rebuild leaves out idle states, so a
 * fold without the tables must drop them at the same place to give the same states. */
static int forget_idle(struct explaining *explaining, struct error *ret_error) {
    uint64_t place = explaining->in_force.generation.position;
    int64_t newest_us;
    explaining->has_forgotten = true;
    if (explain_history_is_empty(&explaining->then))
        return 0;
    int r = explain_newest_event(&explaining->reading, place, &newest_us, ret_error);
    if (r == 0 && newest_us < explaining->base_newest_us)
        newest_us = explaining->base_newest_us;
    if (r == 0)
        explain_history_forget_idle(&explaining->then, newest_us);
    return r;
}

static int fold_record(void *user, const struct record *record, struct error *ret_error) {
    struct explaining *explaining = user;
    struct explain_history *then = &explaining->then;
    if (record->position >= explaining->target.position)
        return 0;
    if (!explaining->has_forgotten && record->position > explaining->in_force.generation.position) {
        int r = forget_idle(explaining, ret_error);
        if (r < 0)
            return r;
    }
    if (record->position > then->base)
        explain_history_apply(then, record);
    if (explaining->has_now)
        explain_history_apply(&explaining->now, record);
    return 0;
}

/* Folds what is newer than the tables, and for the other policy everything. */
static int fold_records(struct explaining *explaining, struct error *ret_error) {
    const struct explain_history *then = &explaining->then, *now = &explaining->now;
    uint64_t before = explaining->target.position;
    struct search_range ranges[2];
    size_t count = 0;
    ranges[count++] = (struct search_range){.after = then->base,
                                            .before = before,
                                            .texts = then->texts,
                                            .text_count = then->text_count};
    if (explaining->has_now)
        ranges[count++] = (struct search_range){
            .before = before, .texts = now->texts, .text_count = now->text_count};
    const struct search search = {.ranges = ranges, .range_count = count};
    return explain_search(&explaining->reading, &search, record_types_with_entities(), fold_record,
                          explaining, &explaining->folded, ret_error);
}

static int find_later(struct explaining *explaining, struct error *ret_error) {
    const struct explain_target *target = &explaining->target;
    const struct search_range range = {.after = target->position,
                                       .before = target->scanned_from + 1,
                                       .texts = &target->id,
                                       .text_count = 1};
    const struct search search = {.ranges = &range, .range_count = 1};
    if (target->position >= target->scanned_from)
        return 0;
    return explain_find(&explaining->reading, &search, &explaining->later, ret_error);
}

static int fold(struct explaining *explaining, struct error *ret_error) {
    struct explain_history *then = &explaining->then;
    explain_history_init(then, explaining->in_force.plan, &explaining->record);
    explaining->has_then = true;
    begin_with_tables(explaining);
    int r = then->base == 0 ? begin_at_base(explaining, then, ret_error) : 0;
    explaining->has_forgotten = then->base >= explaining->in_force.generation.position;
    if (explaining->options->policy) {
        explain_history_init(&explaining->now, explaining->options->policy, &explaining->record);
        explaining->has_now = true;
        if (r == 0)
            r = begin_at_base(explaining, &explaining->now, ret_error);
    }
    if (r == 0)
        r = fold_records(explaining, ret_error);
    if (r == 0 && !explaining->has_forgotten)
        r = forget_idle(explaining, ret_error);
    return r;
}

/* ---- decide and report ---- */

/* A policy that refuses the transaction is an answer, not an error: the explanation says for which
 * field. */
static int explain_refusal(struct explaining *explaining, const struct snapshot *policy,
                           struct text field, const struct error *refusal,
                           struct explained_policy *ret_policy, struct error *ret_error) {
    struct explained_policy out = {
        .name = arena_text(explaining->arena, policy->name),
        .snapshot_id = policy->id,
        .refusal = arena_text(explaining->arena, text_of(refusal->text)),
        .refused_field = arena_text(explaining->arena, field),
    };
    if (!out.name.data || !out.refusal.data || !out.refused_field.data)
        return too_large(explaining, ret_error);
    *ret_policy = out;
    return 0;
}

/* A decision on these states, with a trace of every rule; its shadow decisions point into `own`. */
static int decide(struct explaining *explaining, struct engine *engine,
                  struct explain_history *history, uint64_t snapshot_id, uint64_t generation_id,
                  struct decision *ret_decision, struct explained_policy *ret_policy,
                  struct error *ret_error) {
    const struct transaction *transaction = &explaining->record.transaction.transaction;
    struct in_force *in_force = &explaining->in_force;
    struct trace *trace;
    struct text field;
    struct error refusal;
    engine_use_thresholds(engine, in_force->thresholds);
    engine_use_lists(engine, in_force->lists);
    engine_use_recorded(engine, &explaining->record.transaction.decision);
    int r = engine_decide(engine, transaction, &history->source, true, &explaining->own,
                          ret_decision, &field, &refusal);
    if (r == -ERROR_INVALID) {
        *ret_decision = (struct decision){0};
        return explain_refusal(explaining, engine_rules(engine), field, &refusal, ret_policy,
                               ret_error);
    }
    if (r < 0) {
        *ret_error = refusal;
        return r;
    }
    ret_decision->position = explaining->target.position;
    ret_decision->snapshot_id = snapshot_id;
    ret_decision->generation_id = generation_id;
    r = trace_new(engine_rules(engine), &trace, ret_error);
    if (r < 0)
        return r;
    r = engine_explain(engine, trace, in_force->thresholds, transaction, ret_decision,
                       explaining->arena, ret_policy, ret_error);
    trace_free(trace);
    return r;
}

static bool explain_shadow(struct explaining *explaining, const struct shadow_decision *in,
                           const struct snapshot *snapshot, struct explained_shadow *out) {
    struct text *rules =
        arena_calloc(explaining->arena, in->rule_count ? in->rule_count : 1, sizeof *rules);
    *out = (struct explained_shadow){.name = arena_text(explaining->arena, snapshot->name),
                                     .snapshot_id = in->snapshot_id,
                                     .verdict = in->verdict,
                                     .score = in->score,
                                     .rules = rules,
                                     .rule_errors = in->rule_errors,
                                     .degraded = in->degraded};
    for (size_t i = 0; i < in->rule_count && rules; i++)
        if (in->rules[i] < snapshot->rule_count)
            rules[out->rule_count++] =
                arena_text(explaining->arena, snapshot->rules[in->rules[i]].name);
    return rules && out->name.data;
}

/* The other arm's policy has decided behind the shadow policies: what the archive has of the
 * decision goes without it. */
static int explain_shadows(struct explaining *explaining, struct decision *derived,
                           struct error *ret_error) {
    const struct in_force *in_force = &explaining->in_force;
    struct explained_policy *then = &explaining->explanation.then;
    struct explained_shadow *out =
        arena_calloc(explaining->arena, derived->shadow_count + 1, sizeof *out);
    bool good = out != NULL;
    if (in_force->other && derived->shadow_count > in_force->shadow_count && good) {
        size_t last = --derived->shadow_count;
        struct explained_shadow *other = &out[then->shadow_count++];
        good = explain_shadow(explaining, &derived->shadows[last], in_force->other, other);
        other->arm = in_force->arm == ARM_CHAMPION ? ARM_CHALLENGER : ARM_CHAMPION;
    }
    for (size_t i = 0; i < derived->shadow_count && i < in_force->shadow_count && good; i++)
        good = explain_shadow(explaining, &derived->shadows[i], in_force->shadows[i],
                              &out[then->shadow_count++]);
    then->shadows = out;
    return good ? 0 : too_large(explaining, ret_error);
}

/* Equal means bit for bit, as an audit compares; a difference is described in words. */
static int compare(struct explaining *explaining, const struct decision *derived,
                   struct error *ret_error) {
    const struct decision *archived = &explaining->record.transaction.decision;
    struct explanation *explanation = &explaining->explanation;
    struct buffer words;
    if (explaining->record.transaction.transaction.erased) {
        explanation->difference =
            TEXT_LITERAL("an erasure has removed values from its record, so that the decision "
                         "cannot be derived again");
        return 0;
    }
    if (explanation->then.refusal.length) {
        explanation->difference = TEXT_LITERAL("the policy in force then refuses the transaction");
        return 0;
    }
    unsigned differences = audit_compare(archived, derived);
    explanation->is_equal = differences == 0;
    buffer_init(&words);
    audit_describe(archived, derived, differences, &words);
    explanation->difference =
        arena_text(explaining->arena,
                   (struct text){.data = (const char *)words.bytes, .length = words.length});
    buffer_deinit(&words);
    return explanation->difference.data ? 0 : too_large(explaining, ret_error);
}

static int decide_then(struct explaining *explaining, struct error *ret_error) {
    struct in_force *in_force = &explaining->in_force;
    struct decision derived;
    struct engine *engine = engine_new(in_force->policy, in_force->plan);
    struct snapshot *beside[ENGINE_SHADOWS_MAX + 1];
    size_t count = in_force->shadow_count;
    memcpy(beside, in_force->shadows, count * sizeof *beside);
    if (in_force->other)
        beside[count++] = in_force->other;
    engine_use_shadows(engine, beside, count);
    if (in_force->arm == ARM_CHALLENGER)
        engine_be_challenger(engine);
    else if (in_force->other)
        engine_shadow_be_challenger(engine, count - 1);
    int r = decide(explaining, engine, &explaining->then, in_force->policy_id,
                   in_force->generation.generation_id, &derived, &explaining->explanation.then,
                   ret_error);
    derived.arm = explaining->explanation.then.decision.arm = in_force->arm;
    if (r == 0)
        r = explain_shadows(explaining, &derived, ret_error);
    if (r == 0)
        r = compare(explaining, &derived, ret_error);
    engine_free(engine);
    return r;
}

static int decide_now(struct explaining *explaining, struct error *ret_error) {
    struct snapshot *policy = explaining->options->policy;
    struct decision derived;
    if (!policy)
        return 0;
    struct engine *engine = engine_new(policy, policy);
    int r = decide(explaining, engine, &explaining->now, policy->id, 0, &derived,
                   &explaining->explanation.now, ret_error);
    engine_free(engine);
    explaining->explanation.has_now = r == 0;
    return r;
}

/* ---- what became known later ---- */

struct later {
    struct explaining *explaining;
    struct explained_outcome *outcomes; /* heap */
    size_t outcome_count;
    struct explained_amendment *amendments; /* heap */
    size_t amendment_count;
};

static int keep_source(struct explaining *explaining, struct text source, struct text *ret_source,
                       struct error *ret_error) {
    *ret_source = arena_text(explaining->arena, source);
    return source.length > 0 && !ret_source->data ? too_large(explaining, ret_error) : 0;
}

static int add_outcome(struct later *later, const struct record *record, struct error *ret_error) {
    const struct outcome_record *in = &record->outcome;
    if (in->transaction_position != later->explaining->target.position)
        return 0;
    later->outcomes =
        check_reallocarray(later->outcomes, later->outcome_count + 1, sizeof *later->outcomes);
    struct explained_outcome *outcome = &later->outcomes[later->outcome_count++];
    *outcome = (struct explained_outcome){.position = record->position,
                                          .receive_time_us = record->receive_time_us,
                                          .known_time_us = in->known_time_us,
                                          .previous = in->previous,
                                          .label = in->label};
    return keep_source(later->explaining, in->source, &outcome->source, ret_error);
}

static int add_amendment(struct later *later, const struct record *record,
                         struct error *ret_error) {
    const struct amendment_record *in = &record->amendment;
    if (in->transaction_position != later->explaining->target.position)
        return 0;
    later->amendments = check_reallocarray(later->amendments, later->amendment_count + 1,
                                           sizeof *later->amendments);
    struct explained_amendment *amendment = &later->amendments[later->amendment_count++];
    *amendment = (struct explained_amendment){.position = record->position,
                                              .receive_time_us = record->receive_time_us,
                                              .known_time_us = in->known_time_us,
                                              .previous = in->previous,
                                              .now = in->now};
    return keep_source(later->explaining, in->source, &amendment->source, ret_error);
}

static int take_later(void *user, const struct record *record, struct error *ret_error) {
    return record->type == RECORD_OUTCOME ? add_outcome(user, record, ret_error)
                                          : add_amendment(user, record, ret_error);
}

static int keep_later(struct later *later, struct error *ret_error) {
    struct explaining *explaining = later->explaining;
    struct explained_outcome *outcomes =
        arena_calloc(explaining->arena, later->outcome_count + 1, sizeof *outcomes);
    struct explained_amendment *amendments =
        arena_calloc(explaining->arena, later->amendment_count + 1, sizeof *amendments);
    if (!outcomes || !amendments)
        return too_large(explaining, ret_error);
    for (size_t i = 0; i < later->outcome_count; i++)
        outcomes[i] = later->outcomes[i];
    for (size_t i = 0; i < later->amendment_count; i++)
        amendments[i] = later->amendments[i];
    explaining->explanation.outcomes = outcomes;
    explaining->explanation.outcome_count = later->outcome_count;
    explaining->explanation.amendments = amendments;
    explaining->explanation.amendment_count = later->amendment_count;
    return 0;
}

/* `later` has those at positions that the first search skipped, `rare` those after that: in this
 * order they are in the order of the archive. */
static int report_later(struct explaining *explaining, struct error *ret_error) {
    const uint64_t types = 1u << RECORD_OUTCOME | 1u << RECORD_AMENDMENT;
    struct later later = {.explaining = explaining};
    int r = find_later(explaining, ret_error);
    if (r == 0)
        r = explain_visit_finds(&explaining->reading, &explaining->later, types, take_later, &later,
                                ret_error);
    if (r == 0)
        r = explain_visit_finds(&explaining->reading, &explaining->rare, types, take_later, &later,
                                ret_error);
    if (r == 0)
        r = keep_later(&later, ret_error);
    free(later.outcomes);
    free(later.amendments);
    return r;
}

/* The transaction and the archived decision, in the explanation's own memory. */
static int keep_record(struct explaining *explaining, struct error *ret_error) {
    struct explanation *explanation = &explaining->explanation;
    struct record kept;
    int r = copy_record(&explaining->record, explaining->arena, &kept, ret_error);
    if (r < 0)
        return r;
    explanation->transaction = kept.transaction.transaction;
    explanation->archived = kept.transaction.decision;
    explanation->archived.position = explaining->target.position;
    explanation->archived.shadows = NULL;
    explanation->archived.shadow_count = 0;
    explanation->receive_time_us = kept.receive_time_us;
    if (kept.transaction.is_backfilled)
        add_note(explaining,
                 TEXT_LITERAL("this is history that came late (harrier backfill): it was "
                              "decided when it was recorded, and nobody acted on it"));
    return 0;
}

static int report(struct explaining *explaining, struct error *ret_error) {
    struct explanation *explanation = &explaining->explanation;
    const struct in_force *in_force = &explaining->in_force;
    int r = keep_record(explaining, ret_error);
    if (r == 0)
        r = report_later(explaining, ret_error);
    if (r < 0)
        return r;
    explanation->position = explaining->target.position;
    explanation->policy_position = in_force->policy_position;
    if (explanation->archived.arm != ARM_NONE || in_force->arm != ARM_NONE)
        explanation->experiment = arena_text(explaining->arena, text_of(in_force->experiment.name));
    explanation->generation_id = in_force->generation.generation_id;
    explanation->generation_position = in_force->generation.position;
    explanation->adopted_position = in_force->adopted_position;
    explanation->base_position = explaining->then.base;
    explanation->records_read = explaining->rare.read + explaining->folded + explaining->later.read;
    explanation->records_applied = explaining->then.applied_records;
    explanation->entities =
        explain_history_entities(&explaining->then, explaining->arena, &explanation->entity_count);
    struct text *notes = arena_calloc(explaining->arena, NOTES_MAX, sizeof *notes);
    if (!explanation->entities || !notes)
        return too_large(explaining, ret_error);
    memcpy(notes, explaining->notes, sizeof explaining->notes);
    explanation->notes = notes;
    return 0;
}

/* ---- the whole ---- */

static int (*const steps[])(struct explaining *explaining, struct error *ret_error) = {
    locate, find_in_force, fold, decide_then, decide_now, report,
};

int explain_transaction(const struct explain_options *options, struct arena *arena,
                        struct explanation *ret_explanation, struct error *ret_error) {
    struct explaining *explaining = check_calloc(1, sizeof *explaining);
    explaining->options = options;
    explaining->base_newest_us = INT64_MIN;
    explaining->arena = arena;
    arena_init(&explaining->own, TARGET_BYTES);
    int r = explain_reading_open(&explaining->reading, options, ret_error);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0; i++)
        r = steps[i](explaining, ret_error);
    if (r == 0)
        *ret_explanation = explaining->explanation;
    if (explaining->has_then)
        explain_history_deinit(&explaining->then);
    if (explaining->has_now)
        explain_history_deinit(&explaining->now);
    in_force_deinit(&explaining->in_force);
    explain_finds_deinit(&explaining->later);
    explain_finds_deinit(&explaining->rare);
    explain_reading_close(&explaining->reading);
    arena_deinit(&explaining->own);
    free(explaining);
    return r;
}
