/* What only reads: GetEntity, Status, and the gauges.
 *
 * Answers are built under the decision lock and encoded after it, so every text in them is copied
 * into the run's arena or belongs to something that the run holds. */
#include "query.h"

#include "brake.h"
#include "core/base/hash.h"
#include "core/store/backups/backup_summary.h"
#include "core/store/nights/night_summary.h"
#include "explain.h"
#include "list.h"
#include "protect_run.h"
#include "server/adopt/adoption.h"
#include "server/adopt/challenger.h"
#include "server/adopt/staleness.h"
#include "server/adopt/swap.h"
#include "server/base/drift_counts.h"
#include "server/ops/metrics.h"
#include "server/ops/resources.h"
#include "sources.h"

/* ---- GetEntity ---- */

/* Policies have a dozen entities: a linear search. */
static const struct entity_plan *find_entity(const struct plan *plan, struct text name,
                                             size_t *ret_index) {
    for (size_t i = 0; i < plan->entity_count; i++)
        if (text_equal(plan->entities[i].name, name)) {
            *ret_index = i;
            return &plan->entities[i];
        }
    return NULL;
}

/* With the nearest name, if it is within a third of its length. */
static int unknown_entity(const struct plan *plan, struct text name, struct error *ret_error) {
    const struct entity_plan *nearest = NULL;
    size_t least = 1 + name.length / 3;
    for (size_t i = 0; i < plan->entity_count; i++) {
        size_t distance = text_distance(name, plan->entities[i].name);
        if (distance <= least && (!nearest || distance < least)) {
            nearest = &plan->entities[i];
            least = distance;
        }
    }
    if (nearest)
        return error_set(ret_error, ERROR_INVALID,
                         "the policy has no such entity; did you mean \"%" TEXT_FORMAT "\"?",
                         TEXT_ARGS(nearest->name));
    return error_set(ret_error, ERROR_INVALID, "the policy has no such entity");
}

/* The index of the entity in the plan, and the key of its state, in the arena. */
static int resolve(struct run *run, size_t *ret_index, struct text *ret_key, struct text *ret_field,
                   struct error *ret_error) {
    const struct entity_request *request = &run->message.entity;
    const struct states *states = &run->service->states;
    const struct entity_plan *entity = find_entity(&states->plan->plan, request->entity, ret_index);
    if (!entity) {
        *ret_field = TEXT_LITERAL("entity");
        return unknown_entity(&states->plan->plan, request->entity, ret_error);
    }
    if (protect_key(run, *ret_index, ret_field, ret_error) < 0)
        return -(int)ret_error->code;
    *ret_key =
        engine_key(states->engine, *ret_index, request->key, request->key_count, &run->arena);
    if (ret_key->data)
        return 0;
    *ret_field = TEXT_LITERAL("key");
    return error_set(ret_error, ERROR_INVALID,
                     "the key has %zu parts; expected a non-empty part for each of %" TEXT_FORMAT,
                     request->key_count, TEXT_ARGS(entity->key));
}

/* The features as of the time asked for; by default that of the newest event. */
enum next perform_entity(struct run *run) {
    struct states *states = &run->service->states;
    struct state_source *source = overlay_states(states->overlay);
    struct entity_response *response = &run->response.entity;
    size_t entity = 0;
    struct text key, field = {0};
    struct error error;
    if (resolve(run, &entity, &key, &field, &error) < 0)
        return run_refuse(run, &error, field);
    struct text state = source->read(source, entity, key, hash_text(key));
    if (!encoded_extent(state.data, state.length, &response->newest_time_us, &response->entries)) {
        error_set(&error, ERROR_NOT_FOUND, "no history for this %" TEXT_FORMAT,
                  TEXT_ARGS(run->message.entity.entity));
        return run_refuse(run, &error, TEXT_LITERAL("key"));
    }
    response->at_time_us =
        run->message.entity.at_time_us ? run->message.entity.at_time_us : response->newest_time_us;
    response->state_bytes = state.length;
    response->state_hash = hash_text(state);
    response->feature_count = engine_entity_features(
        states->engine, entity, state, response->at_time_us, &run->arena, &response->features);
    return NEXT;
}

/* ---- Status ---- */

/* The part of Status that needs states; without them it stays zero. */
static void describe_states(struct service *service, struct status_response *response) {
    const struct overlay *overlay = service->states.overlay;
    const struct generation *generation = overlay_generation(overlay);
    struct tally tally = overlay_tally(overlay);
    response->transactions = tally.transactions;
    response->outcomes = tally.outcomes;
    memcpy(response->labels, tally.labels, sizeof response->labels);
    if (tally.newest_event_time_us != INT64_MIN)
        response->newest_event_time_us = tally.newest_event_time_us;
    response->overlay_entities = overlay_entities(overlay);
    response->overlay_bytes = overlay_bytes(overlay);
    response->overlay_memory_bytes = overlay_memory(overlay);
    if (!generation)
        return;
    const struct generation_manifest *manifest = generation_manifest(generation);
    response->generation_id = manifest->id;
    response->generation_position = manifest->place.position;
    response->generation_time_us = manifest->created_time_us;
    response->ids_since_us = manifest->ids_since_us;
    response->stale = service_is_stale(service, service_receive_time_us(service));
}

