/* Allocations that fail, one after the other: of everything that a start loads (policy, archive,
 * tables, tokens), of requests, of a reload. The process must end with its own status for that, and
 * a line, never by a signal; and what it leaves must open as before. What a reload may take is
 * asked for beforehand, so that it is refused instead: the estimate is measured. The allocations of
 * the code come through here. */
#include "core/base/check.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive.h"
#include "server/adopt/candidate.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

static atomic_uint_least64_t made, fails_at; /* allocations; 0: none fails */
static atomic_bool measures;
static atomic_int_least64_t held, peak;

static bool fails(void) {
    uint64_t number = atomic_fetch_add(&made, 1) + 1;
    return number == atomic_load(&fails_at);
}

static void count(void *memory, int64_t sign) {
    if (!memory || !atomic_load(&measures))
        return;
    int64_t size = (int64_t)malloc_usable_size(memory);
    int64_t now = atomic_fetch_add(&held, sign * size) + sign * size;
    if (now > atomic_load(&peak))
        atomic_store(&peak, now);
}

void *__wrap_malloc(size_t size) {
    void *memory = fails() ? NULL : __real_malloc(size);
    count(memory, 1);
    return memory;
}

void *__wrap_calloc(size_t number, size_t size) {
    void *memory = fails() ? NULL : __real_calloc(number, size);
    count(memory, 1);
    return memory;
}

void *__wrap_realloc(void *memory, size_t size) {
    if (fails())
        return NULL;
    count(memory, -1);
    void *moved = __real_realloc(memory, size);
    count(moved ? moved : memory, 1);
    return moved;
}

void __wrap_free(void *memory) {
    count(memory, -1);
    __real_free(memory);
}

/* ---- what is done with them ---- */

/* A start, decisions, an outcome, a reload of a changed policy, a decision with it. */
static void serve(struct bench *bench) {
    char id[32];
    bench_open(bench);
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "t%d", i);
        struct score_result result = bench_score(bench, bench_transaction(id, i, "c7", 100));
        check(result.error.code == 0);
    }
    bench_report(bench, "t1", LABEL_FRAUD);
    bench_write_rules(bench, 500);
    const struct request reload = {.call = CALL_RELOAD, .reload = {.wait = true}};
    struct response response = bench_call(bench, &reload);
    bool is_refused = response.reload.policy.result == RELOAD_REFUSED;
    check(response.error.code == 0 && (!is_refused || atomic_load(&fails_at) > 0));
    check(bench_score(bench, bench_transaction("t9", 9, "c7", 100)).error.code == 0);
    bench_close(bench);
}

/* In a process of its own. Returns how it ended, and what it printed. */
static int try_with(struct bench *bench, uint64_t number, char *said, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        atomic_store(&made, 0);
        atomic_store(&fails_at, number);
        serve(bench);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], said + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void archive_is_whole(const struct bench *bench) {
    struct archive_examination found;
    struct error error;
    if (access(bench->settings.archive, F_OK) == 0 &&
        archive_examine(bench->settings.archive, &found, &error) < 0)
        fail_msg("%s", error.text);
}

static void each_allocation_in_turn(void **state) {
    (void)state;
    char said[16384];
    struct bench counted;
    bench_init(&counted);
    atomic_store(&made, 0);
    serve(&counted);
    uint64_t all = atomic_load(&made), most = asked_steps(160), ended = 0;
    bench_deinit(&counted);
    print_message("%d allocations\n", (int)all);
    assert_true(all > 500);
    uint64_t step = all / most + 1;
    for (uint64_t number = 1 + asked_seed(0) % step; number <= all; number += step) {
        struct bench bench;
        bench_init(&bench);
        int status = try_with(&bench, number, said, sizeof said);
        bool is_exhausted = WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXHAUSTED;
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && !is_exhausted))
            fail_msg("allocation %d of %d: status %x: %s", (int)number, (int)all, status, said);
        if (is_exhausted && !strstr(said, "out of memory: cannot allocate"))
            fail_msg("allocation %d: %s", (int)number, said);
        ended += is_exhausted;
        archive_is_whole(&bench);
        /* The next process serves as if nothing had been. */
        status = try_with(&bench, 0, said, sizeof said);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("after allocation %d: status %x: %s", (int)number, status, said);
        bench_deinit(&bench);
    }
    print_message("%d of them ended the process\n", (int)ended);
    assert_true(ended > 0);
}

/* For the policies that are shipped, and the server's. */
static void the_estimate_suffices(void **state) {
    (void)state;
    const char *root = getenv("HARRIER_ROOT");
    static const char *const policies[] = {"card-payments", "account-events", "card-issuer",
                                           "handbook", "network-edges"};
    char path[512];
    assert_non_null(root);
    size_t tried = 0;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct snapshot *snapshot;
        struct buffer messages;
        struct error error;
        snprintf(path, sizeof path, "%s/rules/%s", root, policies[i]);
        if (access(path, F_OK) != 0)
            continue;
        tried++;
        buffer_init(&messages);
        atomic_store(&held, 0);
        atomic_store(&peak, 0);
        atomic_store(&measures, true);
        int r = snapshot_load_folder(path, &snapshot, &messages, &error);
        atomic_store(&measures, false);
        if (r < 0)
            fail_msg("%s: %s", path, error.text);
        snapshot_unref(snapshot);
        buffer_deinit(&messages);
        print_message("%s: %d KiB of %d KiB\n", policies[i], (int)(atomic_load(&peak) >> 10),
                      (int)(candidate_memory(path) >> 10));
        assert_true((uint64_t)atomic_load(&peak) < candidate_memory(path));
    }
    assert_true(tried > 0);
}

static void the_estimate_leaves_out_hidden_files(void **state) {
    (void)state;
    char *folder = scratch_make(), *hidden = strdup(scratch_path(folder, ".git"));
    scratch_write(scratch_path(folder, "policy.yaml"), "policy: {}\n", 11);
    uint64_t before = candidate_memory(folder);
    assert_int_equal(mkdir(hidden, 0700), 0);
    scratch_write(scratch_path(hidden, "pack"), "history", 7);
    scratch_write(scratch_path(folder, ".draft.yaml"), "policy: {}\n", 11);
    assert_true(candidate_memory(folder) == before);
    scratch_write(scratch_path(folder, "more.yaml"), "rules: []\n", 10);
    assert_true(candidate_memory(folder) > before);
    free(hidden);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_estimate_leaves_out_hidden_files),
        cmocka_unit_test(each_allocation_in_turn),
        cmocka_unit_test(the_estimate_suffices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
