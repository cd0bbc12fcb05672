/* The counterfactual replay: each transaction is decided and then applied with the verdict and the
 * rules of that decision, not with the archived ones; so is its outcome later. Every decision
 * influences the features of the next, so records are processed one by one in one thread.
 *
 * A second policy is applied with its own verdicts, to states of its own. A transaction that a
 * policy refuses is applied without a verdict, since what would have happened is unknown. */
#include "replay_sequence.h"

#include "replay_count.h"
#include "replay_decide.h"
#include "replay_emit.h"
#include "replay_job.h"
#include "replay_read.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One policy's run through the archive. */
struct policy_run {
    const struct replay_decider *decider;
    struct replay_states *states;
    struct buffer *verdicts; /* by position, one byte each */
    struct buffer *fired;    /* struct kept_fired, by position: of those that any rule fired for */
    struct arena *arena;
    bool with_features;
};

/* For which of the plan's filters on fired() a transaction was applied: for its amendments. */
struct kept_fired {
    uint64_t position, rules; /* bit i: the plan's fired_rules[i] */
};
#define FIRED_RULES_MAX 64

struct sequence {
    struct replay_output *output;
    struct policy_run replayed, against; /* against.states NULL: there is none */
    struct buffer against_verdicts, fired, against_fired, prepared;
};

/* ---- verdicts ---- */

static void keep_verdict(struct buffer *verdicts, uint64_t position, enum verdict verdict) {
    if (position >= verdicts->length) {
        size_t more = (size_t)position + 1 - verdicts->length;
        memset(buffer_reserve(verdicts, more), VERDICT_NONE, more);
        verdicts->length += more;
    }
    verdicts->bytes[position] = (uint8_t)verdict;
}

static enum verdict verdict_at(const struct buffer *verdicts, uint64_t position) {
    return position < verdicts->length ? (enum verdict)verdicts->bytes[position] : VERDICT_NONE;
}

/* ---- rules that fired ---- */

static void keep_fired(const struct policy_run *policy, uint64_t position,
                       const struct decision *decision) {
    const struct snapshot *plan = policy->states->plan;
    struct kept_fired kept = {.position = position};
    for (size_t i = 0; i < plan->fired_count && i < FIRED_RULES_MAX; i++)
        for (size_t j = 0; j < decision->reason_count; j++) {
            const struct reason *reason = &decision->reasons[j];
            if (!reason->shadow && !reason->suppressed &&
                text_equal(reason->rule, plan->fired_rules[i]))
                kept.rules |= UINT64_C(1) << i;
        }
    if (kept.rules)
        buffer_append(policy->fired, &kept, sizeof kept);
}

static uint64_t fired_at(const struct buffer *fired, uint64_t position) {
    const struct kept_fired *all = (const void *)fired->bytes;
    size_t low = 0, high = fired->length / sizeof *all;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < fired->length / sizeof *all && all[low].position == position;
    return is_found ? all[low].rules : 0;
}

/* ---- one record ---- */

/* decision: NULL if the policy refused it. */
static void apply_transaction(const struct policy_run *policy, const struct record *record,
                              const struct decision *decision) {
    static const struct decision none = {.verdict = VERDICT_NONE};
    struct record followed = *record;
    followed.transaction.decision = decision ? *decision : none;
    keep_verdict(policy->verdicts, record->position, followed.transaction.decision.verdict);
    keep_fired(policy, record->position, &followed.transaction.decision);
    engine_apply(policy->states->engines[0], &followed, &policy->states->source);
}

/* Takes back or confirms what the transaction was applied with: this policy's verdict, or the
 * archived one if the transaction is contained in the tables that the replay started from. */
static void apply_outcome(const struct policy_run *policy, const struct record *record,
                          uint64_t tables_position) {
    struct record followed = *record;
    uint64_t position = record->outcome.transaction_position;
    if (position > tables_position)
        followed.outcome.verdict = verdict_at(policy->verdicts, position);
    engine_apply(policy->states->engines[0], &followed, &policy->states->source);
}

/* Likewise, with the rules that fired for it under this policy. */
static int apply_amendment(const struct policy_run *policy, const struct record *record,
                           uint64_t tables_position, struct error *ret_error) {
    struct record followed = *record;
    uint64_t position = record->amendment.transaction_position;
    const struct snapshot *plan = policy->states->plan;
    struct text fired[FIRED_RULES_MAX];
    if (plan->fired_count > FIRED_RULES_MAX)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "features of policy %" TEXT_FORMAT " filter on %zu rules with fired(); a "
                         "counterfactual replay of an archive with amendments takes at most %d",
                         TEXT_ARGS(plan->name), plan->fired_count, FIRED_RULES_MAX);
    if (position > tables_position) {
        uint64_t rules = fired_at(policy->fired, position);
        followed.amendment.verdict = verdict_at(policy->verdicts, position);
        followed.amendment.fired = fired;
        followed.amendment.fired_count = 0;
        for (; rules; rules &= rules - 1)
            fired[followed.amendment.fired_count++] = plan->fired_rules[__builtin_ctzll(rules)];
    }
    engine_apply(policy->states->engines[0], &followed, &policy->states->source);
    return 0;
}

