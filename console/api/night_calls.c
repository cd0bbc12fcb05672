/* The nights, their reports, and what their guard held back. */
#include "call.h"

#include "batch/base/day.h"
#include "console/operations/acceptance.h"
#include "console/operations/night_shape.h"
#include "console/operations/nights.h"
#include "core/base/json_writer.h"
#include "core/store/nights/night_files.h"

#include <stdlib.h>
#include <unistd.h>

#define DRIFT_NIGHTS 60

static int open_folder(const struct call *call, int *ret_folder, struct error *ret_error) {
    char *path = nights_folder(call->console->reports, call->console->archive);
    int r = nights_open(path, ret_folder, ret_error);
    free(path);
    return r;
}

/* Without a folder the answer is empty and says why: a server without nights is no failure of the
 * console. */
static void write_of_folder(struct call *call, void (*write)(int, struct call *)) {
    struct buffer *out = &call->answer->body;
    struct error error;
    int folder;
    json_begin_object(out, NULL);
    if (open_folder(call, &folder, &error) < 0) {
        json_begin_array(out, "nights");
        json_end_array(out);
        json_add_text(out, "folder_problem", text_of(error.text));
    } else {
        write(folder, call);
        close(folder);
    }
    json_end_object(out);
}

static void write_list(int folder, struct call *call) {
    nights_write(folder, day_of_us(call->now_us), &call->answer->body);
}

int nights_show(struct call *call, struct error *ret_error) {
    (void)ret_error;
    write_of_folder(call, write_list);
    return 0;
}

static void write_drift(int folder, struct call *call) {
    nights_write_drift(folder, day_of_us(call->now_us), DRIFT_NIGHTS, &call->answer->body);
}

int nights_drift(struct call *call, struct error *ret_error) {
    (void)ret_error;
    write_of_folder(call, write_drift);
    return 0;
}

static void write_held(int folder, struct call *call) {
    acceptance_write(folder, &call->answer->body);
}

int nights_thresholds(struct call *call, struct error *ret_error) {
    (void)ret_error;
    write_of_folder(call, write_held);
    return 0;
}

/* Checked, and then as it is: the page reads what the check has looked at. A file that is not what
 * it should be is the folder's fault, and said as such. */
int nights_report(struct call *call, struct error *ret_error) {
    const char *date = web_query(call->request, "date");
    json_t *report;
    int64_t day;
    int folder;
    if (!night_date_parse(date, &day))
        return error_set(ret_error, ERROR_INVALID, "date: expected a day, such as 2026-01-31");
    int r = open_folder(call, &folder, ret_error);
    if (r < 0)
        return r;
    r = nights_load(folder, date, "report.json", night_report_shape, &report, ret_error);
    close(folder);
    if (r < 0) {
        call->answer->status = r == -(int)ERROR_DAMAGED ? 422 : 0;
        return r;
    }
    char *text = json_dumps(report, JSON_COMPACT);
    json_decref(report);
    buffer_append_string(&call->answer->body, text);
    free(text);
    return 0;
}

/* ---- what was held back ---- */

static struct acceptance_by by(const struct call *call) {
    return (struct acceptance_by){
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
}

int nights_accept(struct call *call, struct error *ret_error) {
    const struct acceptance_by who = by(call);
    const char *reason;
    int folder;
    int r = call_reason(call, &reason, ret_error);
    if (r == 0)
        r = open_folder(call, &folder, ret_error);
    if (r < 0)
        return r;
    r = acceptance_make(call->console->sql, folder, json_object_get(call->body, "thresholds"),
                        json_object_get(call->body, "cutoffs"), reason, &who, ret_error);
    close(folder);
    buffer_append_string(&call->answer->body, "{}");
    return r;
}

int nights_take_back(struct call *call, struct error *ret_error) {
    const struct acceptance_by who = by(call);
    int folder, r = open_folder(call, &folder, ret_error);
    if (r < 0)
        return r;
    r = acceptance_take_back(call->console->sql, folder, &who, ret_error);
    close(folder);
    buffer_append_string(&call->answer->body, "{}");
    return r;
}
