/* The option event_command: a program that gets the events on its standard input. */
#pragma once

#include "core/base/error.h"
#include "event_delivery.h"

struct event_base;

/* Is the path one that can be run? ERROR_INVALID. */
int event_command_check(const char *path, struct error *ret_error);

/* path: kept. A run that takes longer than timeout_us is killed, with all it has started. Called
 * while the process has one thread: it forks (event_launcher.h). ERROR_SYSTEM. */
int event_command_new(struct event_base *base, const char *path, int64_t timeout_us,
                      struct event_destination **ret_destination, struct error *ret_error);
