/* The policy's lists: which of them have a value, and changes of them, which the server makes. */
#include "call.h"

#include "console/database/audit.h"
#include "console/database/reviews.h"
#include "core/base/json_writer.h"
#include "core/wire/types/list_change.h"
#include "protection.h"
#include "server/ops/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the audit log, for a value that may be the clear one of something protected. */
#define VALUE_LEFT_OUT "(value not kept)"

#define DEADLINE_US UINT64_C(10000000)
#define FOR_MOST_S  (UINT64_C(3660) * 86400) /* as of `harrier list` */
#define SHOWN_SIZE  (LIST_CHANGE_REASON_MAX + 128)

int lists_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct text value = text_of(web_query(call->request, "value"));
    if (value.length == 0 || value.length > LIST_CHANGE_VALUE_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "value: expected what to look for, of 1 to %d bytes",
                         LIST_CHANGE_VALUE_MAX);
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    int r = lists_write(call->console->lists, value, out, ret_error);
    json_end_object(out);
    return r;
}

/* ---- changes ---- */

/* What a person asks for. */
struct asked {
    struct harrier_list_change change;
    const char *shown; /* the value, in the audit log */
    char source[sizeof REVIEW_SOURCE + PERSON_NAME_MAX];
};

static int read_change(const struct call *call, struct asked *ret_asked, struct error *ret_error) {
    const json_t *remove = json_object_get(call->body, "remove");
    struct harrier_list_change *change = &ret_asked->change;
    uint64_t for_s;
    *ret_asked = (struct asked){.change = {.list = NULL}};
    int r = call_text(call, "list", LIST_CHANGE_NAME_MAX, &change->list, ret_error);
    if (r == 0)
        r = call_text(call, "value", LIST_CHANGE_VALUE_MAX, &change->value, ret_error);
    if (r == 0)
        r = call_text(call, "reason", LIST_CHANGE_REASON_MAX, &change->reason, ret_error);
    if (r == 0)
        r = call_number(call, "for_s", &for_s, ret_error);
    if (r < 0)
        return r;
    if (!json_is_boolean(remove))
        return error_set(ret_error, ERROR_INVALID, "remove: expected true or false");
    if (for_s > FOR_MOST_S)
        return error_set(ret_error, ERROR_INVALID,
                         "for_s: expected at most %" PRIu64 " seconds, or 0 for no end",
                         FOR_MOST_S);
    if (*change->reason == '\0')
        return error_set(ret_error, ERROR_INVALID, "reason: say why, for those who ask later");
    change->remove = json_is_true(remove);
    if (for_s > 0 && !change->remove)
        change->expiry_time_us = call->now_us + (int64_t)for_s * 1000000;
    snprintf(ret_asked->source, sizeof ret_asked->source, REVIEW_SOURCE "%s",
             call->session.person.name);
    change->source = ret_asked->source;
    return 0;
}

static int note(const struct call *call, const struct asked *asked, const char *action,
                const char *before, const char *after, struct error *ret_error) {
    char subject[LIST_CHANGE_NAME_MAX + LIST_CHANGE_VALUE_MAX + 2];
    snprintf(subject, sizeof subject, "%s %s", asked->change.list, asked->shown);
    const struct audit_entry entry = {.at_us = clock_wall_us(&clock_system),
                                      .person = call->session.person.name,
                                      .address = call->address,
                                      .action = action,
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(call->console->sql, &entry, ret_error);
}

/* "on it", "on it until 2026-12-31T00:00:00Z", "not on it". */
static void describe(bool is_on, int64_t until_us, const char *reason, char ret_text[SHOWN_SIZE]) {
    struct buffer time;
    buffer_init(&time);
    json_add_time(&time, NULL, until_us);
    int length = (int)time.length - 2; /* without the quotes */
    snprintf(ret_text, SHOWN_SIZE, "%s%s%.*s%s%s", is_on ? "on it" : "not on it",
             is_on && until_us ? " until " : "", is_on && until_us ? length : 0,
             (const char *)time.bytes + 1, *reason ? ": " : "", reason);
    buffer_deinit(&time);
}

static int finish(struct call *call, struct asked *asked, const struct harrier_list_result *result,
                  struct error *ret_error) {
    const struct harrier_list_change *change = &asked->change;
    struct buffer *out = &call->answer->body;
    char before[SHOWN_SIZE], after[SHOWN_SIZE];
    if (result->error_code != HARRIER_OK) {
        struct harrier_error failure = {.code = result->error_code};
        snprintf(failure.message, sizeof failure.message, "%s", result->error_message);
        int r = note(call, asked, "list-refused", "", result->error_message, ret_error);
        return r < 0 ? r : connection_error(&failure, ret_error);
    }
    asked->shown = result->value; /* of a protected list: the pseudonym */
    describe(result->was_there, result->previous_expiry_time_us, "", before);
    describe(!change->remove, change->expiry_time_us, change->reason, after);
    json_begin_object(out, NULL);
    json_add_bool(out, "changed", result->changed);
    json_add_bool(out, "in_policy", result->in_policy);
    json_add_text(out, "value", text_of(result->value));
    json_end_object(out);
    return note(call, asked, "list", before, result->changed ? after : before, ret_error);
}

/* The log has what was asked before the server is, so that no change can be made without an entry;
 * the database is not locked meanwhile. Of a protected value it has the pseudonym that the
 * server answers. The archive has the person as its source as well. */
int lists_change(struct call *call, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    char text[SHOWN_SIZE];
    struct asked asked;
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = read_change(call, &asked, ret_error);
    if (r < 0)
        return r;
    asked.shown = protection_shows_value(call, asked.change.list, asked.change.value)
                      ? asked.change.value
                      : VALUE_LEFT_OUT;
    describe(!asked.change.remove, asked.change.expiry_time_us, asked.change.reason, text);
    r = note(call, &asked, "list-asked", "", text, ret_error);
    if (r < 0)
        return r;
    if (harrier_change_lists(connection_client(call->console->connection), &asked.change, 1,
                             &options, &reply, &error) < 0) {
        r = note(call, &asked, "list-failed", "", error.message, ret_error);
        return r < 0 ? r : connection_error(&error, ret_error);
    }
    r = finish(call, &asked, &reply->list_changes[0], ret_error);
    harrier_reply_free(reply);
    return r;
}
