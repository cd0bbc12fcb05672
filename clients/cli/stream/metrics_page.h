/* GET /metrics for Prometheus, on a thread of its own. */
#pragma once

#include "core/base/error.h"
#include "core/base/metric.h"

struct metrics_page;

/* address: "HOST:PORT", "[::1]:9100". ERROR_INVALID: it is not an address; ERROR_EXISTS: the port
 * is taken; ERROR_SYSTEM. The set must outlive the page. */
int metrics_page_open(const char *address, struct metric_set *metrics,
                      struct metrics_page **ret_page, struct error *ret_error);
void metrics_page_close(struct metrics_page *page); /* NULL is allowed */
