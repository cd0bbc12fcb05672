/* The map that LMDB has of the tables grows while they are written; where it cannot, the writer
 * says so, and what was published stays as it is. */
#include "core/store/generation/generation_publish.h"
#include "core/store/overlay/overlay.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true /* its own memory is terabytes of address space */
#else
#define SANITIZED false
#endif

struct bench {
    char *root;
    struct snapshot *snapshot;
    struct buffer state; /* encoded: one that is as large as they come here, for all entities */
};

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    bench->root = scratch_make();
    bench->snapshot = traffic_policy("");
    const struct plan *plan = &bench->snapshot->plan;
    struct state one = {0};
    for (unsigned i = 0; i < 600; i++) {
        const struct entry entry = {.time_us = TRAFFIC_START_US + i * INT64_C(100000000),
                                    .id_hash = i * UINT64_C(0x9e3779b97f4a7c15),
                                    .transaction = true};
        state_apply(&one, &plan->entities[0], plan->lateness_us, &entry);
    }
    state_encode(&one, &plan->entities[0], &bench->state);
    state_deinit(&one);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    buffer_deinit(&bench->state);
    snapshot_unref(bench->snapshot);
    scratch_remove(bench->root);
    free(bench);
    return 0;
}

static struct text state_text(const struct bench *bench) {
    return buffer_text(&bench->state);
}

static struct text key_of(size_t number, char (*ret_key)[32]) {
    snprintf(*ret_key, sizeof *ret_key, "card-%08zu", number);
    return text_of(*ret_key);
}

/* How many bytes of the tables are mapped now; 0: none. */
static size_t mapped_bytes(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    char line[512];
    size_t bytes = 0;
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        if (strstr(line, "tables.mdb") && sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2)
            bytes += to - from;
    }
    fclose(maps);
    return bytes;
}

static struct generation_writer *writer_open(const struct bench *bench) {
    struct generation_writer *writer = NULL;
    struct error error;
    if (generation_writer_open(bench->root, &bench->snapshot->plan, &writer, &error) < 0)
        fail_msg("%s", error.text);
    return writer;
}

static int put(const struct bench *bench, struct generation_writer *writer, size_t number,
               struct error *ret_error) {
    char key[32];
    return generation_writer_state(writer, 0, key_of(number, &key), state_text(bench), ret_error);
}

static struct generation_manifest publish(const struct bench *bench,
                                          struct generation_writer *writer) {
    const struct snapshot_record snapshot = {.snapshot_id = bench->snapshot->id,
                                             .name = bench->snapshot->name,
                                             .files = bench->snapshot->files,
                                             .file_count = bench->snapshot->file_count};
    const struct tally tally = {.transactions = 1, .newest_event_time_us = TRAFFIC_START_US};
    const struct generation_description description = {.place = {.position = 10, .chain = 1},
                                                       .snapshot = &snapshot,
                                                       .tally = &tally,
                                                       .now_us = 1,
                                                       .version = "0.1.0"};
    struct generation_manifest manifest;
    struct error error;
    int r = generation_writer_finish(writer, &description, &error);
    for (size_t i = 0; r == 0 && i < generation_writer_checks(writer); i++)
        r = generation_writer_check(writer, i, &error);
    if (r == 0)
        r = generation_writer_publish(writer, &manifest, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return manifest;
}

static void expect_states(const struct bench *bench, size_t count) {
    struct generation *generation = NULL;
    struct error error;
    if (generation_open_current(bench->root, true, &generation, &error) < 0 ||
        generation_bind(generation, &bench->snapshot->plan, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(generation_manifest(generation)->states, count);
    for (size_t i = 0; i < count; i++) {
        char key[32];
        assert_true(
            text_equal(generation_state(generation, 0, key_of(i, &key)), state_text(bench)));
    }
    generation_close(generation);
}

static void the_map_grows_with_the_tables(void **state) {
    struct bench *bench = *state;
    struct generation_writer *writer = writer_open(bench);
    size_t mapped = mapped_bytes(), first = mapped, count = 0;
    unsigned growths = 0;
    assert_int_not_equal(first, 0);
    for (size_t written = 0; written < 60 * MIB; written += bench->state.length) {
        struct error error;
        if (put(bench, writer, count++, &error) < 0)
            fail_msg("%s", error.text);
        if (count % 64 == 0 && mapped_bytes() != mapped) {
            assert_true(mapped_bytes() > mapped);
            mapped = mapped_bytes();
            growths++;
        }
    }
    if (growths < 2)
        fail_msg("%u growths from %zu to %zu bytes", growths, first, mapped);
    publish(bench, writer);
    generation_writer_close(writer);
    expect_states(bench, count);
}

static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    size_t pages = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* In a process of its own: writes until the map cannot grow. Its exit status is what is left to
 * see of it: 0, as it should be. */
static void write_without_room(const struct bench *bench, size_t room) {
    struct generation_writer *writer = writer_open(bench);
    const struct rlimit limit = {.rlim_cur = address_space() + room, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit) < 0)
        _exit(10);
    struct error error = {0};
    int r = 0;
    for (size_t count = 0; r == 0 && count * bench->state.length < 200 * MIB; count++)
        r = put(bench, writer, count, &error);
    bool says_what = strstr(error.text, "enlarge the map") && strstr(error.text, "MiB") &&
                     strstr(error.text, "Cannot allocate memory") &&
                     strstr(error.text, bench->root);
    generation_writer_close(writer);
    _exit(r == 0 ? 11 : r != -ERROR_SYSTEM ? 12 : !says_what ? 13 : 0);
}

static void where_it_cannot_grow_the_writer_says_so(void **state) {
    struct bench *bench = *state;
    if (SANITIZED)
        skip();
    struct generation_writer *writer = writer_open(bench);
    struct error error;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(put(bench, writer, i, &error), 0);
    publish(bench, writer);
    generation_writer_close(writer);
    for (size_t room = 4 * MIB; room <= 64 * MIB; room *= 2) { /* at several of its growths */
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_without_room(bench, room);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("with %zu MiB: status %d", room / MIB, status);
        expect_states(bench, 100);
        assert_false(scratch_exists(scratch_path(bench->root, ".new")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_map_grows_with_the_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_it_cannot_grow_the_writer_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
