#include "night_shape.h"

#include <stdio.h>
#include <string.h>

#define ELEMENTS_MOST 5000
#define PATH_SIZE     128

const char *const night_report_shape[] = {
    "date:s",
    "day:s",
    "position:n",
    "currency?:s",
    "currency_digits?:n",
    "severities.note:n",
    "severities.warning:n",
    "severities.alert:n",
    "findings[].severity:s",
    "findings[].code:s",
    "findings[].subject:s",
    "findings[].text:s",
    "findings[].advice:s",
    "days[].day:s",
    "days[].transactions:n",
    "days[].verdicts.approve:n",
    "days[].verdicts.review:n",
    "days[].verdicts.challenge:n",
    "days[].verdicts.decline:n",
    "days[].fraud_found:n",
    "days[].fraud_missed:n",
    "rules[].rule:s",
    "rules[].shadow:b",
    "rules[].fires:n",
    "rules[].fires_before:n",
    "rules[].failures:n",
    "rules[].fraud:n",
    "rules[].legit:n",
    "rules[].precision:N",
    "drift.reason?:s",
    "drift.rows:n",
    "drift.rows_before:n",
    "drift.score.stability_index:N",
    "drift.score.noise:n",
    "drift.features[].feature:s",
    "drift.features[].stability_index:N",
    "drift.features[].noise:n",
    "drift.features[].absent:N",
    "drift.features[].absent_before:N",
    "guard.held_back:n",
    "guard.held[]:s",
    "guard.accepted?:s",
    "verify.sample:b",
    "verify.compared:n",
    "verify.different:n",
    "growth.archive_bytes:n",
    "growth.bytes_a_day:n",
    "growth.free_bytes:n",
    "growth.days_left?:n",
    "steps[].step:s",
    "steps[].state:s",
    "steps[].ms:n",
    "steps[].reason?:s",
    NULL,
};

const char *const night_thresholds_shape[] = {
    "date:s",
    "thresholds?[].name:s",
    "thresholds?[].samples:n",
    "thresholds?[].overall_before:N",
    "thresholds?[].overall:N",
    "thresholds?[].groups_before:n",
    "thresholds?[].groups:n",
    "thresholds?[].changed:n",
    "thresholds?[].held:n",
    "thresholds?[].held_examples[].group:s",
    "thresholds?[].held_examples[].value:N",
    "thresholds?[].held_examples[].computed:N",
    "cutoffs?[].verdict:s",
    "cutoffs?[].before:n",
    "cutoffs?[].after:n",
    "cutoffs?[].computed:n",
    "cutoffs?[].sample:n",
    "cutoffs?[].state:s",
    "compared?:n",
    "flips?[].from:s",
    "flips?[].to:s",
    "flips?[].count:n",
    "flips?[].examples[]:s",
    "thresholds_reread_because?:s",
    NULL,
};

static bool is_of(const json_t *value, char type) {
    switch (type) {
    case 's':
        return json_is_string(value);
    case 'n':
        return json_is_number(value);
    case 'N':
        return json_is_number(value) || json_is_null(value);
    default:
        return json_is_boolean(value);
    }
}

static const char *name_of(char type) {
    return type == 's' ? "a text" : type == 'b' ? "true or false" : "a number";
}

static int fail(const char *whole, const char *expected, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, "%.*s: expected %s", (int)strcspn(whole, ":"),
                     whole, expected);
}

static int check(const char *whole, const json_t *value, const char *path,
                 struct error *ret_error);

static int check_elements(const char *whole, const json_t *array, const char *rest,
                          struct error *ret_error) {
    if (!json_is_array(array) || json_array_size(array) > ELEMENTS_MOST)
        return fail(whole, "an array of at most 5,000", ret_error);
    int r = 0;
    for (size_t i = 0; i < json_array_size(array) && r == 0; i++)
        r = check(whole, json_array_get(array, i), rest, ret_error);
    return r;
}

/* path: what is left of it, below `value`. As deep as the paths above. */
static int check(const char *whole, const json_t *value, const char *path,
                 struct error *ret_error) {
    char name[PATH_SIZE];
    if (*path == ':')
        return is_of(value, path[1]) ? 0 : fail(whole, name_of(path[1]), ret_error);
    if (strncmp(path, "[]", 2) == 0)
        return check_elements(whole, value, path + 2, ret_error);
    path += *path == '.';
    size_t length = strcspn(path, ".[:?");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    if (!json_is_object(value))
        return fail(whole, "an object around it", ret_error);
    const json_t *member = json_object_get(value, name);
    bool is_optional = path[length] == '?';
    if (!member)
        return is_optional ? 0 : fail(whole, "it to be there", ret_error);
    return check(whole, member, path + length + is_optional, ret_error);
}

int night_shape_check(const json_t *object, const char *const *shape, struct error *ret_error) {
    int r = 0;
    for (; *shape && r == 0; shape++)
        r = check(*shape, object, *shape, ret_error);
    return r;
}
