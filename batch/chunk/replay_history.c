#include "replay_history.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void replay_history_init(struct replay_history *history, bool with_policies, bool with_labels) {
    *history = (struct replay_history){.with_policies = with_policies, .with_labels = with_labels};
    buffer_init(&history->labels);
    buffer_init(&history->amendments);
}

void replay_history_deinit(struct replay_history *history) {
    for (size_t i = 0; i < history->snapshot_count; i++)
        snapshot_unref(history->snapshots[i]);
    free(history->snapshots);
    free(history->policies);
    free(history->challengers);
    free(history->spans);
    for (size_t i = 0; i < history->shadow_count; i++)
        free((void *)(uintptr_t)history->shadows[i].name.data);
    free(history->shadows);
    free(history->definitions);
    buffer_deinit(&history->labels);
    buffer_deinit(&history->amendments);
}

/* ---- policies ---- */

/* Takes over the reference and returns the pointer to use: equal policies share one snapshot, so
 * that plans can be compared by address. */
static struct snapshot *keep_snapshot(struct replay_history *history, struct snapshot *snapshot) {
    for (size_t i = 0; i < history->snapshot_count; i++)
        if (history->snapshots[i]->id == snapshot->id) {
            snapshot_unref(snapshot);
            return history->snapshots[i];
        }
    history->snapshots = check_reallocarray(history->snapshots, history->snapshot_count + 1,
                                            sizeof(*history->snapshots));
    history->snapshots[history->snapshot_count++] = snapshot;
    return snapshot;
}

static bool has_files(const struct snapshot *snapshot, const struct policy_file *files,
                      size_t count) {
    bool same = snapshot->file_count == count;
    for (size_t i = 0; i < count && same; i++)
        same = text_equal(snapshot->files[i].path, files[i].path) &&
               text_equal(snapshot->files[i].content, files[i].content);
    return same;
}

/* A server records its policy again at every start and swap. Comparing files is cheaper than
 * loading them again. */
static struct snapshot *find_loaded(const struct replay_history *history,
                                    const struct policy_file *files, size_t count) {
    for (size_t i = history->snapshot_count; i-- > 0;)
        if (has_files(history->snapshots[i], files, count))
            return history->snapshots[i];
    return NULL;
}

/* An archived policy was valid when it was recorded, so a failure to load it means that the program
 * has changed: hence ERROR_UNSUPPORTED. */
static int load(struct replay_history *history, const struct policy_file *files, size_t count,
                uint64_t position, struct snapshot **ret_snapshot, struct error *ret_error) {
    struct snapshot *snapshot = find_loaded(history, files, count);
    if (snapshot) {
        *ret_snapshot = snapshot;
        return 0;
    }
    int r = snapshot_load_archived(files, count, &snapshot, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "the policy at position %" PRIu64 " of the archive",
                            position);
    *ret_snapshot = keep_snapshot(history, snapshot);
    return 0;
}

static void append_policy(struct replay_history *history, struct replay_policy policy) {
    history->policies =
        check_reallocarray(history->policies, history->policy_count + 1, sizeof *history->policies);
    history->policies[history->policy_count++] = policy;
}

static void append_span(struct replay_history *history, struct replay_span span) {
    if (history->span_count > 0)
        history->spans[history->span_count - 1].until = span.from;
    span.until = UINT64_MAX;
    span.parent = SIZE_MAX;
    history->spans =
        check_reallocarray(history->spans, history->span_count + 1, sizeof *history->spans);
    history->spans[history->span_count++] = span;
}

static int add_snapshot(struct replay_history *history, const struct record *record,
                        struct error *ret_error) {
    struct snapshot *snapshot;
    int r = load(history, record->snapshot.files, record->snapshot.file_count, record->position,
                 &snapshot, ret_error);
    if (r < 0)
        return r;
    append_policy(history, (struct replay_policy){.position = record->position,
                                                  .snapshot_id = record->snapshot.snapshot_id,
                                                  .snapshot = snapshot});
    /* A server without tables folds with the features of the archive's first policy. */
    if (history->span_count == 0)
        append_span(history, (struct replay_span){.plan = snapshot});
    return 0;
}

static int add_challenger(struct replay_history *history, const struct record *record,
                          struct error *ret_error) {
    const struct experiment_record *in = &record->experiment;
    struct snapshot *snapshot;
    if (in->ended)
        return 0;
    int r = load(history, in->files, in->file_count, record->position, &snapshot, ret_error);
    if (r < 0)
        return r;
    history->challengers = check_reallocarray(history->challengers, history->challenger_count + 1,
                                              sizeof *history->challengers);
    history->challengers[history->challenger_count++] = (struct replay_challenger){
        .position = record->position, .snapshot_id = in->snapshot_id, .snapshot = snapshot};
    return 0;
}

const struct replay_challenger *replay_history_challenger(const struct replay_history *history,
                                                          uint64_t position) {
    for (size_t i = 0; i < history->challenger_count; i++)
        if (history->challengers[i].position == position)
            return &history->challengers[i];
    return NULL;
}

