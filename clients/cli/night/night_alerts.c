#include "night_alerts.h"

#include "core/store/archive/file.h"
#include "core/store/nights/night_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *member(const json_t *finding, const char *name) {
    const char *text = json_string_value(json_object_get(finding, name));
    return text ? text : "";
}

static void say_alert(const json_t *finding) {
    const char *subject = member(finding, "subject");
    if (strcmp(member(finding, "severity"), "alert") == 0)
        fprintf(stderr, "harrier: alert: %s%s%s: %s\n", member(finding, "code"),
                *subject ? " " : "", subject, member(finding, "text"));
}

void night_say_alerts(int folder) {
    struct error ignored; /* the counts are known without the report */
    char *bytes = NULL;
    size_t length = 0, i;
    json_t *finding;
    if (file_load(folder, "report.json", NIGHT_FILE_MAX, &bytes, &length, &ignored) < 0)
        return;
    json_t *report = json_loadb(bytes, length, 0, NULL);
    json_array_foreach(json_object_get(report, "findings"), i, finding) {
        say_alert(finding);
    }
    json_decref(report);
    free(bytes);
}
