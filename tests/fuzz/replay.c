/* Runs a target without libFuzzer, so that ./check can run it with any compiler: first its seeds,
 * each of which must get past the target's first check, then the given files.
 *
 * usage: TARGET_replay [--root FOLDER] [--write-seeds FOLDER] [FILE | FOLDER]…
 *   --root         the project's folder: some seeds are made from its files (default .)
 *   --write-seeds  also writes the seeds to this folder, one file each */
#include "target.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_SIZE_MAX (1u << 20)

struct replay {
    struct seeds seeds; /* first member: add_seed() casts back to struct replay */
    const char *folder; /* for --write-seeds; NULL: not written */
    size_t count;
};

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

static void write_seed(const struct replay *replay, const void *bytes, size_t size) {
    char hex[HASH_HEX_SIZE], path[4096];
    hash_hex(hash64(bytes, size, 0), hex);
    snprintf(path, sizeof path, "%s/seed-%s", replay->folder, hex);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        die("cannot write", path);
}

static void add_seed(struct seeds *self, const void *bytes, size_t size) {
    struct replay *replay = (struct replay *)self;
    uint64_t accepted = target_count().accepted;
    if (replay->folder) /* before it runs, so that a crashing seed is kept */
        write_seed(replay, bytes, size);
    run(bytes, size);
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
    run(bytes, size);
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

int main(int argc, char **argv) {
    const char *root = ".";
    struct replay replay = {.seeds = {.add = add_seed}};
    int next = 1;
    for (; next + 1 < argc && strncmp(argv[next], "--", 2) == 0; next += 2) {
        if (strcmp(argv[next], "--root") == 0)
            root = argv[next + 1];
        else if (strcmp(argv[next], "--write-seeds") == 0)
            replay.folder = argv[next + 1];
        else
            break;
    }
    if (next < argc && argv[next][0] == '-') {
        fprintf(stderr, "usage: %s [--root FOLDER] [--write-seeds FOLDER] [FILE | FOLDER]...\n",
                argv[0]);
        return 64;
    }
    LLVMFuzzerInitialize(&argc, &argv);
    target_seeds(&replay.seeds, root);
    for (; next < argc; next++)
        run_path(argv[next]);
    struct target_count count = target_count();
    printf("%zu seeds, %" PRIu64 " inputs, %" PRIu64 " got past the first check\n", replay.count,
           count.inputs, count.accepted);
    return replay.count > 0 ? 0 : 1;
}
