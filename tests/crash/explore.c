/* Makes disk images of a recorded run and looks whether each keeps what was promised: README.md.
 *
 *   explore begin JOURNAL FOLDER             a journal of the folder as it is
 *   explore end JOURNAL FOLDER               does the journal explain the folder as it is now?
 *   explore list JOURNAL [FROM [TO]]         prints operations
 *   explore run JOURNAL SCRATCH [OPTION…]    --images N (else every moment in every way), --seed S,
 *                                            --synced: that was the server's durability,
 * --processes N,
 *                                            --forget fsync|fdatasync: a disk that lies
 *   explore image JOURNAL FOLDER --image N [OPTION…]    one image of such a run, into an empty
 * folder; prints what was promised by then, --check: and checks it
 *
 * Image n of a seed is always the same: run prints the number of one that is broken. */
#include "image_check.h"
#include "tests/disk/disk_image.h"
#include "tests/disk/journal_file.h"
#include "tests/split_mix.h"

#include "core/base/check.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BROKEN_SHOWN   5   /* of each process */
#define SECONDS_MOST   120 /* for one image: more is a hang */
#define EXIT_BROKEN    1
#define EXIT_USE       64
#define PROCESSES_MOST 64
#define KINDS          4
#define STRIDE         104729 /* a prime, and so is the one after it; no run has so many moments */

struct exploring {
    struct disk_journal *journal;
    struct promises promises;
    size_t start;    /* no crash before */
    size_t *moments; /* where something happens to the folder, and the end */
    size_t moment_count;
    uint64_t seed, images, image;
    bool is_synced, forgets_syncs, forgets_datasyncs, checks;
    unsigned processes;
};

/* One image's place: the moment, and what the disk may have lost. */
struct choice {
    size_t at;
    uint64_t seed;
    struct disk_rules rules;
};

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "explore: %s: %s\n", what, why);
    exit(EXIT_USE);
}

/* Of four images at a moment one has only the programs killed, the others have lost what was not
 * synced, in the three orders. The next four are at a moment far away, so that few images are
 * spread over the run; `moment_count` times four have every moment in each way. */
static struct choice choice_of(const struct exploring *exploring, uint64_t image) {
    struct choice choice = {0};
    uint64_t random = exploring->seed * UINT64_C(0x9e3779b97f4a7c15) + image;
    choice.seed = split_mix(&random);
    uint64_t stride = exploring->moment_count % STRIDE ? STRIDE : STRIDE + 2;
    choice.at = exploring->moments[image / KINDS * stride % exploring->moment_count];
    choice.rules.is_killed = image % KINDS == 0;
    choice.rules.order = (enum disk_order)(image % KINDS - !choice.rules.is_killed);
    choice.rules.is_ordered = split_mix(&random) % 2;
    choice.rules.forgets_syncs = exploring->forgets_syncs;
    choice.rules.forgets_datasyncs = exploring->forgets_datasyncs;
    return choice;
}

static const char *order_name(enum disk_order order) {
    return order == DISK_ORDER_JOURNAL  ? "one journal"
           : order == DISK_ORDER_FOLDER ? "each folder in order"
                                        : "each name in order";
}

static void print_choice(const struct exploring *exploring, uint64_t image, FILE *to) {
    const struct choice choice = choice_of(exploring, image);
    char line[512];
    if (choice.at < disk_journal_length(exploring->journal))
        disk_journal_describe(exploring->journal, choice.at, line, sizeof line);
    else
        snprintf(line, sizeof line, "%zu: the end", choice.at);
    fprintf(to, "image %" PRIu64 " of seed %" PRIu64 ": %s, before %s\n", image, exploring->seed,
            choice.rules.is_killed ? "programs killed" : order_name(choice.rules.order), line);
}

/* -1: cannot be written. 1: kept. 0: broken, *ret_what says how. */
static int check_image(const struct exploring *exploring, uint64_t image, const char *folder,
                       uint64_t *lossy, char *ret_what, size_t size) {
    const struct choice choice = choice_of(exploring, image);
    struct disk_image *made =
        disk_image_new(exploring->journal, choice.at, choice.seed, &choice.rules);
    *lossy += made->lost > 0;
    int r = disk_image_replace(made, folder);
    disk_image_free(made);
    if (r < 0) {
        snprintf(ret_what, size, "cannot be written: %s", strerror(errno));
        return -1;
    }
    const struct image_check check = {
        .promises = &exploring->promises,
        .at = choice.at,
        .is_synced = exploring->is_synced || choice.rules.is_killed,
        .is_one_journal = choice.rules.is_killed || choice.rules.order == DISK_ORDER_JOURNAL,
    };
    return image_check(&check, folder, ret_what, size);
}

