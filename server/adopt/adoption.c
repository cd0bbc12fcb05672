/* Adoption records: what decides from here on. core/store/ingest compares with the last records of
 * their kind and makes new ones; here they are written. */
#include "adoption.h"

#include "challenger.h"
#include "core/store/generation/generation.h"
#include "server/base/append.h"
#include "server/events/event_rows.h"
#include "shadows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- records ---- */

int adoption_record_policy(struct service *service, const struct adopted *last,
                           struct error *ret_error) {
    struct record records[INGEST_ADOPTIONS_MAX];
    int r = 0;
    if (!service_writes(service)) /* it will be recorded if this server becomes the primary */
        return 0;
    size_t count = ingest_adoptions(&service->states, last, records);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (records[i].type == RECORD_ENGINE && service->replication.is_member)
            records[i].engine.node = text_of(service->settings.cluster.node);
        r = service_append(service, &records[i], ret_error);
    }
    return r;
}

/* Notes which tables to open again after a failed write. */
static void remember_folder(struct service *service) {
    const struct generation *generation = overlay_generation(service->states.overlay);
    free(service->adopted_folder);
    service->adopted_folder = generation ? generation_folder(generation) : NULL;
}

int adoption_record(struct service *service, const struct adopted *last, struct error *ret_error) {
    challenger_fit(service);
    int r = adoption_record_policy(service, last, ret_error);
    if (r == 0)
        r = shadows_fit(service, ret_error);
    if (r == 0)
        remember_folder(service);
    return r;
}

/* ---- tables that are damaged ---- */

void adoption_note_damage(struct service *service, const struct error *damage,
                          const struct fold *fold) {
    const struct service_settings *settings = &service->settings;
    const struct generation *generation = fold ? fold_generation(fold) : NULL;
    metric_gauge(settings->metrics, GENERATION_DAMAGED, 0, damage->code != 0);
    if (damage->code == 0)
        return;
    char used[128] = "the whole archive is folded instead";
    if (generation)
        snprintf(used, sizeof used, "those of position %" PRIu64 " are used instead",
                 generation_manifest(generation)->place.position);
    log_line_with(settings->log, LOG_ERROR,
                  LOG_FIELDS(log_field_string("code", error_code_name(damage->code)),
                             log_field_string("reason", damage->text)),
                  "the current tables are damaged, and %s: %s", used, damage->text);
    event_generation_refused(settings->events, damage->text);
}

/* ---- features without a value yet ---- */

void adoption_log_warming(const struct service *service, size_t warming, struct text reason) {
    if (warming > 0)
        log_line(service->settings.log, LOG_WARNING,
                 "%zu features of the policy are new or changed: they are absent until `harrier "
                 "rebuild` has built tables with them (%" TEXT_FORMAT ")",
                 warming, TEXT_ARGS(reason));
}

static struct text *copy_names(struct arena *arena, const struct text *names, size_t count) {
    struct text *copies = arena_calloc(arena, count, sizeof *copies);
    for (size_t i = 0; i < count && copies; i++)
        copies[i] = arena_text(arena, names[i]);
    return copies;
}

static size_t at_most(size_t count, size_t most) {
    return count < most ? count : most;
}

void adoption_describe_warming(const struct service *service, struct arena *arena,
                               struct warming *ret_warming) {
    *ret_warming = (struct warming){0};
    if (!service->states.engine)
        return;
    const struct engine_warming *names = engine_warming_names(service->states.engine);
    size_t features = at_most(names->feature_count, WARMING_NAMES_MAX);
    size_t rules = at_most(names->rule_count, WARMING_NAMES_MAX);
    ret_warming->features = copy_names(arena, names->features, features);
    ret_warming->rules = copy_names(arena, names->rules, rules);
    ret_warming->named_features = ret_warming->features ? features : 0;
    ret_warming->named_rules = ret_warming->rules ? rules : 0;
    ret_warming->feature_count = names->feature_count;
    ret_warming->rule_count = names->rule_count;
}
