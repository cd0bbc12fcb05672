/* What was in force at a transaction, by its archive: the last record of each kind before it, and
 * what these name. Private to store/. */
#pragma once

#include "core/engine/engine.h"
#include "explain_locate.h"

/* Owned by the caller; in_force_deinit() frees all of it. */
struct in_force {
    struct snapshot *policy, *plan;      /* policy: of the transaction's arm */
    uint64_t policy_id, policy_position; /* as recorded */
    struct experiment experiment;        /* if there is an arm */
    enum arm arm;                        /* by the experiment in force and the transaction's key */
    struct snapshot *other;              /* the other arm's policy; NULL: there is no arm */
    struct generation_record generation; /* files and thresholds are not kept here */
    uint64_t adopted_position;           /* 0: no tables were adopted yet */
    struct thresholds *thresholds;       /* NULL: none */
    struct list_table *lists;
    struct snapshot *shadows[ENGINE_SHADOWS_MAX];
    size_t shadow_count;
    char version[64];    /* of the program that decided; "": the archive does not say */
    uint32_t definition; /* of its engine; 0: the archive does not say */
};

/* *in_force is zeroed by the caller, who deinits it after a failure too. rare: all records of the
 * rarer types; record: the transaction's. ERROR_NOT_FOUND: the archive lacks a policy that it
 * should have. ERROR_UNSUPPORTED: this version cannot load one. */
int in_force_find(struct in_force *in_force, struct explain_reading *reading,
                  const struct explain_finds *rare, const struct record *record,
                  struct error *ret_error);
void in_force_deinit(struct in_force *in_force);
