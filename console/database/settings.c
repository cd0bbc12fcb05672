#include "settings.h"

#include <stdio.h>
#include <string.h>

#define ZONE_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"

int settings_check(const char *zone, const char *theme, struct error *ret_error) {
    if (strlen(zone) > SETTINGS_ZONE_MAX || strspn(zone, ZONE_LETTERS) != strlen(zone))
        return error_set(ret_error, ERROR_INVALID,
                         "zone: expected the name of a time zone, as Europe/Berlin");
    if (strcmp(theme, "system") != 0 && strcmp(theme, "light") != 0 && strcmp(theme, "dark") != 0)
        return error_set(ret_error, ERROR_INVALID, "theme: expected system, light or dark");
    return 0;
}

int settings_save(struct sql *sql, const struct person *person, const char *zone, const char *theme,
                  struct error *ret_error) {
    int r = settings_check(zone, theme, ret_error);
    if (r == 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO settings (person, zone, theme) VALUES (?, ?, ?) "
                    "ON CONFLICT (person) DO UPDATE SET zone = excluded.zone, "
                    "theme = excluded.theme",
                    "itt", person->id, zone, theme);
    return r < 0 ? r : 0;
}

static int take_settings(void *user, const struct sql_row *row, struct error *ret_error) {
    struct settings *settings = user;
    (void)ret_error;
    snprintf(settings->zone, sizeof settings->zone, "%s", sql_text(row, 0));
    snprintf(settings->theme, sizeof settings->theme, "%s", sql_text(row, 1));
    return 0;
}

int settings_find(struct sql *sql, const struct person *person, struct settings *ret_settings,
                  struct error *ret_error) {
    *ret_settings = (struct settings){.theme = "system"};
    int r = sql_each(sql, ret_error, take_settings, ret_settings,
                     "SELECT zone, theme FROM settings WHERE person = ?", "i", person->id);
    return r < 0 ? r : 0;
}
