/* The filters of the plan's features, over the transaction in the plan's layout.
 *
 * Entities share conditions, and so do features of one entity: each different condition is
 * evaluated at most once for a record. Its prefilter nearly always has the answer; otherwise it is
 * evaluated when an entity that the record names needs it. Conditions that read the verdict or
 * fired rules are evaluated again once these are known, so they are numbered last. */
#include "scratch.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/expression_reads.h"

#include <stdlib.h>

/* Room for the texts that filters build; they are gone after each record. */
#define FILTER_TEXTS_MAX (1u << 20)
#define FILTER_SETS_MAX  (16u << 20)
#define FILTERS_MAX      (PLAN_ENTITIES_MAX * PLAN_FILTERS_MAX)

_Static_assert(FILTERS_MAX <= UINT16_MAX, "numbers of filters are 16 bits wide");

static size_t words_for(size_t count) {
    return (count + PREFILTER_SET_RUN - 1) / PREFILTER_SET_RUN;
}

static uint64_t bit_of(size_t number) {
    return UINT64_C(1) << number % PREFILTER_SET_RUN;
}

/* ---- making ---- */

/* Does the condition read the verdict or a fired rule? Only such ones change when the decision is
 * known. */
static bool reads_verdict(const struct snapshot *snapshot, const struct expression *filter,
                          bool *reads) {
    memset(reads, 0, snapshot->slot_count * sizeof *reads);
    expression_reads(filter, reads, snapshot->slot_count);
    bool does = reads[snapshot->slot_verdict];
    for (size_t i = 0; i < snapshot->fired_count; i++)
        does |= reads[snapshot->first_fired + i];
    return does;
}

/* The number of a condition among the different ones, by its canonical text; a new one at its first
 * occurrence. */
static size_t number_of(struct filters *filters, struct text *sources, struct text source,
                        const struct expression *condition) {
    size_t i = 0;
    while (i < filters->count && !text_equal(sources[i], source))
        i++;
    if (i == filters->count) {
        sources[i] = source;
        filters->conditions[filters->count++] = condition;
    }
    return i;
}

/* Numbers all filters that look at the verdict, or all others. */
/* Called twice, so that conditions that follow the verdict have the highest numbers. */
static void number_some(struct filters *filters, const struct snapshot *plan, bool following,
                        struct text *sources, bool *reads) {
    for (size_t e = 0; e < plan->plan.entity_count; e++) {
        struct entity_filters *entity = &filters->entities[e];
        for (size_t f = 0; f < entity->count; f++) {
            const struct expression *condition = plan->bindings[e].filters[f];
            if (reads_verdict(plan, condition, reads) != following)
                continue;
            size_t number =
                number_of(filters, sources, plan->plan.entities[e].filters[f].source, condition);
            entity->numbers[f] = (uint16_t)number;
            entity->own[number / PREFILTER_SET_RUN] |= bit_of(number);
            entity->follows |= following;
        }
    }
}

static const struct prefilter_set *prefilters_from(struct filters *filters, size_t first) {
    size_t count = filters->count - first;
    const struct prefilter **prefilters = check_calloc(count, sizeof *prefilters);
    for (size_t i = 0; i < count; i++)
        prefilters[i] = expression_prefilter(filters->conditions[first + i]);
    const struct prefilter_set *set = prefilter_set_build(prefilters, count, &filters->sets);
    free(prefilters);
    return set;
}

void filters_init(struct filters *filters, const struct snapshot *plan) {
    size_t all = 0;
    *filters = (struct filters){
        .entity_count = plan->plan.entity_count,
        .entities = check_calloc(plan->plan.entity_count, sizeof *filters->entities)};
    arena_init(&filters->texts, FILTER_TEXTS_MAX);
    arena_init(&filters->sets, FILTER_SETS_MAX);
    for (size_t e = 0; e < plan->plan.entity_count; e++)
        all += plan->plan.entities[e].filter_count;
    for (size_t e = 0; e < plan->plan.entity_count; e++) {
        struct entity_filters *entity = &filters->entities[e];
        entity->count = plan->plan.entities[e].filter_count;
        entity->numbers = check_calloc(entity->count, sizeof *entity->numbers);
        entity->own = check_calloc(words_for(all), sizeof *entity->own);
    }
    filters->conditions = check_calloc(all, sizeof *filters->conditions);
    filters->passed = check_calloc(all, sizeof *filters->passed);
    filters->passed_before = check_calloc(all, sizeof *filters->passed_before);
    filters->unknown = check_calloc(words_for(all), sizeof *filters->unknown);
    filters->values = check_calloc(all, sizeof *filters->values);
    struct text *sources = check_calloc(all, sizeof *sources);
    bool *reads = check_calloc(plan->slot_count, sizeof *reads);
    number_some(filters, plan, false, sources, reads);
    filters->first_following = filters->count;
    number_some(filters, plan, true, sources, reads);
    filters->prefilters = prefilters_from(filters, 0);
    filters->following = prefilters_from(filters, filters->first_following);
    filters->hashes = check_calloc(filters->count, sizeof *filters->hashes);
    for (size_t i = 0; i < filters->count; i++)
        filters->hashes[i] = hash_text(sources[i]);
    free(sources);
    free(reads);
}

void filters_deinit(struct filters *filters) {
    for (size_t e = 0; e < filters->entity_count; e++) {
        free(filters->entities[e].numbers);
        free(filters->entities[e].own);
    }
    free(filters->entities);
    free(filters->conditions);
    free(filters->passed);
    free(filters->passed_before);
    free(filters->unknown);
    free(filters->values);
    free(filters->hashes);
    arena_deinit(&filters->sets);
    arena_deinit(&filters->texts);
}

