/* What the tests of states share: an entity with a column of each kind, filters with and without
 * outcomes, payments to fill it, and seeded chance. Filters are real conditions here; the engine
 * only ever sees the weights made from them. */
#pragma once

#include "core/feature/plan/finish.h"
#include "core/feature/plan/plan.h"
#include "core/feature/state/state.h"

#define SECOND INT64_C(1000000)

enum scene_column {
    SCENE_AMOUNT,        /* fixed point, two digits */
    SCENE_ITEMS,         /* int */
    SCENE_MERCHANT,      /* hash of a text */
    SCENE_MERCHANT_TEXT, /* the text */
    SCENE_ONLINE,        /* bool */
    SCENE_OPENED,        /* timestamp */
    SCENE_PLACE,         /* where it was */
    SCENE_COLUMNS
};

enum scene_filter {
    SCENE_IS_ONLINE,
    SCENE_IS_DEAR, /* amount of 5.00 or more */
    SCENE_IS_FRAUD,
    SCENE_IS_ONLINE_FRAUD,
    SCENE_NOT_LEGIT, /* true as long as nothing is known */
    SCENE_FILTERS
};

enum scene_label { SCENE_UNKNOWN, SCENE_LEGIT, SCENE_FRAUD, SCENE_LABELS };

struct payment {
    int64_t time_us;
    uint64_t id_hash;
    uint32_t present; /* bits of enum scene_column */
    int64_t integers[SCENE_COLUMNS];
    const char *merchant; /* static */
};

struct scene {
    struct plan plan;
    struct entity_plan entity;
    struct column columns[SCENE_COLUMNS];
    struct filter filters[SCENE_FILTERS];
    struct feature features[PLAN_FEATURES_MAX];
    char names[PLAN_FEATURES_MAX][24];
};

/* An entity without features yet. The scene must not move afterwards. */
void scene_init(struct scene *scene, int64_t lateness_us);
/* Adds a feature; column, filter and part may be −1. The result may be changed until
 * scene_finish().
 */
struct feature *scene_add(struct scene *scene, enum aggregate aggregate, int column, int filter,
                          int part, int64_t window_us, int64_t delay_us);
/* plan_finish(), which must succeed. */
void scene_finish(struct scene *scene);

bool scene_passes(int filter, const struct payment *payment, enum scene_label label);
/* The entries that the engine makes of a payment, and of what becomes known about it. */
struct entry scene_transaction(const struct payment *payment);
struct entry scene_outcome(const struct payment *payment, enum scene_label previous,
                           enum scene_label label);
/* What an amendment makes: the payment as it is now, and as it was. */
struct entry scene_put_in(const struct payment *payment, enum scene_label label);
struct entry scene_taken_out(const struct payment *payment, enum scene_label label);
void scene_apply(const struct scene *scene, struct state *state, const struct entry *entry);

/* Chance: SplitMix64. */
struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
/* 0 … limit − 1 */
int64_t chance_below(struct chance *chance, int64_t limit);
/* HARRIER_SEED, else 1, printed so that a run can be repeated. */
uint64_t chance_seed(void);
/* HARRIER_STEPS, else the default. */
int64_t chance_steps(int64_t normal);

/* A payment at this time; mostly few different values, so that equal ones occur. */
struct payment scene_random_payment(struct chance *chance, int64_t time_us);
/* The same with values of every size: numbers up to the ends of an int64, texts of no byte up to
 * more than is kept. The more, the larger `size` is, from 0 on. */
#define SCENE_SIZES 4
struct payment scene_wild_payment(struct chance *chance, int64_t time_us, int64_t size);
/* Features of all aggregates with windows of microseconds to half an hour. */
void scene_add_random_features(struct scene *scene, struct chance *chance, size_t count);

/* The state's bytes, valid until some calls later. */
struct text scene_encode(const struct entity_plan *entity, const struct state *state);
/* Two arguments: bytes and length. */
#define ENCODED(entity, state) scene_encode(entity, state).data, scene_encode(entity, state).length
/* state_check() of those bytes. */
int scene_check(const struct entity_plan *entity, const struct state *state,
                struct error *ret_error);
/* Do both have the same bytes? */
bool scene_equal(const struct entity_plan *entity, const struct state *a, const struct state *b);

/* Are the bytes what a state of the same entries, rebuilt from the decoded ones, would have? True
 * if there are collapsed tiles: state_check() folds those. */
bool scene_is_canonical(const struct scene *scene, const void *bytes, size_t length);
