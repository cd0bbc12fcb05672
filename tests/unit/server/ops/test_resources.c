/* What the server says of its machine, compared with what df and the kernel say. */
#include "core/base/buffer.h"
#include "server/ops/metrics.h"
#include "server/ops/resources.h"
#include "tests/unit/store/scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* df's figure of a folder's disk in bytes; column is "avail" or "size". */
static int64_t df(const char *folder, const char *column) {
    char command[512];
    long long value = -1;
    snprintf(command, sizeof command, "df --block-size=1 --output=%s '%s' | tail -n 1", column,
             folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%lld", &value), 1);
    assert_int_equal(pclose(pipe), 0);
    return value;
}

/* Others write to the disk meanwhile. */
#define ROOM_FOR_OTHERS (INT64_C(1) << 30)

static void disks_are_what_df_says(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct metric_set *metrics = server_metrics_new();
    /* The tables' folder is missing before the first rebuild. */
    for (int i = 0; i < 3; i++)
        resources_measure(metrics, "/proc", scratch_path(folder, "generations"));
    int64_t size = metric_value(metrics, DISK_SIZE, DISK_GENERATIONS);
    assert_int_equal(size, df(folder, "size"));
    int64_t off = metric_value(metrics, DISK_FREE, DISK_GENERATIONS) - df(folder, "avail");
    assert_true(off < ROOM_FOR_OTHERS && off > -ROOM_FOR_OTHERS);
    assert_int_equal(metric_value(metrics, DISK_SIZE, DISK_ARCHIVE), 0); /* /proc has no disk */
    metric_set_free(metrics);
    scratch_remove(folder);
}

static void a_disk_that_cannot_be_read_has_no_metric(void **state) {
    (void)state;
    struct metric_set *metrics = server_metrics_new();
    struct buffer text;
    buffer_init(&text);
    resources_measure(metrics, "/dev/null/archive", NULL);
    metric_write(metrics, &text);
    buffer_append_u8(&text, '\0');
    assert_null(strstr((const char *)text.bytes, "harrierd_disk_free_bytes{"));
    buffer_deinit(&text);
    metric_set_free(metrics);
}

static void the_process_is_measured(void **state) {
    (void)state;
    struct metric_set *metrics = server_metrics_new();
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 3; i++)
        resources_measure(metrics, NULL, NULL);
    getrusage(RUSAGE_SELF, &after);
#define CPU_US(usage)                                                                              \
    ((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec + \
     usage.ru_stime.tv_usec)
    int64_t used_us = metric_value(metrics, CPU_TIME, 0);
    assert_in_range(used_us, CPU_US(before) - 2, CPU_US(after) + 2); /* each part is rounded */
    /* The most that it ever had in memory, and at least the page of this code. The kernel counts
     * pages per processor and adds them up late. */
    int64_t resident = metric_value(metrics, RESIDENT_MEMORY, 0);
    assert_in_range(resident, 4096, after.ru_maxrss * INT64_C(1024) + (INT64_C(8) << 20));
    metric_set_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disks_are_what_df_says),
        cmocka_unit_test(a_disk_that_cannot_be_read_has_no_metric),
        cmocka_unit_test(the_process_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
