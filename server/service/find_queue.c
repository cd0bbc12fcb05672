/* Find: the archive is searched (core/store/find/find.h) through files of its own, at a low
 * priority, and decisions never wait for it. The queue is short, and requests beyond it are
 * refused. A search that takes too long ends with what it has, and with a cursor.
 *
 * The thread also keeps the index. It makes what is missing while nobody searches, the newest
 * first, but only after a search, or if the folder of the index exists: a server that is never
 * asked neither reads its archive for this nor takes room on the disk. */
#include "find_queue.h"

#include "core/base/check.h"
#include "core/store/find/find.h"
#include "core/store/find/find_files.h"
#include "protect_run.h"
#include "run_queue.h"
#include "server/base/run_pool.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define SEARCH_US_MAX     INT64_C(2000000) /* then a search ends with what it has */
#define ARENA_BYTES       ((size_t)128 << 20)
#define ANSWER_BYTES_SOFT ((size_t)4 << 20) /* of records; then the page ends */
#define INDEX_STEP_S      5                 /* between two looks for what the index lacks */
#define INDEX_STEP_S_MAX  60                /* doubled by each failure: an attempt costs a slice */
#define NICENESS          10

struct find_queue {
    struct service *service;
    struct run_queue runs;
    struct find *find; /* the thread's */
    char *folder;      /* of the index */
    bool is_asked;     /* there was a search */
};

/* ---- asking ---- */

enum next perform_find(struct run *run) {
    struct text field = {0};
    struct error error;
    if (find_query_check(&run->message.find, &field, &error) < 0 ||
        protect_find(run, &field, &error) < 0)
        return run_refuse(run, &error, field);
    if (!run_queue_admit(&run->service->finds->runs, run)) {
        error_set(&error, ERROR_UNAVAILABLE, "busy: %d searches are already in progress; try again",
                  FIND_WAITERS_MAX);
        return run_refuse(run, &error, field);
    }
    return NEXT;
}

/* ---- answering ---- */

/* What is found lives in an arena of the search: the record is gone after the call. */
struct page {
    struct run *run;
    struct arena arena;
    struct buffer record;
    struct found_transaction *found;
    size_t count, bytes;
    int64_t until_us; /* of the monotonic clock */
};

static bool is_expired(void *user) {
    const struct page *page = user;
    const struct service *service = page->run->service;
    return atomic_load(&service->draining) ||
           clock_monotonic_us(service->settings.clock) >= page->until_us;
}

static int take(void *user, const struct find_row *row, struct error *ret_error) {
    struct page *page = user;
    struct record record;
    buffer_clear(&page->record);
    record_encode(row->record, &page->record);
    int r = record_decode(RECORD_TRANSACTION, page->record.bytes, page->record.length, &page->arena,
                          &record, ret_error);
    if (r < 0)
        return r;
    page->bytes += page->record.length;
    bool has_outcome = row->label != LABEL_NONE;
    struct found_transaction *found = &page->found[page->count++];
    *found = (struct found_transaction){
        .transaction = record.transaction.transaction,
        .decision = record.transaction.decision,
        .receive_time_us = record.receive_time_us,
        .label = row->label,
        .outcome_us = has_outcome ? row->outcome_us : 0,
        .outcome_known_us = has_outcome ? row->outcome_known_us : 0,
        .is_amended = row->is_amended,
        .amended = row->amended,
        .amended_us = row->amended_us,
        .is_backfilled = record.transaction.is_backfilled,
    };
    found->decision.position = row->record->position;
    return page->bytes >= ANSWER_BYTES_SOFT;
}

/* Three quarters of the caller's deadline, so that the answer is there in time, also if the request
 * has waited. */
static int64_t end_of(const struct run *run) {
    int64_t until_us = clock_monotonic_us(run->service->settings.clock) + SEARCH_US_MAX;
    uint64_t deadline_us = run->message.deadline_us, part_us = deadline_us / 4 * 3;
    int64_t left_us = until_us - run->request->arrived_us;
    if (deadline_us == 0 || part_us >= (uint64_t)left_us)
        return until_us;
    return run->request->arrived_us + (int64_t)part_us;
}

