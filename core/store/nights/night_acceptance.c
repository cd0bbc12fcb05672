#include "night_acceptance.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)256 << 10) /* bytes */

void night_acceptance_deinit(struct night_acceptance *acceptance) {
    free(acceptance->thresholds);
    *acceptance = (struct night_acceptance){0};
}

/* ---- reading ---- */

/* false: it is no text, or too long. */
static bool read_text(const json_t *value, char *ret_text, size_t size) {
    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    snprintf(ret_text, size, "%s", json_string_value(value));
    return true;
}

static bool read_thresholds(const json_t *names, struct night_acceptance *acceptance) {
    size_t count = json_array_size(names);
    if (!json_is_array(names) || count > NIGHT_ACCEPTED_MAX)
        return false;
    acceptance->thresholds = check_calloc(count + 1, sizeof *acceptance->thresholds);
    for (; acceptance->threshold_count < count; acceptance->threshold_count++)
        if (!read_text(json_array_get(names, acceptance->threshold_count),
                       acceptance->thresholds[acceptance->threshold_count], NIGHT_ACCEPTED_NAME))
            return false;
    return true;
}

static bool read_cutoffs(const json_t *verdicts, struct night_acceptance *acceptance) {
    const json_t *name;
    size_t i;
    json_array_foreach(verdicts, i, name) {
        unsigned bit = 0;
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
            if (json_is_string(name) && strcmp(json_string_value(name), verdict_name(verdict)) == 0)
                bit = 1u << verdict;
        if (bit == 0)
            return false;
        acceptance->cutoffs |= bit;
    }
    return json_is_array(verdicts);
}

static bool read_all(const json_t *object, struct night_acceptance *acceptance) {
    int64_t day;
    acceptance->at_us = (int64_t)json_integer_value(json_object_get(object, "time_us"));
    return read_text(json_object_get(object, "night"), acceptance->night,
                     sizeof acceptance->night) &&
           night_date_parse(acceptance->night, &day) &&
           read_text(json_object_get(object, "source"), acceptance->source,
                     sizeof acceptance->source) &&
           read_text(json_object_get(object, "reason"), acceptance->reason,
                     sizeof acceptance->reason) &&
           read_thresholds(json_object_get(object, "thresholds"), acceptance) &&
           read_cutoffs(json_object_get(object, "cutoffs"), acceptance);
}

int night_acceptance_read(int folder, struct night_acceptance *ret_acceptance,
                          struct error *ret_error) {
    struct night_acceptance acceptance = {0};
    char *bytes;
    size_t length;
    int r = file_load(folder, NIGHT_ACCEPTANCE_NAME, FILE_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 1;
    if (r < 0)
        return r;
    json_t *object = json_loadb(bytes, length, 0, NULL);
    free(bytes);
    if (read_all(object, &acceptance)) {
        *ret_acceptance = acceptance;
    } else {
        night_acceptance_deinit(&acceptance);
        r = error_set(ret_error, ERROR_DAMAGED,
                      NIGHT_ACCEPTANCE_NAME ": it does not say what is accepted; remove it");
    }
    json_decref(object);
    return r;
}

/* ---- writing ---- */

static void format(const struct night_acceptance *acceptance, struct buffer *json) {
    json_begin_object(json, NULL);
    json_add_text(json, "night", text_of(acceptance->night));
    json_add_text(json, "source", text_of(acceptance->source));
    json_add_text(json, "reason", text_of(acceptance->reason));
    json_add_time(json, "time", acceptance->at_us);
    json_add_signed(json, "time_us", acceptance->at_us);
    json_begin_array(json, "thresholds");
    for (size_t i = 0; i < acceptance->threshold_count; i++)
        json_add_text(json, NULL, text_of(acceptance->thresholds[i]));
    json_end_array(json);
    json_begin_array(json, "cutoffs");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (acceptance->cutoffs >> verdict & 1)
            json_add_text(json, NULL, text_of(verdict_name(verdict)));
    json_end_array(json);
    json_end_object(json);
    buffer_append_u8(json, '\n');
}

int night_acceptance_write(int folder, const struct night_acceptance *acceptance,
                           struct error *ret_error) {
    struct buffer json;
    if (acceptance->threshold_count > NIGHT_ACCEPTED_MAX ||
        (acceptance->threshold_count == 0 && acceptance->cutoffs == 0))
        return error_set(ret_error, ERROR_INVALID, "expected 1 to %d thresholds or cut-offs",
                         NIGHT_ACCEPTED_MAX);
    buffer_init(&json);
    format(acceptance, &json);
    int r =
        night_file_write_open(folder, NIGHT_ACCEPTANCE_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}

int night_acceptance_remove(int folder, const struct night_acceptance *acceptance,
                            struct error *ret_error) {
    struct night_acceptance now;
    int r = night_acceptance_read(folder, &now, ret_error);
    if (r != 0)
        return r;
    bool is_same = now.at_us == acceptance->at_us && strcmp(now.source, acceptance->source) == 0;
    night_acceptance_deinit(&now);
    if (!is_same)
        return 1;
    if (unlinkat(folder, NIGHT_ACCEPTANCE_NAME, 0) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, NIGHT_ACCEPTANCE_NAME ": cannot remove");
    return directory_sync(folder, ".", ret_error);
}
