/* A rebuild that is killed, that meets a full disk, or an archive that is damaged: what is current
 * is always a whole generation, the one of before or the new one, and the next rebuild succeeds.
 *
 * HARRIER_KILLS says how many times (an acceptance run: 50). */
#include "batch/rebuild/rebuild.h"

#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NIGHT 4000 /* records */

struct world {
    struct traffic traffic;
    struct snapshot *snapshot;
    char *root;
    char archive[256], generations[256];
};

static void append_night(struct world *world, unsigned records) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    const struct archive_options options = {.segment_bytes = 100000};
    assert_int_equal(archive_open(world->archive, &options, &archive, &recovery, &error), 0);
    if (archive_end(archive).position == 0) {
        struct record policy = {.type = RECORD_SNAPSHOT,
                                .receive_time_us = TRAFFIC_START_US,
                                .snapshot = {.snapshot_id = world->snapshot->id,
                                             .name = world->snapshot->name,
                                             .files = world->snapshot->files,
                                             .file_count = world->snapshot->file_count}};
        archive_append(archive, &policy);
    }
    for (unsigned i = 0; i < records; i++) {
        struct record record = traffic_next(&world->traffic);
        archive_append(archive, &record);
    }
    archive_close(archive); /* syncs */
}

static void world_init(struct world *world, uint64_t seed) {
    *world = (struct world){.snapshot = traffic_policy(""), .root = scratch_make()};
    traffic_init(&world->traffic, seed);
    world->traffic.position = 1; /* behind the policy */
    snprintf(world->archive, sizeof world->archive, "%s/archive", world->root);
    snprintf(world->generations, sizeof world->generations, "%s/generations", world->root);
    append_night(world, NIGHT);
}

static void world_deinit(struct world *world) {
    snapshot_unref(world->snapshot);
    traffic_deinit(&world->traffic);
    scratch_remove(world->root);
}

static struct rebuild_options options_of(const struct world *world) {
    return (struct rebuild_options){.archive = world->archive,
                                    .generations = world->generations,
                                    .version = "test",
                                    .threads = 2,
                                    .memory_bytes = 256 << 10, /* files, too */
                                    .now_us = TRAFFIC_START_US + (INT64_C(1) << 50)};
}

