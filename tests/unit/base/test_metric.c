/* Metrics: what is counted, and the Prometheus text, byte by byte. */
#include "core/base/metric.h"
#include "tests/unit/unit.h"

enum { REQUESTS, TEMPERATURE, STARTED, LATENCY, METRICS };

static const char *color(size_t index) {
    static const char *const names[] = {"", "red", "blue"};
    return names[index];
}

static const struct metric table[METRICS] = {
    [REQUESTS] = {.name = "requests_total",
                  .type = METRIC_COUNTER,
                  .label = "color",
                  .labels = 3,
                  .label_value = color,
                  .help = "How many."},
    [TEMPERATURE] = {.name = "temperature", .type = METRIC_GAUGE, .help = "How warm."},
    [STARTED] = {.name = "started_seconds",
                 .type = METRIC_GAUGE,
                 .unit = METRIC_MICROSECONDS,
                 .help = "Since when."},
    [LATENCY] = {.name = "latency_seconds",
                 .type = METRIC_HISTOGRAM,
                 .unit = METRIC_MICROSECONDS,
                 .help = "How long."},
};

static void expect_text(const struct metric_set *set, const char *expected) {
    struct buffer out;
    buffer_init(&out);
    metric_write(set, &out);
    buffer_append_u8(&out, '\0');
    assert_string_equal((char *)out.bytes, expected);
    buffer_deinit(&out);
}

static void text_is_prometheus(void **state) {
    (void)state;
    struct metric_set *set = metric_set_new(table, LATENCY); /* all but the histogram */
    metric_add(set, REQUESTS, 0, 9);                         /* has no name: is not printed */
    metric_add(set, REQUESTS, 1, 2);
    metric_add(set, REQUESTS, 1, 3);
    metric_gauge(set, TEMPERATURE, 0, 20);
    metric_gauge(set, TEMPERATURE, 0, -7);
    metric_gauge(set, STARTED, 0, INT64_C(1767225600000042));
    expect_text(set, "# HELP requests_total How many.\n"
                     "# TYPE requests_total counter\n"
                     "requests_total{color=\"red\"} 5\n"
                     "requests_total{color=\"blue\"} 0\n"
                     "# HELP temperature How warm.\n"
                     "# TYPE temperature gauge\n"
                     "temperature -7\n"
                     "# HELP started_seconds Since when.\n"
                     "# TYPE started_seconds gauge\n"
                     "started_seconds 1767225600.000042\n");
    metric_set_free(set);
}

static void histogram_is_cumulative(void **state) {
    (void)state;
    struct metric_set *set = metric_set_new(table + LATENCY, 1);
    const int64_t observed_us[] = {-3, 10, 11, 20, 1500, 10000000, 10000001};
    for (size_t i = 0; i < sizeof observed_us / sizeof *observed_us; i++)
        metric_observe(set, 0, 0, observed_us[i]);
    assert_int_equal(metric_value(set, 0, 0), 7);
    expect_text(set, "# HELP latency_seconds How long.\n"
                     "# TYPE latency_seconds histogram\n"
                     "latency_seconds_bucket{le=\"1e-05\"} 2\n"
                     "latency_seconds_bucket{le=\"2e-05\"} 4\n"
                     "latency_seconds_bucket{le=\"5e-05\"} 4\n"
                     "latency_seconds_bucket{le=\"0.0001\"} 4\n"
                     "latency_seconds_bucket{le=\"0.0002\"} 4\n"
                     "latency_seconds_bucket{le=\"0.0005\"} 4\n"
                     "latency_seconds_bucket{le=\"0.001\"} 4\n"
                     "latency_seconds_bucket{le=\"0.002\"} 5\n"
                     "latency_seconds_bucket{le=\"0.005\"} 5\n"
                     "latency_seconds_bucket{le=\"0.01\"} 5\n"
                     "latency_seconds_bucket{le=\"0.02\"} 5\n"
                     "latency_seconds_bucket{le=\"0.05\"} 5\n"
                     "latency_seconds_bucket{le=\"0.1\"} 5\n"
                     "latency_seconds_bucket{le=\"0.2\"} 5\n"
                     "latency_seconds_bucket{le=\"0.5\"} 5\n"
                     "latency_seconds_bucket{le=\"1\"} 5\n"
                     "latency_seconds_bucket{le=\"2\"} 5\n"
                     "latency_seconds_bucket{le=\"5\"} 5\n"
                     "latency_seconds_bucket{le=\"10\"} 6\n"
                     "latency_seconds_bucket{le=\"+Inf\"} 7\n"
                     "latency_seconds_sum 20.001542\n"
                     "latency_seconds_count 7\n");
    metric_set_free(set);
}

static void total_is_over_all_labels(void **state) {
    (void)state;
    struct metric_set *set = metric_set_new(table, METRICS);
    metric_add(set, REQUESTS, 1, 2);
    metric_add(set, REQUESTS, 2, 40);
    assert_int_equal(metric_value(set, REQUESTS, 2), 40);
    assert_int_equal(metric_total(set, REQUESTS), 42);
    assert_int_equal(metric_total(set, TEMPERATURE), 0);
    metric_set_free(set);
}

static void labels_can_be_named_later(void **state) {
    (void)state;
    static const struct metric named[] = {{.name = "entries",
                                           .type = METRIC_GAUGE,
                                           .label = "list",
                                           .labels = 3,
                                           .help = "Entries."}};
    struct metric_set *set = metric_set_new(named, 1);
    metric_gauge(set, 0, 2, 7);
    expect_text(set, "# HELP entries Entries.\n# TYPE entries gauge\n");
    char name[] = "cards";
    metric_label(set, 0, 2, name);
    name[0] = 'x'; /* it was copied */
    metric_label(set, 0, 0, "ips");
    expect_text(set, "# HELP entries Entries.\n"
                     "# TYPE entries gauge\n"
                     "entries{list=\"ips\"} 0\n"
                     "entries{list=\"cards\"} 7\n");
    metric_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_prometheus),
        cmocka_unit_test(histogram_is_cumulative),
        cmocka_unit_test(total_is_over_all_labels),
        cmocka_unit_test(labels_can_be_named_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
