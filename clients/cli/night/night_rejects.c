#include "night_rejects.h"

#include "batch/base/day.h"
#include "clients/cli/io/timestamp.h"
#include "core/store/archive/file.h"
#include "core/wire/types/reject_column.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *member(const json_t *row, enum reject_column column) {
    const char *text = json_string_value(json_object_get(row, reject_column_name(column)));
    return text ? text : "";
}

/* Reasons beyond the limit are counted together in the last one. */
static struct night_reject_reason *reason_of(struct night_rejects *rejects, const json_t *row) {
    const char *field = member(row, REJECT_FIELD);
    char name[sizeof rejects->reasons->name];
    snprintf(name, sizeof name, "%s%s%s", member(row, REJECT_CODE), *field ? " " : "", field);
    for (size_t i = 0; i < rejects->count; i++)
        if (strcmp(rejects->reasons[i].name, name) == 0)
            return &rejects->reasons[i];
    if (rejects->count == NIGHT_REJECT_REASONS_MAX)
        return &rejects->reasons[NIGHT_REJECT_REASONS_MAX - 1];
    struct night_reject_reason *reason = &rejects->reasons[rejects->count++];
    *reason = (struct night_reject_reason){.is_event_time = strncmp(field, "event_time", 10) == 0};
    if (rejects->count == NIGHT_REJECT_REASONS_MAX)
        snprintf(name, sizeof name, "others");
    memcpy(reason->name, name, sizeof reason->name);
    return reason;
}

static void count_row(struct night_rejects *rejects, const char *line, size_t length, int64_t day) {
    const struct timestamp_format rfc3339 = {.kind = TIMESTAMP_RFC3339};
    struct error ignored;
    int64_t received_us;
    json_t *row = json_loadb(line, length, 0, NULL);
    if (!json_is_object(row) || timestamp_parse(text_of(member(row, REJECT_RECEIVED_TIME)),
                                                &rfc3339, &received_us, &ignored) < 0) {
        rejects->unreadable++;
        json_decref(row);
        return;
    }
    int64_t age = day - day_of_us(received_us);
    if (day_of_us(received_us) < rejects->first_day)
        rejects->first_day = day_of_us(received_us);
    if (age >= 0 && age <= NIGHT_WEEK) {
        struct night_reject_reason *reason = reason_of(rejects, row);
        *(age == 0 ? &reason->now : &reason->before) += 1;
        *(age == 0 ? &rejects->now : &rejects->before) += 1;
    }
    json_decref(row);
}

static int count_file(struct night_rejects *rejects, const char *path, int64_t day,
                      struct error *ret_error) {
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (!file)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "cannot open %s", path);
    rejects->is_known = true;
    while ((length = getline(&line, &room, file)) > 0)
        if (line[length - 1] == '\n') /* else it is being written */
            count_row(rejects, line, (size_t)length, day);
    int r = ferror(file) ? error_set_errno(ret_error, errno, "cannot read %s", path) : 0;
    free(line);
    fclose(file);
    return r;
}

static int compare_reasons(const void *left, const void *right) {
    const struct night_reject_reason *a = left, *b = right;
    if (a->now != b->now)
        return a->now > b->now ? -1 : 1;
    return strcmp(a->name, b->name);
}

int night_rejects_count(const char *path, int64_t day, struct night_rejects *ret_rejects,
                        struct error *ret_error) {
    char *older = name_printf("%s.1", path);
    *ret_rejects = (struct night_rejects){.first_day = INT64_MAX};
    int r = count_file(ret_rejects, older, day, ret_error);
    if (r == 0)
        r = count_file(ret_rejects, path, day, ret_error);
    free(older);
    qsort(ret_rejects->reasons, ret_rejects->count, sizeof *ret_rejects->reasons, compare_reasons);
    return r;
}
