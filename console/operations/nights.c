#include "nights.h"

#include "clients/cli/terminal/folders.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_journal.h"
#include "night_shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAX    (1 << 20) /* bytes; real ones have some thousand */
#define FEATURES_MOST  500
#define NAME_LONGEST   256

/* ---- the folder ---- */

char *nights_folder(const char *reports, const char *archive) {
    if (reports)
        return text_copy(text_of(reports));
    char *inner = folder_of_archive(archive);
    char *path = strcmp(inner, archive) == 0 ? name_printf("%s/../" FOLDER_NIGHTS, archive)
                                             : name_printf("%s/" FOLDER_NIGHTS, archive);
    free(inner);
    return path;
}

int nights_open(const char *path, int *ret_folder, struct error *ret_error) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "there is no folder %s: no night has run, or its reports are elsewhere "
                         "(--reports FOLDER)",
                         path);
    if (folder < 0)
        return error_set_errno(ret_error, errno, "cannot open %s", path);
    *ret_folder = folder;
    return 0;
}

int nights_summary(const char *path, struct night_summary *ret_summary, struct error *ret_error) {
    int folder, r = nights_open(path, &folder, ret_error);
    if (r < 0)
        return r;
    r = night_summary_read_from(folder, ret_summary, ret_error);
    close(folder);
    return r;
}

