#include "beside.h"

#include "disk.h"
#include "model.h"
#include "schedule.h"

#include "batch/erase/erase.h"
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

/* One that was cut off is finished with the same value, so that other files are searched again. */
static void erase(void) {
    int unfinished = model_unfinished_erasure();
    unsigned card = (unsigned)unfinished;
    if (unfinished < 0 && !model_begin_erasure(&card))
        return;
    const struct erase_value value = {.name = TEXT_LITERAL("card"),
                                      .value = text_of(model_card(card))};
    const struct erase_options options = {.archive = world->archive,
                                          .generations = world->generations,
                                          .data = world->root,
                                          .values = &value,
                                          .value_count = 1,
                                          .source = "sim",
                                          .version = "sim",
                                          .now_us = world->monotonic_us + world->wall_offset_us,
                                          .memory_bytes = REBUILD_MEMORY_MIN};
    struct erase_report report;
    struct error error;
    trace("erasing %s", model_card(card));
    int r = erase_run(&options, NULL, &report, &error);
    expect(r, &error, "an erasure");
    if (r < 0)
        return;
    trace("erased %s before %llu: %llu records", model_card(card),
          (unsigned long long)report.position, (unsigned long long)report.records);
    model_end_erasure(card, report.position);
    erase_report_deinit(&report);
}

static void *work(void *user) {
    (void)user;
    while (!is_stopping) {
        schedule_sleep((int64_t)chance_below(CHANCE_WORK, 60000));
        if (is_stopping)
            break;
        if (chance_once(CHANCE_WORK, model_unfinished_erasure() < 0 ? 8 : 2))
            erase();
        else if (chance_once(CHANCE_WORK, 3))
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
