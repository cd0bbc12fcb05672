/* ChangeList and GetList. Under the decision lock; as in score.h. */
#pragma once

#include "server/base/run.h"

enum next perform_list_change(struct run *run);
void withdraw_list_change(struct run *run, const struct error *error);
void count_list_change(const struct run *run);

enum next perform_list(struct run *run);

/* Brings the gauges of run-time entries up to date; the service must have states. */
void list_measure(struct service *service);
