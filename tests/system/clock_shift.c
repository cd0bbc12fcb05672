/* A wall clock that can be set, for one process: LD_PRELOAD this, and CLOCK_SHIFT names a file of
 * eight bytes, the microseconds by which CLOCK_REALTIME is off (a native int64_t). They are read
 * with every look at the clock, so that whoever writes the file sets the clock of a running
 * process.
 *
 * Not shifted: CLOCK_MONOTONIC, which nobody can set; the times that the kernel gives to files. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_us;

static void __attribute__((constructor)) open_shift(void) {
    const char *path = getenv("CLOCK_SHIFT");
    if (!path)
        return;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = descriptor < 0
                       ? MAP_FAILED
                       : mmap(NULL, sizeof *shift_us, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) {
        perror(path);
        abort(); /* a test without its clock would pass for nothing */
    }
    close(descriptor);
    shift_us = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int r = (int)syscall(SYS_clock_gettime, clock, now);
    if (r < 0 || !shift_us || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return r;
    int64_t us = *shift_us;
    now->tv_sec += us / 1000000;
    now->tv_nsec += us % 1000000 * 1000;
    if (now->tv_nsec < 0) {
        now->tv_nsec += 1000000000;
        now->tv_sec--;
    } else if (now->tv_nsec >= 1000000000) {
        now->tv_nsec -= 1000000000;
        now->tv_sec++;
    }
    return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec time;
    int r = clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return r;
}

time_t time(time_t *ret_time) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}
