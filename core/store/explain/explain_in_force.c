/* One pass over the rare records before the transaction remembers the last of each kind by
 * position; then the few that are needed are decoded and loaded. */
#include "explain_in_force.h"

#include <inttypes.h>
#include <stdio.h>

/* The candidates, by position; 0: none. */
struct rare_records {
    struct in_force *in_force;
    struct explain_reading *reading;
    const struct explain_finds *rare;
    const struct record *record; /* the transaction's */
    uint64_t first_policy;
    uint64_t planned;   /* the policy of the last generation's plan */
    bool has_own_files; /* the generation's record holds it */
    uint64_t shadows[ENGINE_SHADOWS_MAX];
};

static int load_files(const struct policy_file *files, size_t count, uint64_t position,
                      struct snapshot **ret_snapshot, struct error *ret_error) {
    int r = snapshot_load_archived(files, count, ret_snapshot, ret_error);
    if (r == 0)
        return 0;
    return error_prefix(ret_error, "the policy at position %" PRIu64 " of the archive", position);
}

/* Which record a snapshot is loaded from. */
struct wanted_snapshot {
    uint64_t position;
    struct snapshot *snapshot;
};

static int load_wanted(void *user, const struct record *record, struct error *ret_error) {
    struct wanted_snapshot *wanted = user;
    if (record->position != wanted->position)
        return 0;
    const struct snapshot_record *in = &record->snapshot;
    const struct policy_file *files = in->files;
    size_t count = in->file_count;
    if (record->type == RECORD_GENERATION) {
        files = record->generation.files;
        count = record->generation.file_count;
    } else if (record->type == RECORD_EXPERIMENT) {
        files = record->experiment.files;
        count = record->experiment.file_count;
    }
    return load_files(files, count, record->position, &wanted->snapshot, ret_error);
}

static int load_at(struct rare_records *finds, uint64_t position, struct snapshot **ret_snapshot,
                   struct error *ret_error) {
    struct wanted_snapshot wanted = {.position = position};
    int r = explain_visit_finds(finds->reading, finds->rare, record_types_rare(), load_wanted,
                                &wanted, ret_error);
    if (r == 0)
        *ret_snapshot = wanted.snapshot;
    return r;
}

static void take_generation(struct rare_records *finds, const struct record *record) {
    struct in_force *in_force = finds->in_force;
    const struct threshold_set *set = &record->generation.thresholds;
    in_force->generation = record->generation;
    in_force->adopted_position = record->position;
    finds->has_own_files = record->generation.file_count > 0;
    thresholds_free(in_force->thresholds);
    in_force->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
}

static void take_snapshot(struct rare_records *finds, const struct record *record) {
    if (finds->first_policy == 0)
        finds->first_policy = record->position;
    finds->in_force->policy_position = record->position;
    finds->in_force->policy_id = record->snapshot.snapshot_id;
}

static void take_shadow(struct rare_records *finds, const struct record *record) {
    const struct decision *archived = &finds->record->transaction.decision;
    for (size_t i = 0; i < archived->shadow_count; i++)
        if (archived->shadows[i].snapshot_id == record->snapshot.snapshot_id &&
            finds->shadows[i] == 0)
            finds->shadows[i] = record->position;
}

