#include "people.h"

#include "core/base/json_writer.h"
#include "password.h"

#include <stdio.h>
#include <string.h>

static const char *const role_names[] = {
    [ROLE_NONE] = "",         [ROLE_VIEWER] = "viewer",     [ROLE_ANALYST] = "analyst",
    [ROLE_AUTHOR] = "author", [ROLE_APPROVER] = "approver", [ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role) {
    return role_names[role];
}

bool role_parse(struct text name, enum role *ret_role) {
    for (enum role role = ROLE_VIEWER; role < ROLE_COUNT; role++) {
        if (text_is(name, role_names[role])) {
            *ret_role = role;
            return true;
        }
    }
    return false;
}

int person_check_name(struct text name, struct error *ret_error) {
    static const char others[] = "._-@";
    bool is_good = name.length > 0 && name.length <= PERSON_NAME_MAX;
    for (size_t i = 0; i < name.length && is_good; i++) {
        char c = name.data[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || text_is_digit(c) ||
                  (c != '\0' && strchr(others, c));
    }
    if (!is_good)
        return error_set(ret_error, ERROR_INVALID,
                         "a person's name has 1 to %d letters, digits and . _ - @",
                         PERSON_NAME_MAX);
    return 0;
}

int people_add(struct sql *sql, const char *name, enum role role, const char *password,
               int64_t now_us, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "INSERT INTO people (name, role, password, created_us) "
                    "SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS "
                    "(SELECT 1 FROM people WHERE name = ?1 COLLATE NOCASE)",
                    "ttti", name, role_name(role), password, now_us);
    if (r == 0)
        return error_set(ret_error, ERROR_EXISTS,
                         "there is a person named %s; capital letters make no other name", name);
    return r < 0 ? r : 0;
}

struct found {
    struct person *person;
    char *password;
};

static int take_person(void *user, const struct sql_row *row, struct error *ret_error) {
    const struct found *found = user;
    struct person *person = found->person;
    *person = (struct person){.id = sql_integer(row, 0), .disabled = sql_integer(row, 3) != 0};
    snprintf(person->name, sizeof person->name, "%s", sql_text(row, 1));
    if (!role_parse(text_of(sql_text(row, 2)), &person->role))
        return error_set(ret_error, ERROR_DAMAGED, "the console's database has no role for %s",
                         person->name);
    if (found->password)
        snprintf(found->password, PASSWORD_HASH_SIZE, "%s", sql_text(row, 4));
    return 0;
}

int people_find(struct sql *sql, const char *name, struct person *ret_person, char *ret_password,
                struct error *ret_error) {
    struct found found = {.person = ret_person, .password = ret_password};
    int r =
        sql_each(sql, ret_error, take_person, &found,
                 "SELECT id, name, role, disabled, password FROM people WHERE name = ?", "t", name);
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no person named %s", name);
    return r < 0 ? r : 0;
}

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

static int end_sessions(struct sql *sql, const char *name, struct error *ret_error) {
    return sql_run(sql, ret_error,
                   "DELETE FROM sessions WHERE person = (SELECT id FROM people WHERE name = ?)",
                   "t", name);
}

/* After a change. */
static int check_admin_left(struct sql *sql, struct error *ret_error) {
    int64_t admins = 0;
    int r = sql_each(sql, ret_error, take_integer, &admins,
                     "SELECT count(*) FROM people WHERE role = 'admin' AND NOT disabled", "");
    if (r >= 0 && admins == 0)
        r = error_set(ret_error, ERROR_INVALID,
                      "this is the last admin who can sign in: make another one first");
    return r;
}

int people_change(struct sql *sql, const char *name, enum role role, bool disabled,
                  struct error *ret_error) {
    int r = sql_run(sql, ret_error, "UPDATE people SET role = ?, disabled = ? WHERE name = ?",
                    "tit", role_name(role), (int64_t)disabled, name);
    if (r == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no person named %s", name);
    if (r >= 0)
        r = check_admin_left(sql, ret_error);
    if (r >= 0)
        r = end_sessions(sql, name, ret_error);
    return r < 0 ? r : 0;
}

int people_set_password(struct sql *sql, const char *name, const char *password,
                        struct error *ret_error) {
    int r = sql_run(sql, ret_error, "UPDATE people SET password = ? WHERE name = ?", "tt", password,
                    name);
    if (r == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no person named %s", name);
    if (r >= 0)
        r = end_sessions(sql, name, ret_error);
    return r < 0 ? r : 0;
}

static int take_listed(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_text(out, "name", text_of(sql_text(row, 0)));
    json_add_text(out, "role", text_of(sql_text(row, 1)));
    json_add_bool(out, "disabled", sql_integer(row, 2) != 0);
    json_add_time(out, "created", sql_integer(row, 3));
    json_add_signed(out, "sessions", sql_integer(row, 4));
    json_end_object(out);
    return 0;
}

int people_list(struct sql *sql, struct buffer *out, struct error *ret_error) {
    json_begin_array(out, "people");
    int r = sql_each(sql, ret_error, take_listed, out,
                     "SELECT name, role, disabled, created_us, "
                     "(SELECT count(*) FROM sessions WHERE person = people.id) "
                     "FROM people ORDER BY name",
                     "");
    json_end_array(out);
    return r < 0 ? r : 0;
}

int people_count(struct sql *sql, int64_t *ret_count, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_integer, ret_count, "SELECT count(*) FROM people", "");
    return r < 0 ? r : 0;
}
