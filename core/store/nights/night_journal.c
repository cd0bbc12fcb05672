/* The journal as JSON. A reader ignores members that it does not know, so that some may be added.
 */
#include "night_journal.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *night_step_name(enum night_step step) {
    static const char *const names[NIGHT_STEP_COUNT] = {"rebuild", "verify", "guard", "compare",
                                                        "train",   "report", "seal",  "hook"};
    check(step < NIGHT_STEP_COUNT);
    return names[step];
}

const char *night_step_state_name(enum night_step_state state) {
    static const char *const names[NIGHT_STEP_STATE_COUNT] = {"waiting", "running", "done",
                                                              "skipped", "failed"};
    check(state < NIGHT_STEP_STATE_COUNT);
    return names[state];
}

void night_journal_init(struct night_journal *journal, const char *date, int64_t now_us) {
    *journal = (struct night_journal){.began_us = now_us, .hook_status = -1};
    snprintf(journal->date, sizeof journal->date, "%s", date);
}

static bool is_over(const struct night_journal *journal, enum night_step step) {
    enum night_step_state state = journal->steps[step].state;
    return state == NIGHT_STEP_DONE || state == NIGHT_STEP_SKIPPED ||
           (state == NIGHT_STEP_FAILED && night_step_may_fail(step));
}

bool night_journal_is_complete(const struct night_journal *journal) {
    for (int i = 0; i < NIGHT_STEP_COUNT; i++)
        if (!is_over(journal, (enum night_step)i))
            return false;
    return true;
}

bool night_journal_models_failed(const struct night_journal *journal) {
    for (int i = 0; i < NIGHT_STEP_COUNT; i++)
        if (night_step_may_fail((enum night_step)i) && journal->steps[i].state == NIGHT_STEP_FAILED)
            return true;
    return false;
}

/* ---- writing ---- */

static void add_step(struct buffer *json, enum night_step step,
                     const struct night_step_entry *entry) {
    json_begin_object(json, NULL);
    json_add_text(json, "step", text_of(night_step_name(step)));
    json_add_text(json, "state", text_of(night_step_state_name(entry->state)));
    if (entry->began_us > 0) {
        json_add_time(json, "began", entry->began_us);
        json_add_signed(json, "began_us", entry->began_us);
    }
    json_add_unsigned(json, "ms", entry->milliseconds);
    json_add_unsigned(json, "attempts", entry->attempts);
    if (*entry->reason)
        json_add_text(json, "reason", text_of(entry->reason));
    json_end_object(json);
}

static void add_rebuild(struct buffer *json, const struct night_journal *journal) {
    json_begin_object(json, "rebuild");
    json_add_hex(json, "generation", journal->generation_id);
    json_add_hex(json, "content_hash", journal->content_hash);
    json_add_unsigned(json, "position", journal->place.position);
    json_add_hex(json, "chain", journal->place.chain);
    json_add_unsigned(json, "states", journal->states);
    if (*journal->warning)
        json_add_text(json, "warning", text_of(journal->warning));
    if (*journal->accepted)
        json_add_text(json, "accepted", text_of(journal->accepted));
    json_add_unsigned(json, "held_back", journal->held_back);
    json_begin_array(json, "held");
    for (size_t i = 0; i < journal->held_lines; i++)
        json_add_text(json, NULL, text_of(journal->held[i].text));
    json_end_array(json);
    json_end_object(json);
}

