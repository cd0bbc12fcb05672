/* Locks in order pass; each kind of disorder ends the program with both places, without any thread
 * that waits. Compiled with the check on, whatever the build. */
#include "core/base/lock_order.h"

#include "core/base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS  20000
#define KEPT    64

static pthread_mutex_t first, second, same_rank, unranked;
static pthread_rwlock_t tokens;
static pthread_cond_t condition;

static int set_up(void **state) {
    (void)state;
    lock_init(&first, LOCK_SERVICE);
    lock_init(&second, LOCK_RELOAD);
    lock_init(&same_rank, LOCK_RELOAD);
    pthread_mutex_init(&unranked, NULL);
    pthread_rwlock_init(&tokens, NULL);
    lock_set_rank(&tokens, LOCK_TOKENS);
    pthread_cond_init(&condition, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pthread_cond_destroy(&condition);
    pthread_rwlock_destroy(&tokens);
    pthread_mutex_destroy(&unranked);
    pthread_mutex_destroy(&same_rank);
    pthread_mutex_destroy(&second);
    pthread_mutex_destroy(&first);
    return 0;
}

/* Runs it in a child, which must abort with these words on standard error. */
static void assert_aborts(void (*offend)(void), const char *words) {
    int ends[2];
    char said[1024] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL); /* not cmocka's, nor a sanitizer's */
        dup2(ends[1], STDERR_FILENO);
        offend();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], said + length, sizeof said - 1 - length)) > 0;)
        length += (size_t)n;
    said[length] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!strstr(said, words))
        fail_msg("expected \"%s\", got \"%s\"", words, said);
    assert_non_null(strstr(said, "test_lock_order.c:")); /* the place */
}

/* ---- what is in order ---- */

static void test_in_order(void **state) {
    (void)state;
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_rwlock_rdlock(&tokens);
    pthread_mutex_unlock(&first); /* in any order */
    pthread_rwlock_unlock(&tokens);
    pthread_mutex_unlock(&second);
    pthread_mutex_lock(&first);
    pthread_mutex_unlock(&first);
    pthread_rwlock_wrlock(&tokens);
    pthread_rwlock_unlock(&tokens);
}

static void test_unranked_ones_are_not_looked_at(void **state) {
    (void)state;
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&unranked);
    pthread_mutex_unlock(&second);
    pthread_mutex_lock(&first);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&unranked);
}

static void test_a_recursive_one_may_be_taken_again(void **state) {
    (void)state;
    pthread_mutex_t database;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&database, &attributes);
    pthread_mutexattr_destroy(&attributes);
    lock_set_rank(&database, LOCK_CONSOLE_DATABASE);
    pthread_mutex_lock(&database);
    pthread_mutex_lock(&database);
    pthread_mutex_unlock(&database);
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&database); /* it has it already: nothing to wait for */
    pthread_mutex_unlock(&database);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&database);
    pthread_mutex_destroy(&database);
}

static void test_a_wait_with_its_own_lock(void **state) {
    (void)state;
    struct timespec past = {0};
    pthread_mutex_lock(&first);
    assert_int_not_equal(pthread_cond_timedwait(&condition, &first, &past), 0);
    pthread_mutex_lock(&second);
    pthread_mutex_unlock(&second);
    pthread_mutex_unlock(&first);
}

static void test_trying_never_waits(void **state) {
    (void)state;
    pthread_mutex_lock(&second);
    assert_int_equal(pthread_mutex_trylock(&first), 0);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&second);
}

/* ---- what is not ---- */

static void invert(void) {
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&first);
}

static void test_an_inversion(void **state) {
    (void)state;
    assert_aborts(invert, "lock order: takes `service` (rank ");
    assert_aborts(invert, "while it holds `service.reload` (rank ");
}

static void invert_with_reader(void) {
    pthread_rwlock_rdlock(&tokens);
    pthread_mutex_lock(&second);
}

static void read_twice(void) {
    pthread_rwlock_rdlock(&tokens);
    pthread_rwlock_rdlock(&tokens);
}

static void write_late(void) {
    pthread_mutex_t limit;
    lock_init(&limit, LOCK_LOG_LIMIT);
    pthread_mutex_lock(&limit);
    pthread_rwlock_wrlock(&tokens);
}

static void test_inversions_with_a_rwlock(void **state) {
    (void)state;
    assert_aborts(invert_with_reader, "takes `service.reload`");
    assert_aborts(read_twice, "takes `tokens`"); /* a writer may wait in between */
    assert_aborts(write_late, "while it holds `log.limit`");
}