static int decide(const struct policy_run *policy, const struct record *record,
                  struct decision *ret_decision, struct text *ret_field, struct error *ret_error) {
    arena_reset(policy->arena);
    engine_use_recorded(policy->decider->engines[0], &record->transaction.decision);
    int r = engine_decide(policy->decider->engines[0], &record->transaction.transaction,
                          &policy->states->source, policy->with_features, policy->arena,
                          ret_decision, ret_field, ret_error);
    return replay_complete_decision(policy->decider, record, r, ret_decision, ret_error);
}

static int do_transaction(struct sequence *sequence, struct replay_line *line,
                          struct error *ret_error) {
    struct replay *replay = sequence->output->replay;
    const struct record *record = &line->record;
    struct replay_decided decided;
    struct replay_row *row = &decided.row;
    replay_begin_row(replay, record, &decided);
    int r = replay_fit_shadows(replay, &replay->decider, 0, record, ret_error);
    if (r < 0)
        return r;
    if (sequence->against.states) {
        struct text field;
        r = decide(&sequence->against, record, &decided.against, &field, ret_error);
        if (r < 0)
            return r;
        row->against = r == 0 ? &decided.against : NULL;
        apply_transaction(&sequence->against, record, row->against);
    }
    r = decide(&sequence->replayed, record, &decided.decision, &row->refused_field,
               &decided.refusal);
    if (r < 0) {
        *ret_error = decided.refusal;
        return r;
    }
    row->engine = sequence->replayed.decider->engines[0];
    row->decision = r == 0 ? &decided.decision : NULL;
    row->refusal = r == 0 ? NULL : &decided.refusal;
    r = r == 0 ? replay_note_decided(replay, 0, row, ret_error) : 0;
    if (r < 0)
        return r;
    r = line->is_reported
            ? replay_emit_decided(replay, line, &decided, &sequence->prepared, ret_error)
            : 0;
    apply_transaction(&sequence->replayed, record, row->decision);
    return r;
}

static int decode(struct replay *replay, const struct replay_chunk *chunk, struct replay_line *line,
                  struct error *ret_error) {
    struct text payload = replay_chunk_payload(chunk, line);
    arena_reset(&replay->record);
    int r = record_decode_in_place(line->type, payload.data, payload.length, &replay->record,
                                   &line->record, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "record %" PRIu64, line->position);
    line->record.position = line->position;
    return 0;
}

static int do_line(struct sequence *sequence, const struct replay_chunk *chunk, size_t index,
                   struct error *ret_error) {
    struct replay *replay = sequence->output->replay;
    struct replay_line *line = &chunk->rows[index];
    const uint64_t tables = replay->start.position > replay->history.begin ? replay->start.position
                                                                           : replay->history.begin;
    int r = 0;
    if (record_type_has_entities(line->type))
        r = decode(replay, chunk, line, ret_error);
    if (r == 0 && line->type == RECORD_TRANSACTION) {
        line->is_reported =
            replay_is_reported(replay, line->record.transaction.transaction.event_time_us) &&
            !replay_was_reported(replay, chunk, index);
        r = do_transaction(sequence, line, ret_error);
    } else if (r == 0 && line->type == RECORD_OUTCOME) {
        apply_outcome(&sequence->replayed, &line->record, tables);
        if (sequence->against.states)
            apply_outcome(&sequence->against, &line->record, tables);
    } else if (r == 0 && line->type == RECORD_AMENDMENT) {
        r = apply_amendment(&sequence->replayed, &line->record, tables, ret_error);
        if (r == 0 && sequence->against.states)
            r = apply_amendment(&sequence->against, &line->record, tables, ret_error);
    }
    if (r == 0)
        replay_count(replay, line);
    return r;
}

/* ---- all records ---- */

static int do_chunk(struct sequence *sequence, struct replay_chunk *chunk,
                    struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < chunk->row_count && r == 0; i++)
        r = do_line(sequence, chunk, i, ret_error);
    return r < 0 ? r : replay_finish_chunk(sequence->output, chunk, ret_error);
}

static void sequence_init(struct sequence *sequence, struct replay_output *output) {
    struct replay *replay = output->replay;
    *sequence = (struct sequence){.output = output};
    buffer_init(&sequence->against_verdicts);
    buffer_init(&sequence->fired);
    buffer_init(&sequence->against_fired);
    buffer_init(&sequence->prepared);
    sequence->replayed = (struct policy_run){.decider = &replay->decider,
                                             .states = replay->lanes[replay->decider.lane],
                                             .verdicts = &replay->own_verdicts,
                                             .fired = &sequence->fired,
                                             .arena = &replay->worker[0].decision,
                                             .with_features = replay->options.features};
    sequence->against = (struct policy_run){.decider = &replay->against,
                                            .states = replay->against_states,
                                            .verdicts = &sequence->against_verdicts,
                                            .fired = &sequence->against_fired,
                                            .arena = &replay->worker[0].against};
}

int replay_run_sequence(struct replay_output *output, struct error *ret_error) {
    struct sequence sequence;
    struct replay_chunk chunk;
    int r = 0;
    sequence_init(&sequence, output);
    replay_chunk_init(&chunk);
    while (r == 0 && !output->is_at_end && !output->is_stopping) {
        replay_chunk_clear(&chunk);
        replay_read(output->replay, &chunk);
        r = do_chunk(&sequence, &chunk, ret_error);
    }
    replay_chunk_deinit(&chunk);
    buffer_deinit(&sequence.against_verdicts);
    buffer_deinit(&sequence.fired);
    buffer_deinit(&sequence.against_fired);
    buffer_deinit(&sequence.prepared);
    return r;
}
