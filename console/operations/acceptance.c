/* The audit log's entry is written in a transaction that is kept once the file is there. */
#include "acceptance.h"

#include "console/database/audit.h"
#include "console/database/reviews.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/nights/night_acceptance.h"
#include "night_shape.h"
#include "nights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(int folder, json_t **ret_object, struct error *ret_error) {
    return nights_load(folder, NULL, NIGHT_THRESHOLDS_NAME, night_thresholds_shape, ret_object,
                       ret_error);
}

/* ---- showing ---- */

static void write_acceptance(const struct night_acceptance *acceptance, struct buffer *out) {
    json_begin_object(out, "acceptance");
    json_add_text(out, "night", text_of(acceptance->night));
    json_add_text(out, "source", text_of(acceptance->source));
    json_add_text(out, "reason", text_of(acceptance->reason));
    json_add_time(out, "at", acceptance->at_us);
    json_begin_array(out, "thresholds");
    for (size_t i = 0; i < acceptance->threshold_count; i++)
        json_add_text(out, NULL, text_of(acceptance->thresholds[i]));
    json_end_array(out);
    json_begin_array(out, "cutoffs");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (acceptance->cutoffs >> verdict & 1)
            json_add_text(out, NULL, text_of(verdict_name(verdict)));
    json_end_array(out);
    json_end_object(out);
}

void acceptance_write(int folder, struct buffer *out) {
    struct night_acceptance acceptance;
    struct error error;
    json_t *thresholds;
    if (load(folder, &thresholds, &error) < 0) {
        json_add_value(out, TEXT_LITERAL("thresholds"), value_absent());
        json_add_text(out, "problem", text_of(error.text));
    } else {
        char *text = json_dumps(thresholds, JSON_COMPACT);
        json_add_number(out, "thresholds", text);
        free(text);
        json_decref(thresholds);
    }
    int r = night_acceptance_read(folder, &acceptance, &error);
    if (r == 0) {
        write_acceptance(&acceptance, out);
        night_acceptance_deinit(&acceptance);
    } else {
        json_add_value(out, TEXT_LITERAL("acceptance"), value_absent());
        if (r < 0)
            json_add_text(out, "acceptance_problem", text_of(error.text));
    }
}

/* ---- accepting ---- */

static bool is_held_threshold(const json_t *thresholds, const char *name) {
    const json_t *line;
    size_t i;
    json_array_foreach(json_object_get(thresholds, "thresholds"), i, line) {
        if (strcmp(json_string_value(json_object_get(line, "name")), name) == 0)
            return json_number_value(json_object_get(line, "held")) > 0;
    }
    return false;
}

static bool is_held_cutoff(const json_t *thresholds, const char *verdict) {
    const json_t *line;
    size_t i;
    json_array_foreach(json_object_get(thresholds, "cutoffs"), i, line) {
        if (strcmp(json_string_value(json_object_get(line, "verdict")), verdict) == 0)
            return strcmp(json_string_value(json_object_get(line, "state")), "held") == 0;
    }
    return false;
}

static int take_names(const json_t *held, const json_t *names, struct night_acceptance *acceptance,
                      struct error *ret_error) {
    size_t count = json_array_size(names);
    if (count > NIGHT_ACCEPTED_MAX)
        return error_set(ret_error, ERROR_INVALID, "thresholds: expected at most %d",
                         NIGHT_ACCEPTED_MAX);
    acceptance->thresholds = check_calloc(count + 1, sizeof *acceptance->thresholds);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || strlen(name) >= NIGHT_ACCEPTED_NAME || !is_held_threshold(held, name))
            return error_set(ret_error, ERROR_INVALID,
                             "thresholds: \"%.60s\" was not held back in the newest night",
                             name ? name : "");
        snprintf(acceptance->thresholds[acceptance->threshold_count++], NIGHT_ACCEPTED_NAME, "%s",
                 name);
    }
    return 0;
}

static int take_verdicts(const json_t *held, const json_t *verdicts,
                         struct night_acceptance *acceptance, struct error *ret_error) {
    for (size_t i = 0; i < json_array_size(verdicts); i++) {
        const char *name = json_string_value(json_array_get(verdicts, i));
        if (!name || !is_held_cutoff(held, name))
            return error_set(ret_error, ERROR_INVALID,
                             "cutoffs: that for \"%.60s\" was not held back in the newest night",
                             name ? name : "");
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
            if (strcmp(verdict_name(verdict), name) == 0)
                acceptance->cutoffs |= 1u << verdict;
    }
    return 0;
}