static int take_rare(void *user, const struct record *record, struct error *ret_error) {
    struct rare_records *finds = user;
    struct in_force *in_force = finds->in_force;
    (void)ret_error;
    if (record->position >= finds->record->position)
        return 0;
    switch (record->type) {
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
        list_table_apply(in_force->lists, record);
        break;
    case RECORD_SNAPSHOT:
        take_snapshot(finds, record);
        break;
    case RECORD_GENERATION:
        take_generation(finds, record);
        break;
    case RECORD_ENGINE:
        snprintf(in_force->version, sizeof in_force->version, "%" TEXT_FORMAT,
                 TEXT_ARGS(record->engine.version));
        in_force->definition = engine_record_definition(&record->engine);
        break;
    case RECORD_SHADOW:
        take_shadow(finds, record);
        break;
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

/* Finds the record of the policy that the tables were built with: by its id, or in old records by
 * its plan alone. Then it is the last one up to the tables' position with this plan, else the first
 * one after it: the choice that a rebuild makes. */
static int find_planned(void *user, const struct record *record, struct error *ret_error) {
    struct rare_records *finds = user;
    const struct in_force *in_force = finds->in_force;
    const struct generation_record *generation = &in_force->generation;
    if (record->position >= in_force->adopted_position)
        return 0;
    if (generation->snapshot_id) {
        if (record->snapshot.snapshot_id == generation->snapshot_id)
            finds->planned = record->position;
        return 0;
    }
    struct snapshot *snapshot;
    int r = load_files(record->snapshot.files, record->snapshot.file_count, record->position,
                       &snapshot, ret_error);
    if (r < 0)
        return r;
    if (snapshot->plan.id == generation->plan_id &&
        (record->position <= generation->position || finds->planned == 0))
        finds->planned = record->position;
    snapshot_unref(snapshot);
    return 0;
}

static int choose_plan(struct rare_records *finds, struct error *ret_error) {
    const struct in_force *in_force = finds->in_force;
    finds->planned = finds->first_policy;
    if (in_force->adopted_position == 0)
        return 0;
    finds->planned = finds->has_own_files ? in_force->adopted_position : 0;
    int r = 0;
    if (finds->planned == 0)
        r = explain_visit_finds(finds->reading, finds->rare, 1u << RECORD_SNAPSHOT, find_planned,
                                finds, ret_error);
    if (r == 0 && finds->planned == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "the tables adopted at position %" PRIu64
                      " were built with a policy that the archive does not hold: decisions made on "
                      "them cannot be derived again",
                      in_force->adopted_position);
    return r;
}

static int load_shadows(struct rare_records *finds, struct error *ret_error) {
    const struct decision *archived = &finds->record->transaction.decision;
    struct in_force *in_force = finds->in_force;
    int r = 0;
    for (size_t i = 0; i < archived->shadow_count && r == 0; i++) {
        if (finds->shadows[i] == 0)
            return error_set(ret_error, ERROR_NOT_FOUND,
                             "the archive holds no shadow policy %016" PRIx64
                             " before the transaction at position %" PRIu64,
                             archived->shadows[i].snapshot_id, finds->record->position);
        r = load_at(finds, finds->shadows[i], &in_force->shadows[i], ret_error);
        in_force->shadow_count += r == 0;
    }
    return r;
}

/* The policy of the transaction's arm takes the place of the one in force. Returns the position of
 * the other one; 0: there is none. */
static uint64_t choose_arm(struct rare_records *finds) {
    struct in_force *in_force = finds->in_force;
    const struct transaction *transaction = &finds->record->transaction.transaction;
    const struct experiment *experiment = list_table_experiment(in_force->lists);
    uint64_t champion = in_force->policy_position;
    if (!experiment)
        return 0;
    in_force->experiment = *experiment;
    in_force->arm = experiment_arm(&in_force->experiment, transaction);
    if (in_force->arm != ARM_CHALLENGER)
        return in_force->arm == ARM_CHAMPION ? in_force->experiment.position : 0;
    in_force->policy_position = in_force->experiment.position;
    in_force->policy_id = in_force->experiment.snapshot_id;
    return champion;
}

static int load_all(struct rare_records *finds, struct error *ret_error) {
    struct in_force *in_force = finds->in_force;
    uint64_t other = choose_arm(finds);
    int r = load_at(finds, in_force->policy_position, &in_force->policy, ret_error);
    if (r == 0 && other)
        r = load_at(finds, other, &in_force->other, ret_error);
    if (r == 0)
        r = load_at(finds, finds->planned, &in_force->plan, ret_error);
    if (r == 0)
        r = load_shadows(finds, ret_error);
    if (r == 0 && in_force->plan->id == in_force->policy->id) { /* laid out once, not twice */
        snapshot_unref(in_force->plan);
        in_force->plan = snapshot_ref(in_force->policy);
    }
    return r;
}

int in_force_find(struct in_force *in_force, struct explain_reading *reading,
                  const struct explain_finds *rare, const struct record *record,
                  struct error *ret_error) {
    struct rare_records finds = {
        .in_force = in_force, .reading = reading, .rare = rare, .record = record};
    in_force->lists = list_table_new();
    if (record->transaction.decision.shadow_count > ENGINE_SHADOWS_MAX)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the record at position %" PRIu64
                         " has more shadow decisions than a server has shadow policies",
                         record->position);
    int r = explain_visit_finds(reading, rare, record_types_rare(), take_rare, &finds, ret_error);
    if (r == 0 && in_force->policy_position == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s holds no policy before the transaction at position %" PRIu64,
                      reading->options->archive, record->position);
    if (r == 0)
        r = choose_plan(&finds, ret_error);
    return r < 0 ? r : load_all(&finds, ret_error);
}

void in_force_deinit(struct in_force *in_force) {
    for (size_t i = 0; i < in_force->shadow_count; i++)
        snapshot_unref(in_force->shadows[i]);
    snapshot_unref(in_force->policy);
    snapshot_unref(in_force->other);
    snapshot_unref(in_force->plan);
    thresholds_free(in_force->thresholds);
    list_table_free(in_force->lists);
}
