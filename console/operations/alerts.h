/* The conditions of deploy/alerts.yaml, as far as they follow from what the console can see: the
 * server's status, the nights, the tokens file. One table has all names of that file; those whose
 * condition needs rates of metrics, or other nodes, are there as not known. How long a condition
 * has held is Prometheus's business: here it is true or not. */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "core/base/buffer.h"
#include "core/store/nights/night_summary.h"

#include <stdbool.h>
#include <stdint.h>

struct alert_facts {
    int64_t now_us;
    bool is_reached;                   /* the server answers, if only to say that it is not ready */
    const struct harrier_status *status; /* NULL: not known */
    const struct night_summary *nights;  /* NULL: not known */
    bool has_tokens;
    int64_t next_expiry_us; /* of a token that is valid; 0: none ends */
};

/* Appends "alerts": an array in the order of deploy/alerts.yaml. "state" is "firing", "quiet" or
 * "unknown". */
void alerts_write(const struct alert_facts *facts, struct buffer *out);
