#include "beginning.h"

#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/quantity.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/upkeep/archive_lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void warn_of_loss(const char *folder) {
    struct archive_lost lost;
    struct buffer line;
    struct error ignored;
    if (archive_lost_find(folder, &lost, &ignored) < 0 || lost.records == 0)
        return;
    buffer_init(&line);
    archive_lost_describe(&lost, &line);
    fprintf(stderr, "harrier: warning: %.*s\n", (int)line.length, (const char *)line.bytes);
    buffer_deinit(&line);
}

void beginning_note(const char *archive, bool quiet) {
    struct archive_begin begin;
    struct error ignored;
    char time[QUANTITY_TIME_SIZE];
    char *folder = folder_of_archive(archive);
    warn_of_loss(folder);
    if (!quiet && archive_begin_look_at(folder, &begin, &ignored) == 0)
        fprintf(stderr,
                "harrier: note: the archive begins after position %" PRIu64
                ", received at %s: a prune has dropped what was before\n",
                begin.place.position, quantity_format_time(begin.time_us, time));
    free(folder);
}
