/* Filters of a screen that a person keeps under a name, for themselves or for all. A view is the
 * query of the screen's address. Views that are shared, and changes of those, are in the audit log.
 */
#pragma once

#include "people.h"

#define VIEW_NAME_MAX  80   /* bytes */
#define VIEW_QUERY_MAX 2000 /* bytes */
#define VIEWS_OWN_MOST 100  /* of a person */
#define VIEWS_ALL_MOST 500  /* shared */

struct view {
    const char *screen; /* "live", "queue", "search" */
    const char *name, *query;
    bool is_shared;
};

/* Who does it, and from where. */
struct view_change {
    const struct person *person;
    const char *address;
    int64_t now_us;
};

/* ERROR_INVALID: no such screen, or a name or query that cannot be one. */
int view_check(const struct view *view, struct error *ret_error);
/* Takes the place of the person's view of this name on this screen. ERROR_TOO_LARGE: they have as
 * many as they may. */
int view_save(struct sql *sql, const struct view *view, const struct view_change *change,
              struct error *ret_error);
/* One's own, or, for an admin, anybody's that is shared. ERROR_NOT_FOUND. */
int view_remove(struct sql *sql, int64_t id, const struct view_change *change,
                struct error *ret_error);
/* Appends "views": one's own and the shared ones, by screen and name. */
int views_list(struct sql *sql, const struct person *person, struct buffer *out,
               struct error *ret_error);
