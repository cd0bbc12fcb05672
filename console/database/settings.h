/* How a person wants the page: the time zone that times are shown in, and light or dark. */
#pragma once

#include "people.h"

#define SETTINGS_ZONE_MAX 64 /* bytes */

struct settings {
    char zone[SETTINGS_ZONE_MAX + 1]; /* "": the browser's; "UTC", "Europe/Berlin" */
    char theme[8];                    /* "system", "light", "dark" */
};

/* ERROR_INVALID: the zone is no name, or there is no such theme. Whether there is such a zone is
 * the browser's to know. */
int settings_check(const char *zone, const char *theme, struct error *ret_error);
int settings_save(struct sql *sql, const struct person *person, const char *zone, const char *theme,
                  struct error *ret_error);
/* "" and "system" for who has chosen nothing. */
int settings_find(struct sql *sql, const struct person *person, struct settings *ret_settings,
                  struct error *ret_error);
