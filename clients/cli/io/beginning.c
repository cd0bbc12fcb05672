#include "beginning.h"

#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/quantity.h"
#include "core/store/archive/archive_begin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void beginning_note(const char *archive, bool quiet) {
    struct archive_begin begin;
    struct error ignored;
    char time[QUANTITY_TIME_SIZE];
    if (quiet)
        return;
    char *folder = folder_of_archive(archive);
    if (archive_begin_look_at(folder, &begin, &ignored) == 0)
        fprintf(stderr,
                "harrier: note: the archive begins after position %" PRIu64
                ", received at %s: a prune has dropped what was before\n",
                begin.place.position, quantity_format_time(begin.time_us, time));
    free(folder);
}
