/* The admin HTTP, for supervisors and scrapers on the same machine:
 *
 *   GET /livez     200 while the program's loop runs
 *   GET /readyz    200 while transactions are scored, else 503 with the reason
 *   GET /metrics   Prometheus text format
 *
 * HEAD works likewise; everything else is 404 or 405. Loopback only: there is no authentication. */
#pragma once

#include "core/base/error.h"
#include "core/base/metric.h"
#include "server/base/service.h"

struct event_base;
struct admin;

/* address: HOST:PORT, port 0 takes a free one. ERROR_EXISTS: in use. ERROR_INVALID, ERROR_SYSTEM.
 */
int admin_open(struct event_base *base, const char *address, struct service *service,
               struct metric_set *metrics, struct admin **ret_admin, struct error *ret_error);
void admin_close(struct admin *admin); /* NULL is allowed */
