/* Runs a target without libFuzzer, so that ./check can run it with any compiler: first its seeds,
 * each of which must get past the target's first check, then the given files.
 *
 * usage: TARGET_replay [--root FOLDER] [--write-seeds FOLDER] [--mutate N] [--random S] [--only B]
 *                      [--longest L] [--keep FOLDER] [FILE | FOLDER]…
 *   --root         the project's folder: some seeds are made from its files (default .)
 *   --write-seeds  also writes the seeds to this folder, one file each
 *   --mutate       also runs so many changed seeds and files (mutate.h), and writes the one that
 *                  runs to mutated-input, if the run ends there
 *   --random       where their random numbers begin (default 1)
 *   --only         changes those alone that begin with this byte, and leaves it as it is
 *   --longest      changes those alone that have at most so many bytes: short ones run faster
 *   --keep         writes each file or changed input to this folder, as found-HASH, that reaches
 * code which no input before it reached, and goes on from there; needs a build for coverage
 * (tests/fuzz/coverage) */
#include "mutate.h"
#include "reach.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_SIZE_MAX (1u << 20)
#define KEPT_SIZE_MAX  4096

struct replay {
    struct seeds seeds; /* first member: add_seed() casts back to struct replay */
    const char *folder; /* for --write-seeds; NULL: not written */
    size_t count;
};

/* What changed inputs are made of. */
static struct mutator *mutator;
static int only = -1;
static size_t longest = SIZE_MAX;
static const char *keep; /* NULL: none are kept */

static void die(const char *what, const char *path) {
    fprintf(stderr, "%s: %s: %s\n", path, what, strerror(errno));
    exit(1);
}

/* Copies the input to a block of its exact size: AddressSanitizer then sees reads past its end. */
static void run(const void *bytes, size_t size) {
    uint8_t *copy = check_malloc(size ? size : 1);
    if (size > 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* A seed or file, which changed inputs may be made of. */
static void run_given(const void *bytes, size_t size) {
    run(bytes, size);
    if (mutator && size <= longest && (only < 0 || (size > 0 && *(const uint8_t *)bytes == only)))
        mutator_add(mutator, bytes, size);
}

static void write_input(const char *folder, const char *kind, const void *bytes, size_t size) {
    char hex[HASH_HEX_SIZE], path[4096];
    hash_hex(hash64(bytes, size, 0), hex);
    snprintf(path, sizeof path, "%s/%s-%s", folder, kind, hex);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        die("cannot write", path);
}

static void add_any(struct seeds *self, const void *bytes, size_t size) {
    const struct replay *replay = (const struct replay *)self;
    if (replay->folder) /* before it runs, so that a crashing seed is kept */
        write_input(replay->folder, "seed", bytes, size);
    run_given(bytes, size);
}

static void add_seed(struct seeds *self, const void *bytes, size_t size) {
    struct replay *replay = (struct replay *)self;
    uint64_t accepted = target_count().accepted;
    add_any(self, bytes, size);
    if (target_count().accepted == accepted) {
        fprintf(stderr, "seed %zu does not get past the target's first check\n", replay->count);
        exit(1);
    }
    replay->count++;
}

static void run_file(const char *path) {
    static uint8_t bytes[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "rb");
    if (!file)
        die("cannot open", path);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    if (ferror(file))
        die("cannot read", path);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* names the input if it crashes */
    run_given(bytes, size);
    if (keep && reach_is_new())
        write_input(keep, "found", bytes, size);
}

static void run_path(const char *path) {
    struct stat status;
    if (stat(path, &status) < 0)
        die("cannot stat", path);
    if (!S_ISDIR(status.st_mode)) {
        run_file(path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0)
        die("cannot list", path);
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            run_file(file);
        free(entries[i]);
    }
    free(entries);
}

/* ---- changed inputs ---- */

static const uint8_t *running;
static size_t running_size;

static void keep_running(void) {
    FILE *file = fopen("mutated-input", "wb");
    if (file) {
        fwrite(running, 1, running_size, file);
        fclose(file);
    }
}

/* The process ends anyway; sanitizers abort, too (ASAN_OPTIONS=abort_on_error=1). */
static void on_end(int number) {
    keep_running();
    signal(number, SIG_DFL);
    raise(number);
}

static void run_mutated(uint64_t count) {
    static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGTERM, SIGINT};
    if (mutator_count(mutator) == 0) {
        fprintf(
            stderr,
            "nothing to change: every seed and file is longer than --longest, or not of --only\n");
        exit(64);
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        signal(ends[i], on_end);
    for (uint64_t i = 0; i < count; i++) {
        size_t size;
        const uint8_t *bytes = mutator_next(mutator, &size);
        if (only >= 0 && size > 0)
            ((uint8_t *)(uintptr_t)bytes)[0] = (uint8_t)only;
        running = bytes;
        running_size = size;
        run(bytes, size);
        if (keep && size <= KEPT_SIZE_MAX && reach_is_new()) {
            write_input(keep, "found", bytes, size);
            mutator_add(mutator, bytes, size); /* copied before `bytes` changes */
        }
    }
}

int main(int argc, char **argv) {
    uint64_t mutations = 0, random = 1;
    const char *root = ".";
    struct replay replay = {.seeds = {.add = add_seed, .add_any = add_any}};
    int next = 1;
    for (; next + 1 < argc && strncmp(argv[next], "--", 2) == 0; next += 2) {
        if (strcmp(argv[next], "--root") == 0)
            root = argv[next + 1];
        else if (strcmp(argv[next], "--write-seeds") == 0)
            replay.folder = argv[next + 1];
        else if (strcmp(argv[next], "--mutate") == 0)
            mutations = strtoull(argv[next + 1], NULL, 10);
        else if (strcmp(argv[next], "--random") == 0)
            random = strtoull(argv[next + 1], NULL, 10);
        else if (strcmp(argv[next], "--only") == 0)
            only = (int)strtoul(argv[next + 1], NULL, 10);
        else if (strcmp(argv[next], "--longest") == 0)
            longest = strtoull(argv[next + 1], NULL, 10);
        else if (strcmp(argv[next], "--keep") == 0)
            keep = argv[next + 1];
        else
            break;
    }
    if (next < argc && argv[next][0] == '-') {
        fprintf(stderr,
                "usage: %s [--root FOLDER] [--write-seeds FOLDER] [--mutate N] [--random S] "
                "[--only B] [--longest L] [--keep FOLDER] [FILE | FOLDER]...\n",
                argv[0]);
        return 64;
    }
    if (mutations > 0)
        mutator = mutator_new(random);
    LLVMFuzzerInitialize(&argc, &argv);
    target_seeds(&replay.seeds, root);
    if (keep && !reach_is_counted()) {
        fprintf(stderr, "--keep needs a build for coverage: tests/fuzz/coverage makes it\n");
        return 64;
    }
    if (keep)
        reach_is_new(); /* the seeds' own */
    for (; next < argc; next++)
        run_path(argv[next]);
    if (mutations > 0)
        run_mutated(mutations);
    mutator_free(mutator);
    struct target_count count = target_count();
    printf("%zu seeds, %" PRIu64 " inputs, %" PRIu64 " got past the first check\n", replay.count,
           count.inputs, count.accepted);
    return replay.count > 0 ? 0 : 1;
}