static void take_two_of_a_rank(void) {
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&same_rank);
}

static void take_twice(void) {
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&first);
}

static void test_the_same_rank(void **state) {
    (void)state;
    assert_aborts(take_two_of_a_rank, "while it holds `service.reload`");
    assert_aborts(take_twice, "while it holds `service`");
}

static void wait_with_another(void) {
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_cond_wait(&condition, &second);
}

static void wait_late_with_another(void) {
    struct timespec past = {0};
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_cond_timedwait(&condition, &second, &past);
}

static void wait_without_its_own(void) {
    struct timespec past = {0};
    pthread_cond_timedwait(&condition, &first, &past);
}

static void test_a_wait_with_the_wrong_locks(void **state) {
    (void)state;
    assert_aborts(wait_without_its_own, "does not hold, but waits for a condition of, `service`");
    assert_aborts(wait_with_another, "waits for a condition of `service.reload`");
    assert_aborts(wait_late_with_another, "while it holds `service`");
}

static void take_after_trying(void) {
    pthread_mutex_trylock(&second);
    pthread_mutex_lock(&first);
}

static void release_another_threads(void) {
    pthread_mutex_unlock(&second);
}

static void test_trying_and_releasing(void **state) {
    (void)state;
    assert_aborts(take_after_trying, "while it holds `service.reload`");
    assert_aborts(release_another_threads, "does not hold, but releases, `service.reload`");
}

/* ---- the table of ranks ---- */

static void invert_on_the_heap(void) {
    pthread_mutex_t *low = check_malloc(sizeof *low), *high = check_malloc(sizeof *high);
    lock_init(low, LOCK_SERVICE);
    lock_init(high, LOCK_RELOAD);
    pthread_mutex_lock(high);
    pthread_mutex_lock(low);
}

/* Locks come and go, many times as many as the table has places, and of changing ranks. */
static void *come_and_go(void *argument) {
    pthread_mutex_t *kept[KEPT] = {NULL};
    uint32_t random = (uint32_t)(uintptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525u + 1013904223u;
        size_t at = random >> 8 & (KEPT - 1);
        if (kept[at]) {
            pthread_mutex_destroy(kept[at]);
            free(kept[at]);
        }
        kept[at] = check_malloc(sizeof **kept + (random >> 20 & 255)); /* other addresses */
        lock_init(kept[at], LOCK_SERVICE);
        pthread_mutex_t *other = kept[at ^ 1];
        pthread_mutex_lock(kept[at]);
        if (other) {
            pthread_mutex_destroy(other);
            lock_init(other, LOCK_RELOAD);
            pthread_mutex_lock(other); /* ends the program if a rank were another's */
            pthread_mutex_unlock(other);
        }
        pthread_mutex_unlock(kept[at]);
    }
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i]) {
            pthread_mutex_destroy(kept[i]);
            free(kept[i]);
        }
    return NULL;
}

static void test_locks_come_and_go(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_aborts(invert, "while it holds `service.reload`");
    assert_aborts(invert_on_the_heap, "takes `service`");
}

static void test_a_destroyed_one_has_no_rank(void **state) {
    (void)state;
    pthread_mutex_t mutex;
    lock_init(&mutex, LOCK_TOKENS_LOADING);
    pthread_mutex_destroy(&mutex);
    pthread_mutex_init(&mutex, NULL);
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_unlock(&first);
    pthread_mutex_destroy(&mutex);
}

static void test_names(void **state) {
    (void)state;
    for (int rank = 0; rank < LOCK_RANK_COUNT; rank++) {
        assert_non_null(lock_rank_name((enum lock_rank)rank));
        for (int other = 0; other < rank; other++)
            assert_string_not_equal(lock_rank_name((enum lock_rank)rank),
                                    lock_rank_name((enum lock_rank)other));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_unranked_ones_are_not_looked_at),
        cmocka_unit_test(test_a_recursive_one_may_be_taken_again),
        cmocka_unit_test(test_a_wait_with_its_own_lock),
        cmocka_unit_test(test_trying_never_waits),
        cmocka_unit_test(test_an_inversion),
        cmocka_unit_test(test_inversions_with_a_rwlock),
        cmocka_unit_test(test_the_same_rank),
        cmocka_unit_test(test_a_wait_with_the_wrong_locks),
        cmocka_unit_test(test_trying_and_releasing),
        cmocka_unit_test(test_locks_come_and_go),
        cmocka_unit_test(test_a_destroyed_one_has_no_rank),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
