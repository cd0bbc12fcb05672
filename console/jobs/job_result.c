/* A line of JOB_CHANGES: two digits, the verdicts before and after (enum verdict), and a JSON
 * object. So a filter needs no parser, and a page starts at a byte. */
#include "job_result.h"

#include "clients/cli/io/money.h"
#include "core/base/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX  ((off_t)32 << 20)
#define PATH_MOST 4096

/* ---- splitting ---- */

static enum verdict verdict_of(const json_t *side) {
    const char *name = json_string_value(json_object_get(side, "verdict"));
    enum verdict verdict = VERDICT_NONE;
    while (name && verdict < VERDICT_COUNT && strcmp(verdict_name(verdict), name) != 0)
        verdict++;
    return verdict < VERDICT_COUNT ? verdict : VERDICT_NONE;
}

/* As everywhere in the console: a text with the currency's decimals. */
static void set_amount(json_t *change) {
    const json_t *amount = json_object_get(change, "amount");
    const char *currency = json_string_value(json_object_get(change, "currency"));
    char text[MONEY_SIZE];
    if (json_is_integer(amount) && currency)
        json_object_set_new(
            change, "amount",
            json_string(money_format(json_integer_value(amount), text_of(currency), text)));
}

static int write_change(FILE *file, json_t *change) {
    set_amount(change);
    if (fprintf(file, "%d%d", (int)verdict_of(json_object_get(change, "against")),
                (int)verdict_of(json_object_get(change, "replayed"))) < 0 ||
        json_dumpf(change, file, JSON_COMPACT) < 0 || fputc('\n', file) == EOF)
        return -1;
    return 0;
}

static int write_changes(const json_t *listed, const char *path, struct error *ret_error) {
    FILE *file = fopen(path, "we");
    size_t i;
    json_t *change;
    int r = file ? 0 : -1;
    json_array_foreach(listed, i, change) {
        if (r == 0)
            r = write_change(file, change);
    }
    int number = errno;
    if (file && fclose(file) != 0 && r == 0) {
        number = errno;
        r = -1;
    }
    return r < 0 ? error_set_errno(ret_error, number, "cannot write %s", path) : 0;
}

static int write_figures(const json_t *report, const char *path, struct error *ret_error) {
    if (json_dump_file(report, path, JSON_COMPACT) < 0)
        return error_set_errno(ret_error, errno, "cannot write %s", path);
    return 0;
}

int job_result_split(const char *folder, struct error *ret_error) {
    char from[PATH_MOST + 16], figures[PATH_MOST + 16], changes[PATH_MOST + 16];
    json_error_t problem;
    snprintf(from, sizeof from, "%s/" JOB_REPORT, folder);
    snprintf(figures, sizeof figures, "%s/" JOB_FIGURES, folder);
    snprintf(changes, sizeof changes, "%s/" JOB_CHANGES, folder);
    json_t *report = json_load_file(from, 0, &problem);
    json_t *changed = json_object_get(report, "changed");
    const json_t *listed = json_object_get(changed, "listed");
    int r = 0;
    if (!json_is_array(listed))
        r = error_set(ret_error, ERROR_DAMAGED, "%s is no report of a replay: %s", from,
                      report ? "it has no changes" : problem.text);
    if (r == 0)
        r = write_changes(listed, changes, ret_error);
    if (r == 0) {
        json_object_set_new(changed, "count", json_integer((json_int_t)json_array_size(listed)));
        json_object_del(changed, "listed");
        r = write_figures(report, figures, ret_error);
    }
    json_decref(report);
    if (r == 0)
        remove(from);
    return r;
}

/* ---- reading ---- */

static int open_file(const char *path, FILE **ret_file, struct stat *ret_status,
                     struct error *ret_error) {
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "the job has left no such result");
    if (!file)
        return error_set_errno(ret_error, errno, "cannot open %s", path);
    if (fstat(fileno(file), ret_status) < 0) {
        int number = errno;
        fclose(file);
        return error_set_errno(ret_error, number, "cannot read %s", path);
    }
    *ret_file = file;
    return 0;
}

int job_result_read(const char *path, struct buffer *out, struct error *ret_error) {
    struct stat status;
    FILE *file;
    int r = open_file(path, &file, &status, ret_error);
    if (r < 0)
        return r;
    if (status.st_size > FILE_MAX)
        r = error_set(ret_error, ERROR_TOO_LARGE, "%s has more than 32 MiB", path);
    if (r == 0) {
        size_t size = (size_t)status.st_size;
        uint8_t *room = buffer_reserve(out, size);
        if (fread(room, 1, size, file) == size)
            out->length += size;
        else
            r = error_set(ret_error, ERROR_SYSTEM, "cannot read %s", path);
    }
    fclose(file);
    return r;
}

int job_result_add(const char *path, const char *key, struct buffer *out, struct error *ret_error) {
    struct buffer text;
    buffer_init(&text);
    int r = job_result_read(path, &text, ret_error);
    buffer_append_u8(&text, '\0');
    if (r == 0)
        json_add_number(out, key, (const char *)text.bytes);
    buffer_deinit(&text);
    return r;
}

static bool fits(const struct job_changes_query *query, const char *line) {
    unsigned before = (unsigned)(line[0] - '0'), after = (unsigned)(line[1] - '0');
    int step = (after > before) - (after < before);
    return (query->before == 0 || (query->before & (1u << before))) &&
           (query->after == 0 || (query->after & (1u << after))) &&
           (query->step == 0 || query->step == step);
}

static bool is_line(const char *line, size_t length) {
    return length > 3 && line[0] >= '0' && line[0] < '0' + VERDICT_COUNT && line[1] >= '0' &&
           line[1] < '0' + VERDICT_COUNT && line[2] == '{' && line[length - 1] == '\n';
}

/* *ret_next: where the first line begins that fits and is no longer on the page; 0: there is
 * none. */
static int read_lines(FILE *file, const struct job_changes_query *query, struct buffer *out,
                      uint64_t *ret_next, struct error *ret_error) {
    uint64_t at = query->at;
    size_t taken = 0, room = 0;
    char *line = NULL;
    ssize_t length;
    int r = 0;
    *ret_next = 0;
    while (r == 0 && *ret_next == 0 && (length = getline(&line, &room, file)) > 0) {
        if (!is_line(line, (size_t)length))
            r = error_set(ret_error, ERROR_INVALID, "at: there is no page that begins here");
        else if (fits(query, line) && taken == query->limit)
            *ret_next = at;
        else if (fits(query, line)) {
            line[length - 1] = '\0';
            json_add_number(out, NULL, line + 2);
            taken++;
        }
        at += (uint64_t)length;
    }
    free(line);
    return r;
}

int job_result_changes(const char *path, const struct job_changes_query *query, struct buffer *out,
                       struct error *ret_error) {
    struct stat status;
    uint64_t next = 0;
    FILE *file;
    int r = open_file(path, &file, &status, ret_error);
    if (r < 0)
        return r;
    if (query->at > (uint64_t)status.st_size || fseeko(file, (off_t)query->at, SEEK_SET) < 0)
        r = error_set(ret_error, ERROR_INVALID, "at: there is no page that begins here");
    json_begin_array(out, "changes");
    if (r == 0)
        r = read_lines(file, query, out, &next, ret_error);
    json_end_array(out);
    if (next > 0)
        json_add_unsigned(out, "next", next);
    fclose(file);
    return r;
}