const struct replay_shadow *replay_history_shadow(const struct replay_history *history,
                                                  uint64_t snapshot_id) {
    for (size_t i = 0; i < history->shadow_count; i++)
        if (history->shadows[i].snapshot_id == snapshot_id)
            return &history->shadows[i];
    return NULL;
}

/* A replay that derives decisions needs the policy. One that reads recorded decisions uses it for
 * the names of rules only, and can do without. */
static int add_shadow(struct replay_history *history, const struct record *record,
                      struct error *ret_error) {
    const struct snapshot_record *in = &record->snapshot;
    struct snapshot *snapshot = NULL;
    if (replay_history_shadow(history, in->snapshot_id))
        return 0;
    int r = load(history, in->files, in->file_count, record->position, &snapshot, ret_error);
    if (r < 0 && history->with_policies)
        return r;
    history->shadows =
        check_reallocarray(history->shadows, history->shadow_count + 1, sizeof *history->shadows);
    history->shadows[history->shadow_count++] =
        (struct replay_shadow){.snapshot_id = in->snapshot_id,
                               .name = {text_copy(in->name), in->name.length},
                               .snapshot = snapshot};
    return 0;
}

static struct snapshot *find_recorded(const struct replay_history *history, uint64_t snapshot_id) {
    for (size_t i = history->policy_count; i-- > 0;)
        if (history->policies[i].snapshot_id == snapshot_id)
            return history->policies[i].snapshot;
    return NULL;
}

/* For generation records of older versions, which do not name their policy: what a rebuild uses by
 * default, the last policy up to its position, if it has the recorded plan. */
static struct snapshot *find_planned(const struct replay_history *history, uint64_t place,
                                     uint64_t plan_id) {
    struct snapshot *found = NULL;
    for (size_t i = 0; i < history->policy_count; i++) {
        const struct replay_policy *policy = &history->policies[i];
        if (policy->snapshot->plan.id == plan_id && (policy->position <= place || !found))
            found = policy->snapshot;
    }
    return found;
}

/* The policy that a generation was built with is in its record, or, where it is also the policy of
 * the rules, in a snapshot record before it. */
static int find_plan(struct replay_history *history, const struct record *record,
                     struct snapshot **ret_plan, struct error *ret_error) {
    const struct generation_record *generation = &record->generation;
    if (generation->file_count > 0)
        return load(history, generation->files, generation->file_count, record->position, ret_plan,
                    ret_error);
    struct snapshot *plan = generation->snapshot_id
                                ? find_recorded(history, generation->snapshot_id)
                                : find_planned(history, generation->position, generation->plan_id);
    if (!plan)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the tables adopted at position %" PRIu64
                         " were built with a policy that the archive does not hold: decisions "
                         "made with them cannot be derived again",
                         record->position);
    *ret_plan = plan;
    return 0;
}

static int add_generation(struct replay_history *history, const struct record *record,
                          struct error *ret_error) {
    struct snapshot *plan;
    if (history->policy_count == 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "tables are adopted at position %" PRIu64 ", before any policy",
                         record->position);
    int r = find_plan(history, record, &plan, ret_error);
    if (r < 0)
        return r;
    append_span(history, (struct replay_span){.from = record->position,
                                              .place = record->generation.position,
                                              .chain = record->generation.chain,
                                              .generation_id = record->generation.generation_id,
                                              .plan = plan});
    return 0;
}

/* ---- records ---- */

/* Two labels a byte: there may be many millions. */
#define LABEL_BITS 4
_Static_assert(LABEL_COUNT <= 1 << LABEL_BITS && LABEL_NONE == 0, "labels are half a byte");

static unsigned label_shift(uint64_t position) {
    return (unsigned)(position % 2) * LABEL_BITS;
}

static int add_outcome(struct replay_history *history, const struct record *record,
                       struct error *ret_error) {
    const struct outcome_record *outcome = &record->outcome;
    uint64_t position = outcome->transaction_position;
    if (position >= record->position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the outcome at position %" PRIu64 " refers to a later transaction",
                         record->position);
    if (history->labels_until_us != 0 && outcome->known_time_us >= history->labels_until_us)
        return 0;
    struct buffer *labels = &history->labels;
    if (position / 2 >= labels->length) {
        size_t more = (size_t)(position / 2) + 1 - labels->length;
        memset(buffer_reserve(labels, more), 0, more);
        labels->length += more;
    }
    uint8_t *both = &labels->bytes[position / 2];
    unsigned shift = label_shift(position), others = (1u << LABEL_BITS) - 1;
    *both = (uint8_t)((*both & ~(others << shift)) | (unsigned)outcome->label << shift);
    return 0;
}

static int add_amendment(struct replay_history *history, const struct record *record,
                         struct error *ret_error) {
    const struct amendment_record *amendment = &record->amendment;
    if (amendment->transaction_position >= record->position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the amendment at position %" PRIu64 " refers to a later transaction",
                         record->position);
    const struct replay_amendment kept = {.transaction_position = amendment->transaction_position,
                                          .position = record->position,
                                          .now = amendment->now};
    buffer_append(&history->amendments, &kept, sizeof kept);
    return 0;
}

