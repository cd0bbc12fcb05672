/* What the model's modules share. */
#pragma once

#include "model.h"

#include "core/store/archive/archive_place.h"
#include "core/wire/record/record.h"

#define SALES_MAX   6000
#define RECORDS_MAX 30000
#define ASKED_MAX   6000
#define HOUR_US     INT64_C(3600000000)
#define DAY_US      (24 * HOUR_US)

/* What an outcome, an amendment or a change of the list has made of what was. */
struct change {
    enum label label, previous_label;
    struct amended now, previous;
    unsigned card;
    bool removed;
};

/* What a client has asked for. A record must be of something that was, and as often as it likes. */
struct asked_amendment {
    size_t sale;
    enum amendment_kind kind;
    int64_t amount_minor;
};

/* A record as it was when it was first read, and what a client was told of it. */
struct known {
    enum record_type type;
    uint64_t digest;      /* of its payload */
    size_t sale;          /* SALES_MAX: of none */
    struct change change; /* of the record, unless it is a transaction */
    bool is_answered;
    unsigned answered_life;
    int64_t answered_us; /* for the first time */
    /* What the answer said; compared with the record once that has been read. */
    enum record_type answered_type;
    size_t answered_sale;
    struct change answered_change;
    enum verdict verdict;
    uint32_t score;
    bool is_late; /* older than its card's newest by more than the lateness */
    bool has_features;
    double features[FEATURE_COUNT];
};

struct brake_model {
    uint64_t definition;
    unsigned policy; /* under which the definition was met */
    bool is_pulled;
};

struct model {
    struct sale sales[SALES_MAX];
    size_t sale_count;
    struct known records[RECORDS_MAX]; /* by position */
    uint64_t record_count;             /* that were read and applied */
    uint64_t answered;                 /* the highest position that was answered */
    uint64_t synced;
    struct archive_place place;       /* read up to there, in this life */
    unsigned policy;                  /* in force */
    unsigned wanted_policy;           /* in the folder */
    unsigned asked_labels[SALES_MAX]; /* bits */
    struct asked_amendment asked[ASKED_MAX];
    size_t asked_count;
    bool is_listed[CARDS], may_list[CARDS][2];
    struct brake_model brakes[16];
    size_t brake_count;
    int64_t now_us;
    int64_t receive_time_us;
    uint64_t outcomes;
    enum { ERASURE_NONE, ERASURE_BEGUN, ERASURE_DONE } erasures[CARDS];
    struct {
        uint64_t before; /* what came before it is erased */
        uint64_t anew;   /* decisions from here on are made without it; 0: none yet */
    } erased[CARDS];
};

#define MODEL (world->model)

/* Of what was sent; else a promise is broken. */
size_t model_sale_of(struct text id);
unsigned model_card_of(struct text name);

/* Of a card, and a merchant, at a time: over all that is recorded by now. */
void model_add_up(unsigned card, unsigned merchant, int64_t at_us, double features[FEATURE_COUNT]);
bool model_is_braked(void);
/* Is a decision there made of a history that an erasure takes away at some moment? */
bool model_is_unclear(unsigned card, uint64_t position);
/* Is it recorded, and not erased? */
bool model_counts(const struct sale *sale);
uint32_t model_score_of(const double features[FEATURE_COUNT], unsigned card);
enum verdict model_verdict_of(uint32_t score);
/* Is it older than the newest of its card by more than the lateness? */
bool model_is_late(const struct sale *of);
