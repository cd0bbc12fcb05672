#include "resources.h"

#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static void measure_process(struct metric_set *metrics) {
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
        int64_t used_us = used.tv_sec * INT64_C(1000000) + used.tv_nsec / 1000;
        metric_add(metrics, CPU_TIME, 0, (uint64_t)(used_us - metric_value(metrics, CPU_TIME, 0)));
    }
    FILE *file = fopen("/proc/self/statm", "re");
    int64_t size, resident;
    if (file && fscanf(file, "%" SCNd64 " %" SCNd64, &size, &resident) == 2)
        metric_gauge(metrics, RESIDENT_MEMORY, 0, resident * sysconf(_SC_PAGESIZE));
    if (file)
        fclose(file);
}

static bool look_at(const char *folder, struct statvfs *ret_disk) {
    char parent[PATH_MAX];
    if (statvfs(folder, ret_disk) == 0)
        return true;
    if (errno != ENOENT || snprintf(parent, sizeof parent, "%s", folder) >= PATH_MAX)
        return false;
    return statvfs(dirname(parent), ret_disk) == 0;
}

static void measure_disk(struct metric_set *metrics, size_t label, const char *name,
                         const char *folder) {
    struct statvfs disk;
    if (!folder || !look_at(folder, &disk) || disk.f_blocks == 0)
        return;
    if (metric_value(metrics, DISK_SIZE, label) == 0) { /* the first time: a label is set once */
        metric_label(metrics, DISK_FREE, label, name);
        metric_label(metrics, DISK_SIZE, label, name);
    }
    /* What root alone may use counts as used. */
    metric_gauge(metrics, DISK_FREE, label, (int64_t)(disk.f_bavail * disk.f_frsize));
    metric_gauge(metrics, DISK_SIZE, label, (int64_t)(disk.f_blocks * disk.f_frsize));
}

void resources_measure(struct metric_set *metrics, const char *archive, const char *generations) {
    measure_process(metrics);
    measure_disk(metrics, DISK_ARCHIVE, "archive", archive);
    measure_disk(metrics, DISK_GENERATIONS, "generations", generations);
}