static int audit(struct sql *sql, const struct night_acceptance *acceptance, bool is_taken_back,
                 const struct acceptance_by *by, struct error *ret_error) {
    struct buffer what;
    buffer_init(&what);
    for (size_t i = 0; i < acceptance->threshold_count; i++)
        buffer_printf(&what, "%s%s", i ? ", " : "", acceptance->thresholds[i]);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (acceptance->cutoffs >> verdict & 1)
            buffer_printf(&what, "%scut-off for %s", what.length ? ", " : "",
                          verdict_name(verdict));
    buffer_printf(&what, ": %s", acceptance->reason);
    buffer_append_u8(&what, '\0');
    const char *text = (const char *)what.bytes;
    const struct audit_entry entry = {.at_us = by->now_us,
                                      .person = by->person,
                                      .address = by->address,
                                      .action = "held-back",
                                      .subject = acceptance->night,
                                      .before = is_taken_back ? text : "",
                                      .after = is_taken_back ? "" : text};
    int r = audit_add(sql, &entry, ret_error);
    buffer_deinit(&what);
    return r;
}

/* What the permissions allow, which faccessat() looks at, the sandbox may not: it knows the folders
 * that were there when the console started. */
static int explain_denied(int folder, int r, struct error *error) {
    if (r == -(int)ERROR_SYSTEM && strstr(error->text, strerror(EACCES)) &&
        faccessat(folder, ".", W_OK, 0) == 0)
        error_prefix(error, "the folder of the nights came after the console's start, and its "
                            "sandbox only reads it: restart the console");
    return r;
}

/* Within a transaction. */
static int publish(struct sql *sql, int folder, const struct night_acceptance *acceptance,
                   const struct acceptance_by *by, struct error *ret_error) {
    struct night_acceptance other;
    int r = night_acceptance_read(folder, &other, ret_error);
    if (r == 0) {
        error_set(ret_error, ERROR_EXISTS,
                  "%s has accepted something already, which waits for the next night: take that "
                  "back first",
                  other.source);
        night_acceptance_deinit(&other);
        return -(int)ERROR_EXISTS;
    }
    if (r == 1)
        r = audit(sql, acceptance, false, by, ret_error);
    if (r == 0)
        r = explain_denied(folder, night_acceptance_write(folder, acceptance, ret_error),
                           ret_error);
    return r;
}

static int keep(struct sql *sql, int r, struct error *ret_error) {
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

int acceptance_make(struct sql *sql, int folder, const json_t *names, const json_t *verdicts,
                    const char *reason, const struct acceptance_by *by, struct error *ret_error) {
    struct night_acceptance acceptance = {.at_us = by->now_us};
    json_t *held;
    int64_t day;
    int r = load(folder, &held, ret_error);
    if (r < 0)
        return r;
    if (!night_date_parse(json_string_value(json_object_get(held, "date")), &day)) {
        json_decref(held);
        return error_set(ret_error, ERROR_DAMAGED, NIGHT_THRESHOLDS_NAME ": date: expected a date");
    }
    snprintf(acceptance.night, sizeof acceptance.night, "%s",
             json_string_value(json_object_get(held, "date")));
    snprintf(acceptance.source, sizeof acceptance.source, REVIEW_SOURCE "%s", by->person);
    snprintf(acceptance.reason, sizeof acceptance.reason, "%s", reason);
    r = take_names(held, names, &acceptance, ret_error);
    if (r == 0)
        r = take_verdicts(held, verdicts, &acceptance, ret_error);
    json_decref(held);
    if (r == 0 && acceptance.threshold_count == 0 && acceptance.cutoffs == 0)
        r = error_set(ret_error, ERROR_INVALID, "thresholds, cutoffs: nothing is named");
    if (r == 0 && (r = sql_begin(sql, ret_error)) == 0) {
        struct error ignored;
        bool is_written = (r = publish(sql, folder, &acceptance, by, ret_error)) == 0;
        r = keep(sql, r, ret_error);
        if (is_written && r < 0) /* the disk is full, say: no acceptance without its entry */
            night_acceptance_remove(folder, &acceptance, &ignored);
    }
    night_acceptance_deinit(&acceptance);
    return r;
}

int acceptance_take_back(struct sql *sql, int folder, const struct acceptance_by *by,
                         struct error *ret_error) {
    struct night_acceptance acceptance;
    int r = night_acceptance_read(folder, &acceptance, ret_error);
    if (r == 1)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "nothing waits for the next night: it may have been taken already");
    if (r < 0)
        return r;
    r = sql_begin(sql, ret_error);
    if (r == 0) {
        r = audit(sql, &acceptance, true, by, ret_error);
        if (r == 0)
            r = explain_denied(folder, night_acceptance_remove(folder, &acceptance, ret_error),
                               ret_error);
        if (r == 1)
            r = error_set(ret_error, ERROR_EXISTS, "it has changed meanwhile: look again");
        struct error ignored;
        bool is_removed = r == 0;
        r = keep(sql, r, ret_error);
        if (is_removed && r < 0)
            night_acceptance_write(folder, &acceptance, &ignored);
    }
    night_acceptance_deinit(&acceptance);
    return r;
}