/* ---- many ---- */

/* Of one process, seen by its parent, also when it dies. */
struct progress {
    uint64_t image, done, broken, lossy;
};

static void work(const struct exploring *exploring, unsigned number, const char *scratch,
                 struct progress *progress) {
    char folder[4096], what[2048];
    snprintf(folder, sizeof folder, "%s/image-%d", scratch, (int)getpid());
    if (mkdir(folder, 0700) < 0)
        fail(folder, strerror(errno));
    for (uint64_t i = number; i < exploring->images; i += exploring->processes) {
        progress->image = i;
        if (progress->done > 0 && i < progress->done * exploring->processes)
            continue;
        alarm(SECONDS_MOST);
        int r = check_image(exploring, i, folder, &progress->lossy, what, sizeof what);
        if (r < 0)
            fail("image", what);
        progress->done++;
        if (r > 0)
            continue;
        if (progress->broken++ < BROKEN_SHOWN) {
            char line[3000];
            FILE *to = fmemopen(line, sizeof line, "w");
            fprintf(to, "broken: %s\n  ", what);
            print_choice(exploring, i, to);
            fclose(to);
            fputs(line, stdout);
            fflush(stdout);
        }
    }
    if (disk_image_replace(&(struct disk_image){0}, folder) < 0 || rmdir(folder) < 0)
        fail(folder, strerror(errno));
}

