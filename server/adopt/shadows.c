/* Shadow policies in the server: whole policies that judge every transaction alongside the
 * one in force. Their verdicts are archived with the decision and counted here; no answer ever
 * depends on them.
 *
 * A folder with an error or a failing case is reported and skipped, at the start too: a policy on
 * trial must not keep the server from serving. At a reload the folder's last good policy stays in
 * force. */
#include "shadows.h"

#include "core/base/check.h"
#include "server/base/append.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

/* Without the decision lock: only the background thread changes service->shadows. */
size_t shadows_load(struct service *service, struct candidate candidates[ENGINE_SHADOWS_MAX]) {
    struct shadow_folders folders = {0};
    size_t count = 0;
    pthread_mutex_lock(&service->reload_lock);
    shadow_folders_set(&folders, (const char *const *)service->shadow_folders.paths,
                       service->shadow_folders.count);
    pthread_mutex_unlock(&service->reload_lock);
    for (; count < folders.count && count < ENGINE_SHADOWS_MAX; count++) {
        const struct shadow *before =
            shadow_policies_find_path(&service->shadows, folders.paths[count]);
        candidate_load(&candidates[count], folders.paths[count], before ? before->snapshot : NULL);
    }
    shadow_folders_deinit(&folders);
    return count;
}

/* Two folders may hold the same policy; it judges once. */
static void add(struct shadow_policies *shadows, struct candidate *candidate,
                struct snapshot *snapshot) {
    size_t other = shadow_policies_find_id(shadows, snapshot->id);
    if (other < shadows->count) {
        snprintf(candidate->error, sizeof candidate->error, "the same policy as in %s: ignored",
                 shadows->of[other].path);
        candidate->result = RELOAD_REFUSED;
        return;
    }
    shadow_policies_add(shadows, candidate->path, snapshot);
}

void shadows_choose(struct candidate *candidates, size_t count,
                    struct shadow_policies *ret_shadows) {
    *ret_shadows = (struct shadow_policies){0};
    for (size_t i = 0; i < count; i++) {
        struct snapshot *snapshot = candidate_snapshot(&candidates[i]);
        if (snapshot)
            add(ret_shadows, &candidates[i], snapshot);
    }
}

/* ---- in force ---- */

static bool is_written(const struct service *service, uint64_t id) {
    for (size_t i = 0; i < service->written_shadows.count; i++)
        if (service->written_shadows.ids[i] == id)
            return true;
    return false;
}

int shadows_record(struct service *service, struct error *ret_error) {
    int r = 0;
    if (!service_writes(service))
        return 0;
    for (size_t i = 0; i < service->shadows.count && r == 0; i++) {
        const struct snapshot *snapshot = service->shadows.of[i].snapshot;
        if (is_written(service, snapshot->id))
            continue;
        struct record record = {.type = RECORD_SHADOW,
                                .snapshot = {.snapshot_id = snapshot->id,
                                             .name = snapshot->name,
                                             .files = snapshot->files,
                                             .file_count = snapshot->file_count}};
        r = service_append(service, &record, ret_error);
        if (r == 0)
            adopted_shadow(&service->written_shadows, snapshot->id);
    }
    return r;
}

static void log_warming(const struct service *service, const struct snapshot *shadow,
                        size_t warming) {
    if (warming > 0)
        log_line(service->settings.log, LOG_WARNING,
                 "%zu features of shadow policy %" TEXT_FORMAT
                 " are not in the tables of the policy in force: they are absent",
                 warming, TEXT_ARGS(shadow->name));
}

int shadows_fit(struct service *service, struct error *ret_error) {
    const struct shadow_policies *shadows = &service->shadows;
    struct snapshot *snapshots[ENGINE_SHADOWS_MAX];
    for (size_t i = 0; i < shadows->count; i++)
        snapshots[i] = shadows->of[i].snapshot;
    engine_use_shadows(service->states.engine, snapshots, shadows->count);
    if (service->states.challenger)
        engine_use_shadows(service->states.challenger, snapshots, shadows->count);
    for (size_t i = 0; i < shadows->count; i++)
        log_warming(service, snapshots[i], engine_shadow_warming(service->states.engine, i));
    return shadows_record(service, ret_error);
}

void shadows_log_warming(const struct service *service, const struct shadow_policies *shadows,
                         const struct engine *engine) {
    for (size_t i = 0; i < shadows->count; i++)
        log_warming(service, shadows->of[i].snapshot, engine_shadow_warming(engine, i));
}

static void log_new(const struct service *service, const struct snapshot *snapshot) {
    char id[HASH_HEX_SIZE];
    hash_hex(snapshot->id, id);
    log_line_with(
        service->settings.log, LOG_INFO,
        LOG_FIELDS(log_field_text("policy", snapshot->name), log_field_string("policy_id", id)),
        "shadow policy %" TEXT_FORMAT " %s adopted", TEXT_ARGS(snapshot->name), id);
}