static struct rebuild_report rebuild(const struct world *world) {
    const struct rebuild_options options = options_of(world);
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

/* The content hash of the current generation, which must be whole; 0: there is none. */
static uint64_t current_hash(const struct world *world) {
    struct generation *generation;
    struct error error;
    int r = generation_open_current(world->generations, true, &generation, &error);
    if (r == -ERROR_NOT_FOUND)
        return 0;
    if (r < 0)
        fail_msg("%s", error.text);
    uint64_t hash = generation_manifest(generation)->content_hash;
    generation_close(generation);
    return hash;
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* In a process of its own: rebuilds, and exits with 0 or the error's code. */
static pid_t start_rebuild(const struct world *world) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    const struct rebuild_options options = options_of(world);
    struct rebuild_report report;
    struct error error;
    _exit(-rebuild_run(&options, NULL, &report, &error));
}

/* true: it was killed in time. */
static bool kill_after(pid_t child, uint64_t delay_us) {
    int status;
    usleep((useconds_t)delay_us);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

/* What a rebuild that nobody disturbs takes, and gives; beside the world's own generations. */
static uint64_t undisturbed(const struct world *world, uint64_t *ret_us) {
    struct world beside = *world;
    snprintf(beside.generations, sizeof beside.generations, "%s/beside", world->root);
    uint64_t begin_us = now_us();
    uint64_t hash = rebuild(&beside).manifest.content_hash;
    *ret_us = now_us() - begin_us;
    return hash;
}

static void killed_anywhere_it_is_whole(void **state) {
    (void)state;
    unsigned kills = (unsigned)asked_number("HARRIER_KILLS", 12);
    struct world world;
    world_init(&world, 5);
    uint64_t before = 0, after, full_us;
    unsigned killed = 0, published = 0;
    after = undisturbed(&world, &full_us);
    while (killed < kills) {
        uint64_t delay_us = traffic_random(&world.traffic, full_us + full_us / 4 + 1);
        bool in_time = kill_after(start_rebuild(&world), delay_us);
        uint64_t current = current_hash(&world);
        assert_true(current == before || current == after);
        killed += in_time;
        published += current == after;
        if (current != after && traffic_random(&world.traffic, 3) > 0)
            continue; /* the next one finds what this one left */
        assert_true(rebuild(&world).manifest.content_hash == after);
        append_night(&world, 1 + (unsigned)traffic_random(&world.traffic, NIGHT));
        before = after;
        after = undisturbed(&world, &full_us);
    }
    print_message("%u kills, %u of them or of their like after publication\n", killed, published);
    rebuild(&world);
    char left[300];
    snprintf(left, sizeof left, "%s/.new", world.generations);
    assert_int_equal(access(left, F_OK), -1);
    world_deinit(&world);
}

/* ---------------------------------------------------------------------------------------------
 * A disk that is full: files may not grow beyond a limit */

static int rebuild_limited(const struct world *world, rlim_t file_bytes, char *ret_text,
                           size_t size) {
    int channel[2];
    assert_int_equal(pipe(channel), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = file_bytes, .rlim_max = file_bytes};
        const struct rebuild_options options = options_of(world);
        struct rebuild_report report;
        struct error error = {.text = ""};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        int r = rebuild_run(&options, NULL, &report, &error);
        (void)!write(channel[1], error.text, strlen(error.text));
        _exit(-r);
    }
    close(channel[1]);
    ssize_t length = read(channel[0], ret_text, size - 1);
    ret_text[length > 0 ? length : 0] = '\0';
    close(channel[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void a_full_disk_leaves_the_old_one(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 6);
    uint64_t before = rebuild(&world).manifest.content_hash;
    append_night(&world, NIGHT);
    char text[1024];
    unsigned failed = 0;
    /* From nothing at all to as much as the tables need. */
    for (rlim_t bytes = 1;; bytes *= 3) {
        int r = rebuild_limited(&world, bytes, text, sizeof text);
        if (r == 0)
            break;
        assert_int_equal(r, -ERROR_SYSTEM);
        /* LMDB takes a write that was cut short for a full disk. */
        if (!strstr(text, "File too large") && !strstr(text, "No space left"))
            fail_msg("what is this? %s", text);
        assert_true(current_hash(&world) == before);
        failed++;
    }
    assert_true(failed >= 5);
    assert_false(current_hash(&world) == before);
    world_deinit(&world);
}

/* ---------------------------------------------------------------------------------------------
 * An archive that cannot be read */

static char segment_path[512]; /* nftw() passes nothing along */
static unsigned segment_count;

static int note_segment(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)walk;
    size_t length = strlen(path);
    if (type == FTW_F && length > 4 && strcmp(path + length - 4, ".seg") == 0 &&
        ++segment_count == 3)
        snprintf(segment_path, sizeof segment_path, "%s", path);
    return 0;
}

static void expect_damage(const struct world *world, const char *what) {
    struct rebuild_options options = options_of(world);
    struct rebuild_report report;
    struct error error;
    options.full = true;
    options.force = true;
    int r = rebuild_run(&options, NULL, &report, &error);
    if (r != -ERROR_DAMAGED && r != -ERROR_SYSTEM)
        fail_msg("%s: %d", what, r);
    if (!strstr(error.text, ".seg"))
        fail_msg("%s: which segment? %s", what, error.text);
}

static void a_damaged_archive_leaves_the_old_one(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 7);
    append_night(&world, 2 * NIGHT);
    uint64_t before = rebuild(&world).manifest.content_hash;
    segment_count = 0;
    assert_int_equal(nftw(world.archive, note_segment, 16, FTW_PHYS), 0);
    assert_true(segment_count > 5);
    struct text bytes = scratch_read(segment_path);
    char *wrong = check_malloc(bytes.length);
    for (unsigned i = 0; i < 12; i++) {
        memcpy(wrong, bytes.data, bytes.length);
        wrong[traffic_random(&world.traffic, bytes.length - 64)] ^= 0x20;
        scratch_write(segment_path, wrong, bytes.length);
        expect_damage(&world, "a bit is wrong");
        assert_true(current_hash(&world) == before);
    }
    scratch_write(segment_path, bytes.data, bytes.length / 2);
    expect_damage(&world, "cut short");
    unlink(segment_path);
    mkdir(segment_path, 0700);
    expect_damage(&world, "unreadable");
    rmdir(segment_path);
    expect_damage(&world, "missing");
    assert_true(current_hash(&world) == before);
    scratch_write(segment_path, bytes.data, bytes.length);
    assert_true(rebuild(&world).up_to_date);
    free(wrong);
    free((char *)(uintptr_t)bytes.data);
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere_it_is_whole),
        cmocka_unit_test(a_full_disk_leaves_the_old_one),
        cmocka_unit_test(a_damaged_archive_leaves_the_old_one),
    };
    return cmocka_run_group_tests_name("rebuild_kill", tests, NULL, NULL);
}