/* An image that ends the process is broken; the others are for the next process. */
static void run_stripe(const struct exploring *exploring, unsigned number, const char *scratch,
                       struct progress *progress) {
    for (;;) {
        fflush(stdout);
        pid_t child = fork();
        if (child < 0)
            fail("fork", strerror(errno));
        if (child == 0) {
            work(exploring, number, scratch, progress);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USE)
            exit(EXIT_USE);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return;
        printf("broken: the check ended with %s %d\n  ", WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        print_choice(exploring, progress->image, stdout);
        progress->broken++;
        progress->done++;
    }
}

static int run(const struct exploring *exploring, const char *scratch) {
    struct progress *all = mmap(NULL, sizeof *all * PROCESSES_MOST, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    pid_t children[PROCESSES_MOST];
    for (unsigned i = 0; i < exploring->processes; i++) {
        fflush(stdout);
        children[i] = fork();
        if (children[i] == 0) {
            run_stripe(exploring, i, scratch, &all[i]);
            fflush(stdout);
            _exit(0);
        }
    }
    struct progress sum = {0};
    bool failed = false;
    for (unsigned i = 0; i < exploring->processes; i++) {
        int status;
        failed |= children[i] < 0 || waitpid(children[i], &status, 0) < 0 || status != 0;
        sum.done += all[i].done;
        sum.broken += all[i].broken;
        sum.lossy += all[i].lossy;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds =
        (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
    printf("%" PRIu64 " images (%" PRIu64
           " that lack something), %zu moments, %zu promises: %" PRIu64 " broken, in %.1f s\n",
           sum.done, sum.lossy, exploring->moment_count, exploring->promises.count, sum.broken,
           seconds);
    if (failed || sum.done != exploring->images)
        fail("run", "not all images were made");
    return sum.broken ? EXIT_BROKEN : 0;
}

/* ---- one ---- */

static int make_one(const struct exploring *exploring, const char *folder) {
    const struct choice choice = choice_of(exploring, exploring->image);
    struct disk_image *image =
        disk_image_new(exploring->journal, choice.at, choice.seed, &choice.rules);
    if (disk_image_write(image, folder) < 0)
        fail(folder, strerror(errno));
    disk_image_free(image);
    print_choice(exploring, exploring->image, stderr);
    for (size_t i = 0; i < exploring->promises.count; i++) {
        if (exploring->promises.all[i].index >= choice.at)
            break;
        struct disk_op op = disk_journal_op(exploring->journal, exploring->promises.all[i].index);
        printf("%.*s\n", (int)op.length, (const char *)op.bytes);
    }
    if (!exploring->checks)
        return 0;
    const struct image_check check = {
        .promises = &exploring->promises,
        .at = choice.at,
        .is_synced = exploring->is_synced || choice.rules.is_killed,
        .is_one_journal = choice.rules.is_killed || choice.rules.order == DISK_ORDER_JOURNAL,
    };
    char what[2048];
    if (image_check(&check, folder, what, sizeof what))
        return 0;
    fprintf(stderr, "broken: %s\n", what);
    return EXIT_BROKEN;
}

static int compare_end(const struct exploring *exploring, const char *folder, uint64_t unrecorded) {
    char difference[256];
    const struct disk_rules rules = {.is_killed = true};
    struct disk_image *image =
        disk_image_new(exploring->journal, disk_journal_length(exploring->journal), 0, &rules);
    bool equals = disk_image_equals(image, folder, difference, sizeof difference);
    disk_image_free(image);
    if (!equals)
        fprintf(stderr, "explore: the journal does not explain %s: %s%s\n", folder, difference,
                unrecorded ? " (there were calls that cannot be recorded)" : "");
    return equals ? 0 : EXIT_BROKEN;
}

static int list(const struct exploring *exploring, size_t from, size_t to) {
    char line[512];
    for (size_t i = from; i < to && i < disk_journal_length(exploring->journal); i++) {
        disk_journal_describe(exploring->journal, i, line, sizeof line);
        puts(line);
    }
    return 0;
}

/* ---- */

static void find_moments(struct exploring *exploring) {
    size_t length = disk_journal_length(exploring->journal);
    exploring->moments = check_reallocarray(NULL, length + 1, sizeof *exploring->moments);
    for (size_t i = exploring->start; i < length; i++) {
        struct disk_op op = disk_journal_op(exploring->journal, i);
        if (op.kind != DISK_MODE && op.kind != DISK_MARK &&
            !disk_journal_is_ignored(exploring->journal, i))
            exploring->moments[exploring->moment_count++] = i;
    }
    exploring->moments[exploring->moment_count++] = length;
}

static void parse(struct exploring *exploring, int argc, char **argv) {
    static const struct option options[] = {
        {"images", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"image", required_argument, NULL, 'i'},  {"processes", required_argument, NULL, 'p'},
        {"synced", no_argument, NULL, 'y'},       {"forget", required_argument, NULL, 'f'},
        {"check", no_argument, NULL, 'c'},        {0},
    };
    *exploring = (struct exploring){.seed = 1, .processes = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            exploring->images = strtoull(optarg, NULL, 10);
            break;
        case 's':
            exploring->seed = strtoull(optarg, NULL, 10);
            break;
        case 'i':
            exploring->image = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            exploring->processes = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'y':
            exploring->is_synced = true;
            break;
        case 'c':
            exploring->checks = true;
            break;
        case 'f':
            exploring->forgets_syncs = strcmp(optarg, "fsync") == 0;
            exploring->forgets_datasyncs = strcmp(optarg, "fdatasync") == 0;
            if (exploring->forgets_syncs || exploring->forgets_datasyncs)
                break;
            fail("--forget", "expected fsync or fdatasync");
        default:
            exit(EXIT_USE);
        }
    }
    if (exploring->processes < 1 || exploring->processes > PROCESSES_MOST)
        fail("--processes", "expected 1 to 64");
}

int main(int argc, char **argv) {
    struct exploring exploring;
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* large files are mostly zeros: pages nobody touches */
    parse(&exploring, argc, argv);
    char **words = argv + optind;
    int count = argc - optind;
    if (count < 2)
        fail("usage", "explore begin|end|list|run|image JOURNAL [FOLDER] [OPTION…]");
    if (strcmp(words[0], "begin") == 0 && count == 3) {
        if (journal_file_create(words[1], words[2]) == 0)
            return 0;
        fail(words[1], strerror(errno));
    }
    uint64_t unrecorded;
    size_t bad;
    exploring.journal = journal_file_load(words[1], &exploring.start, &unrecorded);
    if (!exploring.journal)
        fail(words[1], strerror(errno));
    if (!promises_read(exploring.journal, &exploring.promises, &bad)) {
        char line[512];
        disk_journal_describe(exploring.journal, bad, line, sizeof line);
        fail("unknown mark", line);
    }
    find_moments(&exploring);
    if (exploring.images == 0)
        exploring.images = exploring.moment_count * KINDS;
    int r;
    if (strcmp(words[0], "run") == 0 && count == 3)
        r = run(&exploring, words[2]);
    else if (strcmp(words[0], "image") == 0 && count == 3)
        r = make_one(&exploring, words[2]);
    else if (strcmp(words[0], "end") == 0 && count == 3)
        r = compare_end(&exploring, words[2], unrecorded);
    else if (strcmp(words[0], "list") == 0)
        r = list(&exploring, count > 2 ? strtoul(words[2], NULL, 10) : 0,
                 count > 3 ? strtoul(words[3], NULL, 10) : SIZE_MAX);
    else
        fail(words[0], "unknown, or a folder is missing");
    promises_deinit(&exploring.promises);
    free(exploring.moments);
    disk_journal_free(exploring.journal);
    return r;
}
