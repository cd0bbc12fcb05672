/* Random but reproducible traffic for the tests of overlay and generation: a small policy, and
 * records with which its entities gather history, get outcomes and become idle. */
#pragma once

#include "core/engine/engine.h"
#include "tests/unit/unit.h"

#define TRAFFIC_START_US INT64_C(1767225600000000)

/* Entities card, merchant and card with merchant; windows of an hour to two days. extra: yaml of
 * one more feature, or "". */
struct snapshot *traffic_policy(const char *extra);

struct traffic_past {
    struct text id;
    uint64_t position;
    enum label label;
    struct transaction transaction;
    enum verdict verdict;
    bool is_amended, is_backfilled;
    struct amended amended;
    uint64_t amended_at; /* position of the newest amendment */
};

struct traffic {
    uint64_t random, position;
    /* One in eight transactions comes up to so late, half of these as history; 0: none does. */
    uint64_t late_seconds;
    struct arena arena; /* everything lives in here */
    struct traffic_past *past;
    size_t past_count, past_capacity;
};

void traffic_init(struct traffic *traffic, uint64_t seed);
void traffic_deinit(struct traffic *traffic);
/* The next record with its position: a transaction, or an outcome or an amendment of an earlier
 * one. */
struct record traffic_next(struct traffic *traffic);
uint64_t traffic_random(struct traffic *traffic, uint64_t below);
