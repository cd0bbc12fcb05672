#include "beside.h"

#include "disk.h"
#include "schedule.h"

#include "batch/rebuild/rebuild.h"
#include "core/store/archive/archive_seal.h"

static int thread = -1;
static bool is_stopping;

void disk_close_all(int process);

static void expect(int r, const struct error *error, const char *what) {
    if (r == 0)
        return;
    trace("%s: %s", what, error->text);
    if (!world->is_disturbed && error->code != ERROR_NOT_FOUND && error->code != ERROR_EXISTS)
        broken("%s, with a disk that works: %s", what, error->text);
}

static void rebuild(void) {
    const struct rebuild_options options = {.archive = world->archive,
                                            .generations = world->generations,
                                            .version = "sim",
                                            .now_us = world->monotonic_us + world->wall_offset_us,
                                            .memory_bytes = REBUILD_MEMORY_MIN,
                                            .threads = 1,
                                            .full = chance_once(CHANCE_WORK, 4)};
    struct rebuild_report report;
    struct error error;
    int r = rebuild_run(&options, NULL, &report, &error);
    expect(r, &error, "a rebuild");
    if (r < 0)
        return;
    trace("rebuilt up to %llu%s", (unsigned long long)report.manifest.place.position,
          report.up_to_date ? ", nothing new" : "");
    world->counts[COUNT_GENERATIONS] += !report.up_to_date;
    rebuild_report_deinit(&report);
}

static void seal(void) {
    struct archive_seal_report report;
    struct error error;
    int r = archive_seal(world->archive, UINT64_MAX, NULL, &report, &error);
    expect(r, &error, "sealing");
    world->counts[COUNT_SEALED] += report.sealed;
}

static void *work(void *user) {
    (void)user;
    while (!is_stopping) {
        schedule_sleep((int64_t)chance_below(CHANCE_WORK, 60000));
        if (is_stopping)
            break;
        if (chance_once(CHANCE_WORK, 3))
            seal();
        else
            rebuild();
    }
    return NULL;
}

void beside_start(void) {
    is_stopping = false;
    thread = schedule_start(work, NULL, PROCESS_BESIDE);
}

void beside_stop(void) {
    is_stopping = true;
    if (thread >= 0)
        schedule_join(thread);
    thread = -1;
}

void beside_kill(void) {
    schedule_kill(PROCESS_BESIDE);
    disk_close_all(PROCESS_BESIDE);
    thread = -1;
}
