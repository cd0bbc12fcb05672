#include "job_progress.h"

#include "clients/cli/io/json_writer.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/monotonic.h"

#include <stdio.h>

#define JSON_LINE_US 10000000

static void add_pace(struct buffer *line, uint64_t done, uint64_t total, uint64_t spent_us) {
    if (done == 0 || spent_us == 0)
        return;
    double per_us = (double)done / (double)spent_us;
    json_add_unsigned(line, "per_second", (uint64_t)(per_us * 1e6));
    if (total >= done)
        json_add_unsigned(line, "left_ms", (uint64_t)((double)(total - done) / per_us / 1000));
}

static void report_json(struct job_progress *progress, const char *phase, uint64_t done,
                        uint64_t total) {
    uint64_t now_us = monotonic_us();
    bool begins = phase != progress->phase;
    if (!begins && now_us - progress->reported_us < JSON_LINE_US)
        return;
    if (begins)
        progress->begun_us = now_us;
    progress->phase = phase;
    progress->reported_us = now_us;
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "phase", text_of(phase));
    json_add_unsigned(&line, "done", done);
    json_add_unsigned(&line, "total", total);
    json_add_unsigned(&line, "phase_ms", (now_us - progress->begun_us) / 1000);
    add_pace(&line, done, total, now_us - progress->begun_us);
    json_end_object(&line);
    buffer_append_u8(&line, '\n');
    fwrite(line.bytes, 1, line.length, stderr);
    fflush(stderr);
    buffer_deinit(&line);
}

static int update(struct progress *self, const char *phase, uint64_t done, uint64_t total) {
    struct job_progress *progress = (struct job_progress *)self;
    if (progress->json)
        report_json(progress, phase, done, total);
    return progress_update(&progress->bar.progress, phase, done, total);
}

void job_progress_init(struct job_progress *progress, bool quiet, bool writes_stdout,
                       const char *unit) {
    enum progress_style style = progress_style_of(quiet, writes_stdout);
    *progress =
        (struct job_progress){.progress = {.update = update}, .json = style == PROGRESS_LINES};
    progress_bar_init(&progress->bar, progress->json ? PROGRESS_QUIET : style, unit);
    progress->bar.stop = interrupt_watch();
}

void job_progress_clear(struct job_progress *progress) {
    progress_bar_clear(&progress->bar);
}