/* Under the decision lock. Texts are the service's own and valid no longer than the lock is held. A
 * refused policy is more urgent than refused tokens, so its reason comes first. */
static void describe(struct service *service, struct status_response *response) {
    const struct refusal *refused =
        *service->refused.reason ? &service->refused : &service->refused_tokens;
    *response = (struct status_response){
        .version = TEXT_LITERAL(HARRIER_VERSION),
        .state = text_of(service_state_name(service->state)),
        .state_reason = text_of(service->reason),
        .started_time_us = service->started_us,
        .policy_name = service->rules->name,
        .snapshot_id = service->rules->id,
        .reload_error = text_of(refused->reason),
        .refused_since_time_us = refused->since_wall_us,
        .position = archive_end(service->archive).position,
        .synced_position = archive_synced(service->archive),
        .duplicates = service->duplicates,
        .rejected = atomic_load(&service->rejected),
        .swap_state = text_of(swap_state_name(service->swap->state)),
        .swap_reason = text_of(service->swap->reason),
        .compared_entities = service->swap->is_compared ? service->swap->compared : 0,
        .differing_entities = service->swap->is_compared ? service->swap->differences : 0,
    };
    if (service->replication.is_member) {
        response->node = text_of(service->settings.cluster.node);
        response->primary = text_of(service->replication.primary);
        response->committed_position = service->replication.committed.position;
    }
    if (service->states.overlay)
        describe_states(service, response);
}

/* Works in every state of the service: it is how people find out. The hash of all states takes
 * long, so it is made later, on a view of the overlay as it is now (explain.c). */
enum next perform_status(struct run *run) {
    struct status_response *response = &run->response.status;
    struct service *service = run->service;
    describe(service, response);
    adoption_describe_warming(service, &run->arena, &response->warming);
    if (service->states.overlay)
        sources_describe(service, &run->arena, response);
    if (service->states.overlay)
        brake_describe(service, &run->arena, response);
    challenger_describe(service, &run->arena, response);
    struct error error;
    bool wants_hash = run->message.status.state_hash && service->states.overlay;
    if (wants_hash && !explain_admit(run, &error))
        return run_refuse(run, &error, (struct text){0});
    if (wants_hash)
        run->view = overlay_view_open(service->states.overlay, &service->guard.guard);
    /* These may change once the lock is released. */
    response->state_reason = arena_text(&run->arena, response->state_reason);
    response->reload_error = arena_text(&run->arena, response->reload_error);
    response->swap_reason = arena_text(&run->arena, response->swap_reason);
    response->primary = arena_text(&run->arena, response->primary);
    return NEXT;
}

/* A disk that hangs must not hold up decisions. A file that cannot be read says nothing. */
void complete_status(struct run *run) {
    struct status_response *response = &run->response.status;
    struct backup_summary backup;
    struct error ignored;
    if (!run->service->settings.data ||
        backup_summary_read(run->service->settings.data, &backup, &ignored) < 0)
        return;
    response->backup_time_us = backup.last_success_us;
    response->backup_position = backup.place.position;
}

/* What the newest night left; nothing but zeros before the first. A summary that cannot be read
 * leaves the values as they were. */
