/* People and the audit log: for admins. */
#include "call.h"

#include "console/database/audit.h"
#include "core/base/json_writer.h"

#include <stdio.h>
#include <string.h>

#define ENTRIES_MOST 500

int people_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    json_begin_object(out, NULL);
    int r = people_list(call->console->sql, out, ret_error);
    json_end_object(out);
    return r;
}

static int read_role(const struct call *call, enum role *ret_role, struct error *ret_error) {
    const char *name;
    int r = call_text(call, "role", 16, &name, ret_error);
    if (r == 0 && !role_parse(text_of(name), ret_role))
        r = error_set(ret_error, ERROR_INVALID,
                      "role: expected viewer, analyst, author, approver or admin");
    return r;
}

static int note(const struct call *call, const char *name, const char *before, const char *after,
                struct error *ret_error) {
    const struct audit_entry entry = {.at_us = call->now_us,
                                      .person = call->session.person.name,
                                      .address = call->address,
                                      .action = "person",
                                      .subject = name,
                                      .before = before,
                                      .after = after};
    return audit_add(call->console->sql, &entry, ret_error);
}

/* The new person's first password is made here and shown once, to the admin. */
int people_create(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct sql *sql = call->console->sql;
    char password[SECRET_SIZE], hash[PASSWORD_HASH_SIZE];
    const char *name;
    enum role role;
    int r = call_text(call, "name", PERSON_NAME_MAX, &name, ret_error);
    if (r == 0)
        r = person_check_name(text_of(name), ret_error);
    if (r == 0)
        r = read_role(call, &role, ret_error);
    if (r < 0)
        return r;
    secret_new(password);
    password_hash(text_of(password), hash);
    r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = people_add(sql, name, role, hash, call->now_us, ret_error);
    if (r == 0)
        r = note(call, name, "", role_name(role), ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    if (r < 0 || ended < 0)
        return r < 0 ? r : ended;
    json_begin_object(out, NULL);
    json_add_text(out, "password", text_of(password));
    json_end_object(out);
    return 0;
}

static const char *shown(enum role role, bool disabled) {
    return disabled ? "disabled" : role_name(role);
}

int people_update(struct call *call, struct error *ret_error) {
    struct sql *sql = call->console->sql;
    const json_t *disabled = json_object_get(call->body, "disabled");
    struct person before;
    const char *name;
    enum role role;
    int r = call_text(call, "name", PERSON_NAME_MAX, &name, ret_error);
    if (r == 0)
        r = read_role(call, &role, ret_error);
    if (r == 0 && !json_is_boolean(disabled))
        r = error_set(ret_error, ERROR_INVALID, "disabled: expected true or false");
    if (r == 0)
        r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = people_find(sql, name, &before, NULL, ret_error);
    if (r == 0)
        r = people_change(sql, name, role, json_is_true(disabled), ret_error);
    if (r == 0)
        r = note(call, name, shown(before.role, before.disabled),
                 shown(role, json_is_true(disabled)), ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    buffer_append_string(&call->answer->body, "{}");
    return r < 0 ? r : ended;
}

int audit_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    uint64_t before, limit;
    int r = web_query_number(call->request, "before", INT64_MAX, 0, &before, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", ENTRIES_MOST, 100, &limit, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    r = audit_list(call->console->sql, web_query(call->request, "person"),
                   web_query(call->request, "action"), (int64_t)before, (int64_t)limit, out,
                   ret_error);
    json_end_object(out);
    return r;
}