static int search(struct find_queue *queue, struct page *page, struct find_page *ret_page,
                  struct error *ret_error) {
    const struct find_taker taker = {.take = take, .user = page, .is_expired = is_expired};
    const struct find_query *query = &page->run->message.find;
    uint32_t limit = query->limit ? query->limit : FIND_LIMIT_DEFAULT;
    int r = run_check_deadline(page->run, ret_error);
    if (r < 0)
        return r;
    page->until_us = end_of(page->run);
    page->found = arena_calloc(&page->arena, limit, sizeof *page->found);
    check(page->found);
    r = find_run(queue->find, query, &taker, ret_page, ret_error);
    if (r == -ERROR_INTERRUPTED)
        r = error_set(ret_error, ERROR_UNAVAILABLE, "the server is shutting down");
    return r;
}

/* The only invalid filter that is left is the cursor. Damaged data is the operator's problem as
 * much as the caller's: log it. */
static void refuse(struct run *run, const struct error *error) {
    struct service *service = run->service;
    struct text field = {0};
    if (error->code == ERROR_INVALID)
        field = TEXT_LITERAL("cursor");
    if (error->code == ERROR_DAMAGED || error->code == ERROR_SYSTEM)
        log_line_with(service->settings.log, LOG_ERROR, LOG_FAILURE(error),
                      "the archive could not be searched: %s", error->text);
    run->response.error = run_refuse_item(run, error, field);
    atomic_fetch_add(&service->rejected, 1);
}

static void answer(struct find_queue *queue, struct run *run) {
    struct page page = {.run = run};
    struct find_page result;
    struct error error;
    arena_init(&page.arena, ARENA_BYTES);
    run->response = (struct response){.call = CALL_FIND};
    if (search(queue, &page, &result, &error) < 0)
        refuse(run, &error);
    else
        run->response.find = (struct find_response){
            .found = page.found,
            .found_count = page.count,
            .cursor = text_of(result.cursor),
            .is_incomplete = result.is_early,
        };
    buffer_clear(&run->answer);
    message_encode_response(&run->response, &run->answer);
    arena_deinit(&page.arena);
    buffer_deinit(&page.record);
    run_reply(run);
}

/* ---- the thread ---- */

static struct timespec next_step(unsigned step_s) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += step_s;
    return at;
}

/* True: there may be more to do. A failure is logged once: the next attempt is a step away. */
static bool keep_index(struct find_queue *queue, bool *is_failing) {
    struct stat status;
    struct error error;
    if (!queue->is_asked && stat(queue->folder, &status) < 0)
        return false;
    int r = find_make_index(queue->find, &error);
    if (r < 0 && error.code != ERROR_INTERRUPTED && !*is_failing)
        log_line(queue->service->settings.log, LOG_WARNING,
                 "the index of searches could not be made: %s", error.text);
    *is_failing = r < 0;
    return r == 1;
}

/* While the index lacks nothing, as far as is known, it only looks again now and then. */
static void *work(void *user) {
    static const struct timespec at_once = {0};
    struct find_queue *queue = user;
    bool is_idle = true, is_failing = false, is_stopping;
    unsigned step_s = INDEX_STEP_S;
    (void)!setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone */
    for (;;) {
        const struct timespec until = is_idle ? next_step(step_s) : at_once;
        struct run *run = run_queue_take(&queue->runs, &until, &is_stopping);
        if (is_stopping)
            return NULL;
        if (!run) {
            bool has_failed = is_failing;
            is_idle = !keep_index(queue, &is_failing);
            step_s = !is_failing ? INDEX_STEP_S : has_failed ? 2 * step_s : step_s;
            step_s = step_s < INDEX_STEP_S_MAX ? step_s : INDEX_STEP_S_MAX;
            continue;
        }
        answer(queue, run);
        queue->is_asked = true;
        is_idle = is_failing;
        run_queue_leave(&queue->runs);
    }
}

void find_queue_start(struct service *service) {
    struct find_queue *queue = check_calloc(1, sizeof *queue);
    const struct find_options options = {.archive = service->archive_path,
                                         .index = FIND_KEEP_INDEX,
                                         .drop_cache = true,
                                         .stop = &service->draining};
    service->finds = queue;
    queue->service = service;
    queue->folder = find_files_folder(service->archive_path);
    queue->find = find_new(&options);
    run_queue_start(&queue->runs, FIND_WAITERS_MAX, work, queue);
}

void find_queue_stop(struct service *service) {
    struct find_queue *queue = service->finds;
    atomic_store(&service->draining, true);
    run_queue_stop(&queue->runs);
    find_free(queue->find);
    free(queue->folder);
    free(queue);
    service->finds = NULL;
}
