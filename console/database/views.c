#include "views.h"

#include "audit.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUBJECT_SIZE (VIEW_NAME_MAX + 32)

/* ---- what may be kept ---- */

static bool has_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

int view_check(const struct view *view, struct error *ret_error) {
    static const char *const screens[] = {"live", "queue", "search"};
    bool is_screen = false;
    for (size_t i = 0; i < sizeof screens / sizeof *screens; i++)
        is_screen |= strcmp(view->screen, screens[i]) == 0;
    if (!is_screen)
        return error_set(ret_error, ERROR_INVALID, "screen: expected live, queue or search");
    if (*view->name == '\0' || strlen(view->name) > VIEW_NAME_MAX || has_control(view->name))
        return error_set(ret_error, ERROR_INVALID,
                         "name: expected 1 to %d bytes without control characters", VIEW_NAME_MAX);
    if (strlen(view->query) > VIEW_QUERY_MAX || has_control(view->query) ||
        strpbrk(view->query, "#? ") != NULL)
        return error_set(ret_error, ERROR_INVALID,
                         "query: expected the query of an address, at most %d bytes",
                         VIEW_QUERY_MAX);
    return 0;
}

/* ---- changes ---- */

struct kept {
    bool is_there, is_shared, is_own;
    char screen[16], name[VIEW_NAME_MAX + 1], query[VIEW_QUERY_MAX + 1];
};

static int take_kept(void *user, const struct sql_row *row, struct error *ret_error) {
    struct kept *kept = user;
    (void)ret_error;
    kept->is_there = true;
    kept->is_shared = sql_integer(row, 0) != 0;
    kept->is_own = sql_integer(row, 1) != 0;
    snprintf(kept->screen, sizeof kept->screen, "%s", sql_text(row, 2));
    snprintf(kept->name, sizeof kept->name, "%s", sql_text(row, 3));
    snprintf(kept->query, sizeof kept->query, "%s", sql_text(row, 4));
    return 0;
}

static int take_number(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

static int check_room(struct sql *sql, const struct view *view, const struct person *person,
                      struct error *ret_error) {
    int64_t count = 0;
    int r = sql_each(sql, ret_error, take_number, &count,
                     "SELECT count(*) FROM views WHERE person = ?", "i", person->id);
    if (r >= 0 && count >= VIEWS_OWN_MOST)
        return error_set(ret_error, ERROR_TOO_LARGE, "you have %d views: remove one first",
                         VIEWS_OWN_MOST);
    if (r >= 0 && view->is_shared)
        r = sql_each(sql, ret_error, take_number, &count,
                     "SELECT count(*) FROM views WHERE shared = 1", "");
    if (r >= 0 && view->is_shared && count >= VIEWS_ALL_MOST)
        return error_set(ret_error, ERROR_TOO_LARGE, "%d views are shared: remove one first",
                         VIEWS_ALL_MOST);
    return r < 0 ? r : 0;
}

/* What others see of it changes from `before` to `after`; "" where they see nothing. */
static int note(struct sql *sql, const struct view_change *change, const char *screen,
                const char *name, const char *before, const char *after, struct error *ret_error) {
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof subject, "%s: %s", screen, name);
    const struct audit_entry entry = {.at_us = change->now_us,
                                      .person = change->person->name,
                                      .address = change->address,
                                      .action = "view",
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(sql, &entry, ret_error);
}

static int save(struct sql *sql, const struct view *view, const struct view_change *change,
                struct error *ret_error) {
    struct kept kept = {.is_there = false};
    int r = sql_each(sql, ret_error, take_kept, &kept,
                     "SELECT shared, 1, screen, name, query FROM views "
                     "WHERE person = ? AND screen = ? AND name = ?",
                     "itt", change->person->id, view->screen, view->name);
    if (r >= 0 && (!kept.is_there || (view->is_shared && !kept.is_shared)))
        r = kept.is_there && !view->is_shared ? 0
                                              : check_room(sql, view, change->person, ret_error);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO views (person, screen, name, query, shared, created_us) "
                    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (person, screen, name) "
                    "DO UPDATE SET query = excluded.query, shared = excluded.shared",
                    "itttii", change->person->id, view->screen, view->name, view->query,
                    (int64_t)view->is_shared, change->now_us);
    if (r < 0 || (!view->is_shared && !kept.is_shared))
        return r < 0 ? r : 0;
    return note(sql, change, view->screen, view->name, kept.is_shared ? kept.query : "",
                view->is_shared ? view->query : "", ret_error);
}

static int discard(struct sql *sql, int64_t id, const struct view_change *change,
                   struct error *ret_error) {
    struct kept kept = {.is_there = false};
    int r = sql_each(sql, ret_error, take_kept, &kept,
                     "SELECT shared, person = ?, screen, name, query FROM views WHERE id = ?", "ii",
                     change->person->id, id);
    bool may = kept.is_own || (kept.is_shared && change->person->role == ROLE_ADMIN);
    if (r >= 0 && !may)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no such view of yours");
    if (r >= 0)
        r = sql_run(sql, ret_error, "DELETE FROM views WHERE id = ?", "i", id);
    if (r < 0 || !kept.is_shared)
        return r < 0 ? r : 0;
    return note(sql, change, kept.screen, kept.name, kept.query, "", ret_error);
}

int view_save(struct sql *sql, const struct view *view, const struct view_change *change,
              struct error *ret_error) {
    int r = view_check(view, ret_error);
    if (r == 0)
        r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = save(sql, view, change, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

int view_remove(struct sql *sql, int64_t id, const struct view_change *change,
                struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = discard(sql, id, change, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

/* ---- lists ---- */

static int take_view(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_signed(out, "id", sql_integer(row, 0));
    json_add_text(out, "screen", text_of(sql_text(row, 1)));
    json_add_text(out, "name", text_of(sql_text(row, 2)));
    json_add_text(out, "query", text_of(sql_text(row, 3)));
    json_add_bool(out, "shared", sql_integer(row, 4) != 0);
    json_add_text(out, "person", text_of(sql_text(row, 5)));
    json_end_object(out);
    return 0;
}

int views_list(struct sql *sql, const struct person *person, struct buffer *out,
               struct error *ret_error) {
    json_begin_array(out, "views");
    int r = sql_each(sql, ret_error, take_view, out,
                     "SELECT views.id, screen, views.name, query, shared, people.name FROM views "
                     "JOIN people ON people.id = person WHERE person = ? OR shared = 1 "
                     "ORDER BY screen, views.name, people.name",
                     "i", person->id);
    json_end_array(out);
    return r < 0 ? r : 0;
}
