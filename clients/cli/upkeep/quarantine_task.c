#include "quarantine_task.h"

#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/json_writer.h"
#include "core/store/rewrite/archive_quarantine.h"

#include <inttypes.h>
#include <stdio.h>

struct report {
    struct archive_quarantine_listener listener; /* first */
    const struct quarantine_task *task;
    unsigned segments;
    uint64_t lost;
};

static void print_json(const struct archive_quarantined *quarantined) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "segment", text_of(quarantined->segment));
    json_add_text(&line, "fault", text_of(quarantined->fault));
    if (*quarantined->file)
        json_add_text(&line, "file", text_of(quarantined->file));
    json_add_unsigned(&line, "first", quarantined->first);
    json_add_unsigned(&line, "last", quarantined->last);
    json_add_unsigned(&line, "lost", quarantined->lost);
    json_end_object(&line);
    json_print_line(&line);
}

static void found(struct archive_quarantine_listener *self,
                  const struct archive_quarantined *quarantined) {
    struct report *report = (struct report *)self;
    char lost[QUANTITY_COUNT_SIZE], all[QUANTITY_COUNT_SIZE];
    report->segments++;
    report->lost += quarantined->lost;
    if (report->task->quiet)
        return;
    if (report->task->json) {
        print_json(quarantined);
        return;
    }
    printf("%s: %s\n", quarantined->segment, quarantined->fault);
    printf("  %s of its %s records, %" PRIu64 " to %" PRIu64 ", %s lost%s%s\n",
           quantity_format_count(quarantined->lost, lost),
           quantity_format_count(quarantined->last + 1 - quarantined->first, all),
           quarantined->first, quarantined->last, report->task->dry_run ? "would be" : "are",
           *quarantined->file ? "; the file as it was: " : "", quarantined->file);
}

int quarantine_task_run(const struct quarantine_task *task) {
    struct report report = {.listener = {found}, .task = task};
    char lost[QUANTITY_COUNT_SIZE];
    struct error error;
    if (archive_quarantine(task->archive, task->dry_run, &report.listener, &error) < 0)
        return (int)exit_with(&error);
    if (task->quiet || task->json)
        return EXIT_STATUS_OK;
    if (report.segments == 0)
        printf("nothing is damaged\n");
    else
        printf("%u segments %s replaced, %s records %s lost\n", report.segments,
               task->dry_run ? "would be" : "were", quantity_format_count(report.lost, lost),
               task->dry_run ? "would be" : "are");
    return EXIT_STATUS_OK;
}