static int compare_amendments(const void *left, const void *right) {
    const struct replay_amendment *a = left, *b = right;
    if (a->transaction_position != b->transaction_position)
        return a->transaction_position < b->transaction_position ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

static size_t amendment_count(const struct replay_history *history) {
    return history->amendments.length / sizeof(struct replay_amendment);
}

bool replay_history_amended(const struct replay_history *history, uint64_t position,
                            struct amended *ret_amended) {
    const struct replay_amendment *all = (const void *)history->amendments.bytes;
    size_t low = 0, high = amendment_count(history); /* ends behind the transaction's last */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all[middle].transaction_position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || all[low - 1].transaction_position != position)
        return false;
    *ret_amended = all[low - 1].now;
    return true;
}

void replay_history_note_time(struct replay_history *history, int64_t at_us) {
    if (!history->has_transactions)
        history->first_us = history->newest_us = at_us;
    else if (at_us > history->newest_us)
        history->newest_us = at_us;
    history->has_transactions = true;
}

static void add_definition(struct replay_history *history, const struct record *record) {
    size_t count = history->definition_count;
    uint32_t definition = engine_record_definition(&record->engine);
    if (definition == (count > 0 ? history->definitions[count - 1].definition : 1))
        return;
    history->definitions =
        check_reallocarray(history->definitions, count + 1, sizeof *history->definitions);
    struct replay_definition *added = &history->definitions[history->definition_count++];
    *added = (struct replay_definition){.position = record->position, .definition = definition};
    snprintf(added->version, sizeof added->version, "%" TEXT_FORMAT,
             TEXT_ARGS(record->engine.version));
}

const struct replay_definition *replay_history_definition(const struct replay_history *history,
                                                          uint64_t position) {
    size_t below = 0, above = history->definition_count;
    while (below < above) {
        size_t middle = below + (above - below) / 2;
        if (history->definitions[middle].position < position)
            below = middle + 1;
        else
            above = middle;
    }
    return below > 0 ? &history->definitions[below - 1] : NULL;
}

int replay_history_add(struct replay_history *history, const struct record *record,
                       struct error *ret_error) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        replay_history_note_time(history, record->transaction.transaction.event_time_us);
        return 0;
    case RECORD_OUTCOME:
        return history->with_labels ? add_outcome(history, record, ret_error) : 0;
    case RECORD_ENGINE:
        history->foreign_versions += !text_is(record->engine.version, HARRIER_VERSION);
        add_definition(history, record);
        return 0;
    case RECORD_SHADOW:
        return history->with_shadows ? add_shadow(history, record, ret_error) : 0;
    case RECORD_SNAPSHOT:
        return history->with_policies ? add_snapshot(history, record, ret_error) : 0;
    case RECORD_EXPERIMENT:
        return history->with_policies ? add_challenger(history, record, ret_error) : 0;
    case RECORD_GENERATION:
        return history->with_policies ? add_generation(history, record, ret_error) : 0;
    case RECORD_AMENDMENT:
        return history->with_labels ? add_amendment(history, record, ret_error) : 0;
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

/* Do this span's states exist when the replay reaches the position? A span without a parent is
 * folded from the first record, one with a parent exists from its own `place` on. */
static bool covers(const struct replay_span *span, uint64_t place) {
    uint64_t since = span->parent == SIZE_MAX ? 0 : span->place;
    return since <= place && place <= span->until;
}

int replay_history_finish(struct replay_history *history, struct error *ret_error) {
    if (history->amendments.length > 0)
        qsort(history->amendments.bytes, amendment_count(history), sizeof(struct replay_amendment),
              compare_amendments);
    for (size_t i = 0; i < history->span_count; i++) {
        struct replay_span *span = &history->spans[i];
        if (span->place >= span->from && span->from > 0)
            return error_set(ret_error, ERROR_DAMAGED,
                             "the tables adopted at position %" PRIu64
                             " were built for position %" PRIu64 ", which is later",
                             span->from, span->place);
        for (size_t j = 0; j < i && span->place > history->begin; j++)
            if (history->spans[j].plan == span->plan && covers(&history->spans[j], span->place))
                span->parent = j;
    }
    return 0;
}

void replay_history_use_policy(struct replay_history *history, struct snapshot *snapshot) {
    snapshot = keep_snapshot(history, snapshot);
    append_policy(history,
                  (struct replay_policy){.snapshot_id = snapshot->id, .snapshot = snapshot});
    append_span(history, (struct replay_span){.plan = snapshot});
}

bool replay_history_reaches(const struct plan *plan, int64_t until_us, int64_t from_us) {
    int64_t reach_us = 0;
    for (size_t i = 0; i < plan->entity_count; i++)
        if (plan->entities[i].reach_us > reach_us)
            reach_us = plan->entities[i].reach_us;
    return from_us <= until_us || from_us - until_us <= reach_us ||
           from_us - until_us - reach_us <= plan->lateness_us;
}

enum label replay_history_label(const struct replay_history *history, uint64_t position) {
    if (position / 2 >= history->labels.length)
        return LABEL_NONE;
    unsigned both = history->labels.bytes[position / 2];
    return (enum label)(both >> label_shift(position) & ((1u << LABEL_BITS) - 1));
}
