#include "scratch.h"

#include "core/base/hash.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

char *scratch_make(void) {
    const char *root = getenv("TMPDIR");
    if (!root)
        root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char *folder = NULL;
    assert_true(asprintf(&folder, "%s/harrier-test-XXXXXX", root) > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

void scratch_remove(char *folder) {
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

/* nftw() passes nothing along. */
static uint64_t fingerprint;

static int add_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    uint64_t hash = hash_text(text_of(path + place->base)) + (uint64_t)place->level;
    if (type == FTW_F) {
        struct text bytes = scratch_read(path);
        hash = hash64(bytes.data, bytes.length, hash);
        free((char *)(uintptr_t)bytes.data);
    }
    fingerprint += hash; /* the order of a folder's entries does not count */
    return 0;
}

uint64_t scratch_fingerprint(const char *folder) {
    fingerprint = 0;
    assert_int_equal(nftw(folder, add_one, 16, FTW_PHYS), 0);
    return fingerprint;
}

const char *scratch_path(const char *folder, const char *name) {
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
    return path;
}

struct text scratch_read(const char *path) {
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0)
        fail_msg("%s: cannot open", path);
    struct stat status;
    assert_int_equal(fstat(descriptor, &status), 0);
    size_t length = (size_t)status.st_size;
    char *bytes = malloc(length + 1);
    assert_int_equal(read(descriptor, bytes, length + 1), length);
    close(descriptor);
    return (struct text){.data = bytes, .length = length};
}

void scratch_write(const char *path, const void *bytes, size_t length) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0)
        fail_msg("%s: cannot create", path);
    assert_int_equal(write(descriptor, bytes, length), length);
    close(descriptor);
}

bool scratch_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}
