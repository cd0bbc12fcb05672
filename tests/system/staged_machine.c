/* A machine as a test wants it, for one process: LD_PRELOAD this. Each part is asked for by a
 * variable of the environment:
 *
 *   STAGED_SYNC_MS   fdatasync() takes so long
 *   STAGED_READ_MS   pread() takes so long
 *   STAGED_CLOCK     adjtimex(): "synchronised", "free" (no program keeps it so), "off" (it may be
 *                    off by two seconds), or "unknown" (the call fails)
 *   STAGED_ZSTD      what ZSTD_versionString() says
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

static void take_long(const char *variable) {
    const char *milliseconds = getenv(variable);
    if (milliseconds)
        usleep((useconds_t)atoi(milliseconds) * 1000);
}

ssize_t pread64(int descriptor, void *bytes, size_t size, off64_t offset);
ssize_t pread64(int descriptor, void *bytes, size_t size, off64_t offset) {
    take_long("STAGED_READ_MS");
    return syscall(SYS_pread64, descriptor, bytes, size, offset);
}

int fdatasync(int descriptor) {
    take_long("STAGED_SYNC_MS");
    return (int)syscall(SYS_fdatasync, descriptor);
}

int adjtimex(struct timex *clock) {
    const char *state = getenv("STAGED_CLOCK");
    if (!state)
        return (int)syscall(SYS_adjtimex, clock);
    memset(clock, 0, sizeof *clock);
    if (strcmp(state, "unknown") == 0) {
        errno = EPERM;
        return -1;
    }
    clock->maxerror = strcmp(state, "off") == 0 ? 2000000 : 1000;
    if (strcmp(state, "free") != 0)
        return TIME_OK;
    clock->status = STA_UNSYNC;
    return TIME_ERROR;
}

const char *ZSTD_versionString(void);
const char *ZSTD_versionString(void) {
    const char *version = getenv("STAGED_ZSTD");
    return version ? version : "1.5.4";
}
