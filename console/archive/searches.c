#include "searches.h"

#include "clients/cli/terminal/folders.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "hidden.h"
#include "server/ops/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define KEPT     8  /* as many as there may be threads that search */
#define STEP_S   5  /* between two looks for what the index lacks */
#define NICENESS 10 /* scoring and people come first */

struct searches {
    const char *archive;
    struct log *log;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool is_stopping;
    /* Of the archive that the finds below are of; under the lock, as they are. */
    char *folder;
    unsigned number; /* of it, counted from the first one on */
    struct find *idle[KEPT];
    size_t idle_count;
};

static struct find *open_find(struct searches *searches, const char *folder, bool drops_cache) {
    const struct find_options options = {.archive = folder,
                                         .index = FIND_KEEP_INDEX,
                                         .drop_cache = drops_cache,
                                         .stop = &searches->is_stopping};
    return find_new(&options);
}

/* ---- requests ---- */

/* The archive's folder may appear after the start. Those of another one are of no use. */
static void check_folder(struct searches *searches) {
    char *folder = folder_of_archive(searches->archive);
    if (searches->folder && strcmp(folder, searches->folder) == 0) {
        free(folder);
        return;
    }
    while (searches->idle_count > 0)
        find_free(searches->idle[--searches->idle_count]);
    free(searches->folder);
    searches->folder = folder;
    searches->number++;
}

struct searches_find searches_take(struct searches *searches) {
    pthread_mutex_lock(&searches->lock);
    check_folder(searches);
    struct searches_find taken = {
        .find = searches->idle_count > 0 ? searches->idle[--searches->idle_count]
                                         : open_find(searches, searches->folder, false),
        .number = searches->number,
    };
    pthread_mutex_unlock(&searches->lock);
    return taken;
}

/* The last one used is the next: it has the end of the archive. */
void searches_give(struct searches *searches, struct searches_find taken) {
    pthread_mutex_lock(&searches->lock);
    bool is_kept = searches->idle_count < KEPT && taken.number == searches->number;
    if (is_kept)
        searches->idle[searches->idle_count++] = taken.find;
    pthread_mutex_unlock(&searches->lock);
    if (!is_kept)
        find_free(taken.find);
}

/* ---- the index ---- */

static bool wait_step(struct searches *searches) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STEP_S;
    pthread_mutex_lock(&searches->lock);
    if (!searches->is_stopping)
        pthread_cond_timedwait(&searches->woken, &searches->lock, &until);
    pthread_mutex_unlock(&searches->lock);
    return !searches->is_stopping;
}

/* Of the thread that makes it. */
struct maker {
    char *folder;
    struct find *find;
    bool is_failing;
};

static void open_maker(struct searches *searches, struct maker *maker) {
    char *folder = folder_of_archive(searches->archive);
    if (maker->folder && strcmp(maker->folder, folder) == 0) {
        free(folder);
        return;
    }
    find_free(maker->find);
    free(maker->folder);
    maker->folder = folder;
    maker->find = open_find(searches, folder, true);
}

/* All that is missing. A failure is logged once, until there is none. */
static void make_index(struct searches *searches, struct maker *maker) {
    struct error error;
    int r;
    open_maker(searches, maker);
    do
        r = find_make_index(maker->find, &error);
    while (r > 0 && !searches->is_stopping);
    archive_explain_hidden(searches->archive, r, &error);
    bool has_failed = r < 0 && error.code != ERROR_INTERRUPTED && error.code != ERROR_NOT_FOUND;
    if (has_failed && !maker->is_failing)
        log_line(searches->log, LOG_WARNING, "the index of searches could not be made: %s",
                 error.text);
    maker->is_failing = has_failed;
}

static void *run(void *user) {
    struct searches *searches = user;
    struct maker maker = {0};
    (void)!setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone */
    do
        make_index(searches, &maker);
    while (wait_step(searches));
    find_free(maker.find);
    free(maker.folder);
    return NULL;
}

/* ---- beginning and end ---- */

struct searches *searches_start(const char *archive, struct log *log) {
    struct searches *searches = check_calloc(1, sizeof *searches);
    searches->archive = archive;
    searches->log = log;
    lock_init(&searches->lock, LOCK_CONSOLE_SEARCHES);
    pthread_cond_init(&searches->woken, NULL);
    thread_start(&searches->thread, run, searches);
    return searches;
}

void searches_stop(struct searches *searches) {
    if (!searches)
        return;
    pthread_mutex_lock(&searches->lock);
    searches->is_stopping = true;
    pthread_cond_signal(&searches->woken);
    pthread_mutex_unlock(&searches->lock);
    pthread_join(searches->thread, NULL);
    while (searches->idle_count > 0)
        find_free(searches->idle[--searches->idle_count]);
    free(searches->folder);
    pthread_cond_destroy(&searches->woken);
    pthread_mutex_destroy(&searches->lock);
    free(searches);
}
