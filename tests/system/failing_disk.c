/* A disk that fails as a test wants it, for one process: LD_PRELOAD this, and FAILING_DISK names a
 * file of four native int32_t, read at each call, so that whoever writes the file changes a running
 * process's disk:
 *
 *   errno of writes (pwrite), 0: they succeed
 *   errno of syncs (fsync, fdatasync), 0: they succeed
 *   milliseconds that a sync takes at least; it looks again every 10 ms
 *   errno of ftruncate, 0: it succeeds
 *
 * It is the disk of the files in folders called archive. As Linux does, a failed sync reports once:
 * what it should have written is considered clean. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int32_t *asked;

static void __attribute__((constructor)) open_asked(void) {
    const char *path = getenv("FAILING_DISK");
    if (!path)
        return;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = descriptor < 0
                       ? MAP_FAILED
                       : mmap(NULL, 4 * sizeof *asked, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) {
        perror(path);
        abort(); /* a test without its disk would pass for nothing */
    }
    close(descriptor);
    asked = mapped;
}

static int is_archive(int descriptor) {
    char link[64], path[4096];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length < 0)
        return 0;
    path[length] = '\0';
    return strstr(path, "/archive/") != NULL;
}

static int fails(int descriptor, int which) {
    if (!asked || !asked[which] || !is_archive(descriptor))
        return 0;
    errno = asked[which];
    return 1;
}

static void hang(int descriptor) {
    const struct timespec step = {.tv_nsec = 10000000};
    if (!asked || !asked[2] || !is_archive(descriptor))
        return;
    for (int32_t ms = 0; ms < asked[2]; ms += 10)
        nanosleep(&step, NULL);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset);
ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset) {
    return fails(descriptor, 0) ? -1 : syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}

int ftruncate64(int descriptor, off64_t size) {
    return fails(descriptor, 3) ? -1 : (int)syscall(SYS_ftruncate, descriptor, size);
}

int fsync(int descriptor) {
    hang(descriptor);
    return fails(descriptor, 1) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
    hang(descriptor);
    return fails(descriptor, 1) ? -1 : (int)syscall(SYS_fdatasync, descriptor);
}