static void measure_night(const struct service *service) {
    struct metric_set *metrics = service->settings.metrics;
    struct night_summary night;
    struct error ignored;
    if (!service->settings.data || night_summary_read(service->settings.data, &night, &ignored) < 0)
        return;
    metric_gauge(metrics, NIGHT_LAST_SUCCESS, 0, night.last_success_us);
    metric_gauge(metrics, NIGHT_HAS_FAILED, 0, night.failed_us > 0);
    for (size_t i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        metric_gauge(metrics, NIGHT_FINDINGS, i, (int64_t)night.findings[i]);
    metric_gauge(metrics, NIGHT_HELD_BACK, 0, (int64_t)night.held_back);
    metric_gauge(metrics, NIGHT_MODELS_FAILED, 0, night.models_failed);
}

/* Likewise of the newest backup. */
static void measure_backup(const struct service *service) {
    struct metric_set *metrics = service->settings.metrics;
    struct backup_summary backup;
    struct error ignored;
    if (!service->settings.data ||
        backup_summary_read(service->settings.data, &backup, &ignored) < 0)
        return;
    metric_gauge(metrics, BACKUP_LAST_SUCCESS, 0, backup.last_success_us);
    metric_gauge(metrics, BACKUP_POSITION, 0, (int64_t)backup.place.position);
}

/* Values are collected in one go under the lock, and published without it. */
void service_measure(struct service *service) {
    struct metric_set *metrics = service->settings.metrics;
    struct status_response status;
    pthread_mutex_lock(&service->lock);
    int64_t now_us = service_receive_time_us(service);
    describe(service, &status);
    int64_t age_us = status.generation_id ? service_generation_age_us(service, now_us) : 0;
    int64_t clock_behind_us = service_clock_behind_us(service);
    bool is_rebuild_wanted = service_wants_rebuild(service, now_us);
    size_t brakes = brake_in_force(service);
    struct engine_warming warming = {0};
    if (service->states.engine)
        warming = *engine_warming_names(service->states.engine);
    int64_t refused_us = service->refused.since_us;
    bool ready = service->state == service_good_state(service);
    bool decides = service->state == SERVICE_READY;
    struct archive_held held = archive_held(service->archive);
    bool is_degraded = atomic_load(&service->outage.is_on);
    uint64_t committed = service->replication.committed.position;
    bool is_member = service->replication.is_member;
    if (service->states.overlay)
        list_measure(service);
    pthread_mutex_unlock(&service->lock);
    metric_gauge(metrics, SERVER_VERSION, 0, 1);
    metric_gauge(metrics, SERVER_READY, 0, ready);
    metric_gauge(metrics, SERVER_DECIDES, 0, decides);
    metric_gauge(metrics, LOG_COMMITTED_POSITION, 0, (int64_t)committed);
    metric_gauge(metrics, LOG_LAG, 0, is_member ? (int64_t)(status.position - committed) : 0);
    metric_gauge(metrics, SERVER_START_TIME, 0, status.started_time_us);
    metric_gauge(metrics, ARCHIVE_POSITION, 0, (int64_t)status.position);
    metric_gauge(metrics, ARCHIVE_SYNCED_POSITION, 0, (int64_t)status.synced_position);
    metric_gauge(metrics, ARCHIVE_DEGRADED, 0, is_degraded);
    metric_gauge(metrics, ARCHIVE_HELD_RECORDS, 0, (int64_t)held.records);
    metric_gauge(metrics, ARCHIVE_HELD_BYTES, 0, (int64_t)held.bytes);
    metric_gauge(metrics, NEWEST_EVENT_TIME, 0, status.newest_event_time_us);
    metric_gauge(metrics, OVERLAY_ENTITIES, 0, (int64_t)status.overlay_entities);
    metric_gauge(metrics, OVERLAY_BYTES, 0, (int64_t)status.overlay_bytes);
    metric_gauge(metrics, GENERATION_POSITION, 0, (int64_t)status.generation_position);
    metric_gauge(metrics, GENERATION_TIME, 0, status.generation_time_us);
    metric_gauge(metrics, OVERLAY_MEMORY, 0, (int64_t)status.overlay_memory_bytes);
    metric_gauge(metrics, OVERLAY_LIMIT, 0, (int64_t)service->settings.overlay_limit);
    metric_gauge(metrics, GENERATION_AGE, 0, age_us);
    metric_gauge(metrics, CLOCK_BEHIND, 0, clock_behind_us);
    metric_gauge(metrics, GENERATION_LAG, 0,
                 (int64_t)(status.position - status.generation_position));
    metric_gauge(metrics, GENERATION_STALE, 0, status.stale);
    metric_gauge(metrics, REBUILD_WANTED, 0, is_rebuild_wanted);
    metric_gauge(metrics, WARMING_FEATURES, 0, (int64_t)warming.feature_count);
    metric_gauge(metrics, WARMING_RULES, 0, (int64_t)warming.rule_count);
    metric_gauge(metrics, BRAKES, 0, (int64_t)brakes);
    measure_night(service);
    measure_backup(service);
    resources_measure(metrics, service->archive_path, service->generations_path);
    int64_t monotonic_us = clock_monotonic_us(service->settings.clock);
    if (service->tokens)
        tokens_measure(service->tokens);
    metric_gauge(metrics, RELOAD_REFUSED_NOW, 0, refused_us > 0);
    metric_gauge(metrics, RELOAD_REFUSED_AGE, 0, refused_us > 0 ? monotonic_us - refused_us : 0);
}

void service_write_rules(const struct service *service, struct buffer *out) {
    rule_counts_write(service->rule_counts, out);
}

void service_write_drift(struct service *service, struct buffer *out) {
    int64_t now_us = clock_wall_us(service->settings.clock);
    pthread_mutex_lock(&service->lock);
    struct drift_sum *sum = drift_counts_sum(service->drift_counts, now_us);
    pthread_mutex_unlock(&service->lock);
    drift_sum_write(sum, out);
    drift_sum_free(sum);
}

void service_write_brakes(struct service *service, struct buffer *out) {
    pthread_mutex_lock(&service->lock);
    brake_write(service, out);
    pthread_mutex_unlock(&service->lock);
}

void service_write_sources(struct service *service, struct buffer *out) {
    pthread_mutex_lock(&service->lock);
    sources_write(service, out);
    pthread_mutex_unlock(&service->lock);
}

void service_write_tokens(struct service *service, struct buffer *out) {
    tokens_write(service->tokens, out);
}
