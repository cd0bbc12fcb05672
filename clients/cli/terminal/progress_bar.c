/* One state, three forms: a line that is redrawn, plain lines, JSON lines. The form is chosen
 * once; update() decides by the clock whether anything is drawn, so callers need not count.
 *
 * Rates and the time left are of the current stage only. The bar knows nothing of threads: one
 * thread updates and clears it. */
#include "progress_bar.h"

#include "clock.h"
#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_US  100000
#define LINE_US    10000000
#define JSON_US    1000000 /* programs show a bar of their own */
#define BAR_CELLS  24
#define LINE_BYTES 256

enum progress_style progress_style_of(enum progress_choice choice, bool quiet, bool writes_stdout) {
    if (choice == PROGRESS_CHOICE_JSON)
        return PROGRESS_JSON;
    if (quiet || choice == PROGRESS_CHOICE_NONE)
        return PROGRESS_QUIET;
    if (choice == PROGRESS_CHOICE_PLAIN || !isatty(STDERR_FILENO) ||
        (writes_stdout && isatty(STDOUT_FILENO)))
        return PROGRESS_LINES;
    return PROGRESS_TERMINAL;
}

/* Stages are words of ours: nothing in them wants escaping. */
static void print_json(const char *stage, uint64_t done, uint64_t total, uint64_t spent_us) {
    fprintf(stderr,
            "{\"phase\":\"%s\",\"done\":%" PRIu64 ",\"total\":%" PRIu64 ",\"phase_ms\":%" PRIu64,
            stage, done, total, spent_us / 1000);
    if (done > 0 && spent_us > 0) {
        double per_us = (double)done / (double)spent_us;
        fprintf(stderr, ",\"per_second\":%" PRIu64, (uint64_t)(per_us * 1e6));
        if (total >= done)
            fprintf(stderr, ",\"left_ms\":%" PRIu64,
                    (uint64_t)((double)(total - done) / per_us / 1000));
    }
    fputs("}\n", stderr);
    fflush(stderr);
}

/* The hook that batch and store code call; its result asks them to stop. */
static int update_from_work(struct progress *self, const char *stage, uint64_t done,
                            uint64_t total) {
    struct progress_bar *bar =
        (struct progress_bar *)((char *)self - offsetof(struct progress_bar, progress));
    progress_bar_update(bar, stage, done, total, done, NULL);
    return bar->stop && *bar->stop;
}

void progress_bar_init(struct progress_bar *bar, enum progress_style style, const char *unit) {
    *bar = (struct progress_bar){
        .style = style,
        .unit = unit,
        .begun_us = monotonic_us(),
        .progress = {.update = update_from_work},
    };
    bar->drawn_us = bar->begun_us;
}

double progress_bar_elapsed(const struct progress_bar *bar) {
    return (double)(monotonic_us() - bar->begun_us) / 1e6;
}

/* Returns where the text ended, or would have ended: a line that is too long is cut, not overrun.
 */
static int append(char *line, size_t size, int at, const char *text) {
    int room = (int)size - at;
    return room > 0 ? at + snprintf(line + at, (size_t)room, "%s", text) : at;
}

/* `share` is 0 to 1. */
static int append_bar(char *line, size_t size, int at, double share) {
    char bar[BAR_CELLS + 1];
    int full = (int)(share * BAR_CELLS);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '-', (size_t)(BAR_CELLS - full));
    bar[BAR_CELLS] = '\0';
    char text[64];
    snprintf(text, sizeof text, " [%s] %3d %%", bar, (int)(share * 100));
    return append(line, size, at, text);
}

int progress_bar_format(char *ret_line, size_t size, const char *unit, const char *stage,
                        uint64_t done, uint64_t total, uint64_t count, const char *note,
                        double seconds) {
    char text[128], number[QUANTITY_COUNT_SIZE];
    double share = total == 0 ? 0 : done >= total ? 1 : (double)done / (double)total;
    int at = append(ret_line, size, 0, stage);
    if (total > 0)
        at = append_bar(ret_line, size, at, share);
    if (unit) {
        snprintf(text, sizeof text, "  %s %s", quantity_format_count(count, number), unit);
        at = append(ret_line, size, at, text);
    }
    if (unit && seconds > 0) {
        snprintf(text, sizeof text, "  %s/s",
                 quantity_format_count((uint64_t)((double)count / seconds), number));
        at = append(ret_line, size, at, text);
    }
    if (share > 0 && share < 1 && seconds > 1) {
        uint64_t left = (uint64_t)(seconds / share * (1 - share));
        snprintf(text, sizeof text, "  %llu:%02llu left", (unsigned long long)(left / 60),
                 (unsigned long long)(left % 60));
        at = append(ret_line, size, at, text);
    }
    if (note && *note) {
        at = append(ret_line, size, at, "  ");
        at = append(ret_line, size, at, note);
    }
    return at;
}

void progress_bar_update(struct progress_bar *bar, const char *stage, uint64_t done, uint64_t total,
                         uint64_t count, const char *note) {
    uint64_t now = monotonic_us();
    bool begins = stage != bar->stage;
    if (begins) {
        bar->begun_us = bar->stage || bar->style == PROGRESS_JSON ? now : bar->begun_us;
        bar->stage = stage;
    }
    if (bar->style == PROGRESS_JSON && (begins || now - bar->drawn_us >= JSON_US)) {
        print_json(stage, done, total, now - bar->begun_us);
        bar->drawn_us = now;
    }
    if (bar->style == PROGRESS_JSON)
        return;
    uint64_t every = bar->style == PROGRESS_TERMINAL ? REDRAW_US : LINE_US;
    if (bar->style == PROGRESS_QUIET || now - bar->drawn_us < every)
        return;
    char line[LINE_BYTES];
    progress_bar_format(line, sizeof line, bar->unit, stage, done, total, count, note,
                        (double)(now - bar->begun_us) / 1e6);
    /* \033[K wipes what is left of a longer line before. */
    if (bar->style == PROGRESS_TERMINAL)
        fprintf(stderr, "\r%s\033[K", line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    bar->on_screen = bar->style == PROGRESS_TERMINAL;
    bar->drawn_us = now;
}

void progress_bar_clear(struct progress_bar *bar) {
    if (!bar->on_screen)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar->on_screen = false;
}