/* ---- asking ---- */

static void ask(struct filters *filters, const struct prefilter_set *prefilters, size_t first,
                const struct value *frame) {
    for (size_t i = first; i < filters->count; i += PREFILTER_SET_RUN) {
        uint64_t maybe,
            yes = prefilter_set_answer(prefilters, (i - first) / PREFILTER_SET_RUN, frame, &maybe);
        for (; yes; yes &= yes - 1)
            filters->passed[i + (size_t)__builtin_ctzll(yes)] = true;
        for (; maybe; maybe &= maybe - 1) {
            size_t number = i + (size_t)__builtin_ctzll(maybe);
            filters->unknown[number / PREFILTER_SET_RUN] |= bit_of(number);
        }
    }
}

static const struct erased_condition *find_recorded(const struct filters *filters, size_t number) {
    for (size_t i = 0; i < filters->erased->condition_count; i++)
        if (filters->erased->conditions[i].condition == filters->hashes[number])
            return &filters->erased->conditions[i];
    return NULL;
}

static bool was_true(const struct erased_condition *condition, unsigned label) {
    return condition->labels >> label & 1;
}

void filters_begin(struct filters *filters, const struct transaction *transaction, unsigned label) {
    filters->erased = transaction->erased;
    filters->label = label;
}

bool filters_recorded(const struct filters *filters, size_t entity, size_t filter, enum label label,
                      bool *ret_passes) {
    const struct erased_condition *condition =
        filters->erased ? find_recorded(filters, filters->entities[entity].numbers[filter]) : NULL;
    if (condition)
        *ret_passes = was_true(condition, label);
    return condition != NULL;
}

/* Of a rewritten record: what it says replaces what was evaluated. */
static void take_recorded(struct filters *filters, size_t first) {
    for (size_t i = first; i < filters->count; i++) {
        const struct erased_condition *condition = find_recorded(filters, i);
        if (!condition)
            continue;
        filters->passed[i] = was_true(condition, filters->label);
        filters->unknown[i / PREFILTER_SET_RUN] &= ~bit_of(i);
    }
}

void filters_ask(struct filters *filters, const struct value *frame) {
    memset(filters->passed, 0, filters->count * sizeof *filters->passed);
    memset(filters->unknown, 0, words_for(filters->count) * sizeof *filters->unknown);
    for (size_t i = 0; i < filters->count; i++)
        filters->values[i].type = VALUE_MAP;
    ask(filters, filters->prefilters, 0, frame);
    if (filters->erased)
        take_recorded(filters, 0);
}

void filters_ask_again(struct filters *filters, const struct value *frame) {
    for (size_t i = filters->first_following; i < filters->count; i++) {
        filters->passed[i] = false;
        filters->unknown[i / PREFILTER_SET_RUN] &= ~bit_of(i);
    }
    ask(filters, filters->following, filters->first_following, frame);
    if (filters->erased)
        take_recorded(filters, filters->first_following);
}

/* Evaluates the conditions of one word whose answers are unknown and wanted. */
static void evaluate(struct filters *filters, size_t word, uint64_t wanted,
                     const struct value *frame) {
    uint64_t left = filters->unknown[word] & wanted;
    filters->unknown[word] &= ~wanted;
    for (; left; left &= left - 1) {
        size_t number = word * PREFILTER_SET_RUN + (size_t)__builtin_ctzll(left);
        struct value *v = &filters->values[number];
        *v = expression_eval(filters->conditions[number], frame, &filters->texts);
        filters->passed[number] = v->type == VALUE_BOOL && v->boolean;
    }
}

void filters_keep(struct filters *filters, const struct value *frame) {
    for (size_t i = 0; i < words_for(filters->count); i++)
        evaluate(filters, i, UINT64_MAX, frame);
    memcpy(filters->passed_before, filters->passed, filters->count * sizeof *filters->passed);
}

static void weigh(const struct entity_filters *own, const bool *passed, int32_t *ret_weights) {
    for (size_t f = 0; f < own->count; f++)
        ret_weights[f] = passed[own->numbers[f]];
}

/* Evaluates the unknown conditions of the entities that the record names, and no others. */
static void evaluate_wanted(struct filters *filters, const struct state_place *spots, size_t count,
                            const struct value *frame) {
    for (size_t i = 0; i < words_for(filters->count); i++)
        for (size_t s = 0; s < count && filters->unknown[i]; s++)
            if (filters->unknown[i] & filters->entities[spots[s].entity].own[i])
                evaluate(filters, i, filters->entities[spots[s].entity].own[i], frame);
}

void filters_weigh(struct filters *filters, const struct state_place *spots, size_t count,
                   bool following, const struct value *frame, struct entry *entries) {
    evaluate_wanted(filters, spots, count, frame);
    for (size_t s = 0; s < count; s++) {
        size_t entity = spots[s].entity;
        const struct entity_filters *own = &filters->entities[entity];
        if (!following || own->follows)
            weigh(own, filters->passed, entries[entity].weights);
    }
}

void filters_weigh_kept(const struct filters *filters, size_t entity, int32_t *ret_weights) {
    weigh(&filters->entities[entity], filters->passed_before, ret_weights);
}

void filters_weigh_again(const struct filters *filters, size_t entity, int32_t *ret_weights) {
    weigh(&filters->entities[entity], filters->passed, ret_weights);
}