void shadows_log(struct service *service, const struct candidate *candidates, size_t count) {
    const struct service_settings *settings = &service->settings;
    int64_t refused = 0;
    for (size_t i = 0; i < count; i++) {
        const struct candidate *candidate = &candidates[i];
        candidate_log_messages(candidate, settings->log);
        if (candidate->result == RELOAD_REFUSED)
            log_line_with(settings->log, LOG_ERROR,
                          LOG_FIELDS(log_field_string("file", candidate->path),
                                     log_field_string("reason", candidate->error)),
                          "shadow policy in %s refused: %s", candidate->path, candidate->error);
        else if (candidate->result == RELOAD_ADOPTED)
            log_new(service, candidate->loaded);
        refused += candidate->result == RELOAD_REFUSED;
    }
    metric_gauge(settings->metrics, SHADOWS_REFUSED, 0, refused);
    metric_gauge(settings->metrics, SHADOWS, 0, (int64_t)service->shadows.count);
}

void shadows_exchange(struct service *service, struct shadow_policies *next) {
    struct shadow_policies old = service->shadows;
    shadow_policies_keep_counts(next, &old);
    service->shadows = *next;
    *next = old;
}

void shadows_start(struct service *service) {
    struct candidate candidates[ENGINE_SHADOWS_MAX];
    struct shadow_policies next;
    size_t count = shadows_load(service, candidates);
    for (size_t i = 0; i < count; i++)
        if (!candidate_try(&candidates[i], &service->stopping))
            break;
    shadows_choose(candidates, count, &next);
    pthread_mutex_lock(&service->lock);
    shadows_exchange(service,
                     &next); /* the engine does not exist yet; shadows_fit() follows when it does */
    pthread_mutex_unlock(&service->lock);
    shadows_log(service, candidates, count);
    shadow_policies_deinit(&next);
    for (size_t i = 0; i < count; i++)
        candidate_deinit(&candidates[i]);
}

/* ---- counting ---- */

static enum shadow_agreement compare(enum verdict live, enum verdict shadow) {
    if (shadow == VERDICT_NONE)
        return SHADOW_REFUSES;
    return shadow == live ? SHADOW_AGREES : shadow > live ? SHADOW_STRICTER : SHADOW_MILDER;
}

void shadows_count(struct service *service, const struct decision *decision) {
    for (size_t i = 0; i < decision->shadow_count; i++) {
        const struct shadow_decision *in = &decision->shadows[i];
        size_t index = shadow_policies_find_id(&service->shadows, in->snapshot_id);
        check(index < service->shadows.count); /* decided and counted under the same lock */
        struct shadow_counts *counts = &service->shadows.of[index].counts;
        counts->verdicts[in->verdict]++;
        counts->agreements[compare(decision->verdict, in->verdict)]++;
        counts->rule_errors += in->rule_errors;
        counts->degraded += in->degraded;
    }
}

/* Policy names need no escaping: the loader accepts none that would. */
static void write_labels(const struct shadow *shadow, struct buffer *out) {
    char id[HASH_HEX_SIZE];
    hash_hex(shadow->snapshot->id, id);
    buffer_printf(out, "{policy=\"%" TEXT_FORMAT "\",snapshot=\"%s\"",
                  TEXT_ARGS(shadow->snapshot->name), id);
}

static void write_head(const char *name, const char *help, struct buffer *out) {
    buffer_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
}

static void write_total(const struct shadow_policies *shadows, const char *name, const char *help,
                        size_t offset, struct buffer *out) {
    write_head(name, help, out);
    for (size_t i = 0; i < shadows->count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&shadows->of[i].counts + offset, sizeof value);
        buffer_printf(out, "%s", name);
        write_labels(&shadows->of[i], out);
        buffer_printf(out, "} %" PRIu64 "\n", value);
    }
}

static void write_counts(const struct shadow_policies *shadows, struct buffer *out) {
    static const char decisions[] = "harrierd_shadow_decisions_total";
    static const char agreements[] = "harrierd_shadow_agreements_total";
    static const char *const agreement_names[SHADOW_AGREEMENT_COUNT] = {"same", "stricter",
                                                                        "milder", "refused"};
    write_head(decisions, "Decisions that shadow policies would have made, by verdict.", out);
    for (size_t i = 0; i < shadows->count; i++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++) {
            buffer_printf(out, "%s", decisions);
            write_labels(&shadows->of[i], out);
            buffer_printf(out, ",verdict=\"%s\"} %" PRIu64 "\n", verdict_name(verdict),
                          shadows->of[i].counts.verdicts[verdict]);
        }
    write_head(agreements, "Verdicts of shadow policies compared with the actual verdict.", out);
    for (size_t i = 0; i < shadows->count; i++)
        for (size_t agreement = 0; agreement < SHADOW_AGREEMENT_COUNT; agreement++) {
            buffer_printf(out, "%s", agreements);
            write_labels(&shadows->of[i], out);
            buffer_printf(out, ",agreement=\"%s\"} %" PRIu64 "\n", agreement_names[agreement],
                          shadows->of[i].counts.agreements[agreement]);
        }
    write_total(shadows, "harrierd_shadow_rule_errors_total",
                "Rules of shadow policies that failed during evaluation.",
                offsetof(struct shadow_counts, rule_errors), out);
    write_total(shadows, "harrierd_shadow_degraded_total",
                "Shadow decisions made without something they should have had.",
                offsetof(struct shadow_counts, degraded), out);
}

void service_write_shadows(struct service *service, struct buffer *out) {
    pthread_mutex_lock(&service->lock);
    write_counts(&service->shadows, out);
    pthread_mutex_unlock(&service->lock);
}