static void format(const struct night_journal *journal, struct buffer *json) {
    json_begin_object(json, NULL);
    json_add_text(json, "date", text_of(journal->date));
    json_add_time(json, "began", journal->began_us);
    json_add_signed(json, "began_us", journal->began_us);
    json_add_signed(json, "ended_us", journal->ended_us);
    json_add_bool(json, "complete", night_journal_is_complete(journal));
    json_add_bool(json, "failed", journal->has_failed);
    json_begin_array(json, "steps");
    for (int i = 0; i < NIGHT_STEP_COUNT; i++)
        add_step(json, (enum night_step)i, &journal->steps[i]);
    json_end_array(json);
    add_rebuild(json, journal);
    json_begin_object(json, "verify");
    json_add_bool(json, "sample", journal->is_sample);
    json_add_unsigned(json, "states", journal->verified);
    json_add_unsigned(json, "different", journal->different);
    json_end_object(json);
    json_begin_object(json, "compare");
    json_add_text(json, "candidate", text_of(journal->compared));
    json_add_bool(json, "is_better", journal->is_better);
    json_add_text(json, "text", text_of(journal->comparison));
    json_end_object(json);
    json_begin_object(json, "train");
    json_add_text(json, "candidate", text_of(journal->trained));
    json_end_object(json);
    json_begin_object(json, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(json, night_severity_name((enum night_severity)i), journal->findings[i]);
    json_end_object(json);
    json_begin_object(json, "seal");
    json_add_unsigned(json, "segments", journal->sealed);
    json_add_unsigned(json, "bytes", journal->sealed_bytes);
    json_add_unsigned(json, "stored_bytes", journal->sealed_stored_bytes);
    json_end_object(json);
    json_add_signed(json, "hook_status", journal->hook_status);
    json_end_object(json);
    buffer_append_u8(json, '\n');
}

int night_journal_write(int folder, const struct night_journal *journal, struct error *ret_error) {
    struct buffer json;
    buffer_init(&json);
    format(journal, &json);
    int r = night_file_write(folder, NIGHT_JOURNAL_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}

/* ---- reading ---- */

static int64_t integer_at(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static uint64_t count_at(const json_t *object, const char *name) {
    int64_t number = integer_at(object, name);
    return number > 0 ? (uint64_t)number : 0;
}

static void copy_text(const json_t *value, char *ret_text, size_t size) {
    const char *text = json_string_value(value);
    snprintf(ret_text, size, "%s", text ? text : "");
}

static uint64_t hash_at(const json_t *object, const char *name) {
    uint64_t hash = 0;
    const char *hex = json_string_value(json_object_get(object, name));
    if (!hex || hash_parse_hex(text_of(hex), &hash) < 0)
        return 0;
    return hash;
}

static const json_t *find_step(const json_t *steps, enum night_step step) {
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *object = json_array_get(steps, i);
        const char *name = json_string_value(json_object_get(object, "step"));
        if (name && strcmp(name, night_step_name(step)) == 0)
            return object;
    }
    return NULL;
}

/* A journal of before there were models has no such steps. */
static bool read_step(const json_t *steps, enum night_step step, struct night_step_entry *entry) {
    const json_t *object = find_step(steps, step);
    const char *state = json_string_value(json_object_get(object, "state"));
    if (!object && night_step_may_fail(step)) {
        *entry = (struct night_step_entry){.state = NIGHT_STEP_SKIPPED};
        return true;
    }
    if (!state)
        return false;
    for (int i = 0; i < NIGHT_STEP_STATE_COUNT; i++)
        if (strcmp(state, night_step_state_name((enum night_step_state)i)) == 0) {
            *entry = (struct night_step_entry){.state = (enum night_step_state)i,
                                               .began_us = integer_at(object, "began_us"),
                                               .milliseconds = count_at(object, "ms"),
                                               .attempts = count_at(object, "attempts")};
            copy_text(json_object_get(object, "reason"), entry->reason, sizeof entry->reason);
            return true;
        }
    return false;
}

static void read_rebuild(const json_t *rebuild, struct night_journal *journal) {
    journal->generation_id = hash_at(rebuild, "generation");
    journal->content_hash = hash_at(rebuild, "content_hash");
    journal->place.position = count_at(rebuild, "position");
    journal->place.chain = hash_at(rebuild, "chain");
    journal->states = count_at(rebuild, "states");
    copy_text(json_object_get(rebuild, "warning"), journal->warning, sizeof journal->warning);
    copy_text(json_object_get(rebuild, "accepted"), journal->accepted, sizeof journal->accepted);
    journal->held_back = count_at(rebuild, "held_back");
    const json_t *held = json_object_get(rebuild, "held");
    journal->held_lines = json_array_size(held);
    if (journal->held_lines > NIGHT_HELD_LINES_MAX)
        journal->held_lines = NIGHT_HELD_LINES_MAX;
    for (size_t i = 0; i < journal->held_lines; i++)
        copy_text(json_array_get(held, i), journal->held[i].text, sizeof journal->held[i].text);
}

static bool read_journal(const json_t *object, struct night_journal *journal) {
    int64_t day;
    copy_text(json_object_get(object, "date"), journal->date, sizeof journal->date);
    journal->began_us = integer_at(object, "began_us");
    journal->ended_us = integer_at(object, "ended_us");
    journal->has_failed = json_is_true(json_object_get(object, "failed"));
    const json_t *steps = json_object_get(object, "steps");
    for (size_t i = 0; i < NIGHT_STEP_COUNT; i++)
        if (!read_step(steps, (enum night_step)i, &journal->steps[i]))
            return false;
    read_rebuild(json_object_get(object, "rebuild"), journal);
    const json_t *verify = json_object_get(object, "verify");
    journal->is_sample = json_is_true(json_object_get(verify, "sample"));
    journal->verified = count_at(verify, "states");
    journal->different = count_at(verify, "different");
    const json_t *compare = json_object_get(object, "compare");
    copy_text(json_object_get(compare, "candidate"), journal->compared, sizeof journal->compared);
    journal->is_better = json_is_true(json_object_get(compare, "is_better"));
    copy_text(json_object_get(compare, "text"), journal->comparison, sizeof journal->comparison);
    copy_text(json_object_get(json_object_get(object, "train"), "candidate"), journal->trained,
              sizeof journal->trained);
    const json_t *findings = json_object_get(object, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        journal->findings[i] = count_at(findings, night_severity_name((enum night_severity)i));
    const json_t *seal = json_object_get(object, "seal");
    journal->sealed = count_at(seal, "segments");
    journal->sealed_bytes = count_at(seal, "bytes");
    journal->sealed_stored_bytes = count_at(seal, "stored_bytes");
    journal->hook_status = (int)integer_at(object, "hook_status");
    return night_date_parse(journal->date, &day);
}

int night_journal_read(int folder, struct night_journal *ret_journal, struct error *ret_error) {
    char *bytes;
    size_t length;
    int r = file_load(folder, NIGHT_JOURNAL_NAME, NIGHT_FILE_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 1;
    if (r < 0)
        return r;
    json_t *object = json_loadb(bytes, length, 0, NULL);
    free(bytes);
    struct night_journal *journal = check_calloc(1, sizeof *journal);
    if (object && read_journal(object, journal))
        *ret_journal = *journal;
    else
        r = error_set(ret_error, ERROR_DAMAGED,
                      NIGHT_JOURNAL_NAME ": it is no journal of a night; remove the folder of this "
                                         "date to begin the night again");
    free(journal);
    json_decref(object);
    return r;
}