/* -1: there is none of this date. */
static int open_night(int folder, const char *date) {
    return openat(folder, date, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Only regular files: opening a FIFO would wait for ever. */
static int check_file(int folder, const char *name, off_t most, struct error *ret_error) {
    struct stat status;
    if (fstatat(folder, name, &status, 0) < 0)
        return errno == ENOENT ? error_set(ret_error, ERROR_NOT_FOUND, "there is no %s", name)
                               : error_set_errno(ret_error, errno, "%s", name);
    if (!S_ISREG(status.st_mode))
        return error_set(ret_error, ERROR_DAMAGED, "%s: it is no file", name);
    if (status.st_size > most)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: it has more than %lld bytes", name,
                         (long long)most);
    return 0;
}

/* ---- the list ---- */

static void write_steps(const struct night_journal *journal, struct buffer *out) {
    json_begin_array(out, "steps");
    for (int i = 0; i < NIGHT_STEP_COUNT; i++) {
        const struct night_step_entry *entry = &journal->steps[i];
        json_begin_object(out, NULL);
        json_add_text(out, "step", text_of(night_step_name((enum night_step)i)));
        json_add_text(out, "state", text_of(night_step_state_name(entry->state)));
        json_add_unsigned(out, "ms", entry->milliseconds);
        json_add_text(out, "reason", text_of(entry->reason));
        json_end_object(out);
    }
    json_end_array(out);
}

static void write_journal(const struct night_journal *journal, struct buffer *out) {
    json_add_time(out, "began", journal->began_us);
    if (journal->ended_us != 0)
        json_add_time(out, "ended", journal->ended_us);
    json_add_bool(out, "complete", night_journal_is_complete(journal));
    json_add_bool(out, "failed", journal->has_failed);
    json_add_bool(out, "models_failed", night_journal_models_failed(journal));
    write_steps(journal, out);
    json_begin_object(out, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(out, night_severity_name((enum night_severity)i), journal->findings[i]);
    json_end_object(out);
    json_add_unsigned(out, "held_back", journal->held_back);
    json_add_text(out, "accepted", text_of(journal->accepted));
    json_add_text(out, "warning", text_of(journal->warning));
    json_add_unsigned(out, "verified", journal->verified);
    json_add_unsigned(out, "different", journal->different);
    json_add_bool(out, "sample", journal->is_sample);
}

static int read_journal(int night, struct night_journal *journal, struct error *ret_error) {
    int r = check_file(night, NIGHT_JOURNAL_NAME, JOURNAL_MAX, ret_error);
    return r < 0 ? r : night_journal_read(night, journal, ret_error);
}

static void write_night(int folder, const char *date, struct buffer *out) {
    struct night_journal *journal = check_calloc(1, sizeof *journal);
    struct error error;
    int night = open_night(folder, date);
    json_begin_object(out, NULL);
    json_add_text(out, "date", text_of(date));
    json_add_bool(out, "missing", night < 0);
    if (night >= 0) {
        if (read_journal(night, journal, &error) < 0)
            json_add_text(out, "problem", text_of(error.text));
        else
            write_journal(journal, out);
        json_add_bool(out, "report", faccessat(night, "report.json", F_OK, 0) == 0);
        close(night);
    }
    json_end_object(out);
    free(journal);
}

/* The first day of the last ones that has a folder; today + 1: none has. */
static int64_t first_night(int folder, int64_t today) {
    char date[NIGHT_DATE_SIZE];
    for (int64_t day = today - NIGHTS_SHOWN + 1; day <= today; day++)
        if (faccessat(folder, night_date_format(day, date), F_OK, 0) == 0)
            return day;
    return today + 1;
}

void nights_write(int folder, int64_t today, struct buffer *out) {
    char date[NIGHT_DATE_SIZE];
    int64_t first = first_night(folder, today);
    json_begin_array(out, "nights");
    for (int64_t day = today; day >= first; day--) {
        night_date_format(day, date);
        /* Today's may still come. */
        if (day == today && faccessat(folder, date, F_OK, 0) < 0)
            continue;
        write_night(folder, date, out);
    }
    json_end_array(out);
}

/* ---- files ---- */

static int parse(char *bytes, size_t length, const char *const *shape, json_t **ret_object,
                 struct error *ret_error) {
    json_error_t where;
    json_t *object = json_loadb(bytes, length, 0, &where);
    free(bytes);
    if (!object)
        return error_set(ret_error, ERROR_DAMAGED, "it is not JSON: line %d: %s", where.line,
                         where.text);
    int r = night_shape_check(object, shape, ret_error);
    if (r < 0)
        json_decref(object);
    else
        *ret_object = object;
    return r;
}

int nights_load(int folder, const char *date, const char *name, const char *const *shape,
                json_t **ret_object, struct error *ret_error) {
    char *bytes;
    size_t length;
    int night = date ? open_night(folder, date) : folder;
    if (night < 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no night of %s", date);
    int r = check_file(night, name, (off_t)NIGHT_REPORT_MAX, ret_error);
    if (r == 0)
        r = file_load(night, name, NIGHT_REPORT_MAX, &bytes, &length, ret_error);
    if (date)
        close(night);
    if (r < 0)
        return r;
    r = parse(bytes, length, shape, ret_object, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s%s%s", date ? date : "", date ? "/" : "", name) : 0;
}

/* ---- drift ---- */

/* Features that were compared; the array has been checked. */
static void write_features(const json_t *features, struct buffer *out) {
    size_t written = 0;
    json_begin_array(out, "features");
    for (size_t i = 0; i < json_array_size(features) && written < FEATURES_MOST; i++) {
        const json_t *feature = json_array_get(features, i);
        const json_t *index = json_object_get(feature, "stability_index");
        const char *name = json_string_value(json_object_get(feature, "feature"));
        if (!json_is_number(index) || strlen(name) > NAME_LONGEST)
            continue;
        json_begin_object(out, NULL);
        json_add_text(out, "feature", text_of(name));
        json_add_value(out, TEXT_LITERAL("index"), value_double(json_number_value(index)));
        json_add_value(out, TEXT_LITERAL("noise"),
                       value_double(json_number_value(json_object_get(feature, "noise"))));
        json_end_object(out);
        written++;
    }
    json_end_array(out);
}

static void write_drift(const char *date, const json_t *report, struct buffer *out) {
    const json_t *drift = json_object_get(report, "drift");
    const json_t *score = json_object_get(drift, "score");
    const json_t *index = json_object_get(score, "stability_index");
    const char *reason = json_string_value(json_object_get(drift, "reason"));
    json_begin_object(out, NULL);
    json_add_text(out, "date", text_of(date));
    json_add_text(out, "reason", text_of(reason ? reason : ""));
    json_add_value(out, TEXT_LITERAL("score"),
                   json_is_number(index) ? value_double(json_number_value(index))
                                         : value_absent());
    json_add_value(out, TEXT_LITERAL("noise"),
                   value_double(json_number_value(json_object_get(score, "noise"))));
    write_features(json_object_get(drift, "features"), out);
    json_end_object(out);
}

void nights_write_drift(int folder, int64_t today, size_t most, struct buffer *out) {
    char date[NIGHT_DATE_SIZE];
    struct error error;
    json_begin_array(out, "nights");
    for (int64_t day = today - (int64_t)most + 1; day <= today; day++) {
        json_t *report;
        night_date_format(day, date);
        if (nights_load(folder, date, "report.json", night_report_shape, &report, &error) < 0)
            continue; /* the list of nights says why */
        write_drift(date, report, out);
        json_decref(report);
    }
    json_end_array(out);
}
