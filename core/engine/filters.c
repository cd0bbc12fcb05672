/* The filters of the plan's features, over the transaction in the plan's layout.
 *
 * Entities share conditions, and so do features of one entity: each different one is asked once for
 * a record. Its screen knows the answer nearly always; otherwise it is evaluated when an entity
 * wants it. Those that look at the verdict or the rules that fired are asked again once these are
 * known: they are the last. */
#include "scratch.h"

#include "../base/check.h"
#include "../policy/expression_reads.h"

#include <stdlib.h>

/* Room for the texts that filters build; they are gone after each record. */
#define FILTER_TEXTS_MAX (1u << 20)

#define NOT_KNOWN (-1)

static bool reads_verdict(const struct snapshot *snapshot, const struct expression *filter,
                          bool *reads) {
    memset(reads, 0, snapshot->slot_count * sizeof *reads);
    expression_reads(filter, reads, snapshot->slot_count);
    bool does = reads[snapshot->slot_verdict];
    for (size_t i = 0; i < snapshot->fired_count; i++)
        does |= reads[snapshot->first_fired + i];
    return does;
}

/* Its number among the different ones; it is added when it is the first of them. */
static size_t number_of(struct filters *filters, struct text *sources, struct text source,
                        const struct expression *condition) {
    size_t i = 0;
    while (i < filters->count && !text_equal(sources[i], source))
        i++;
    if (i == filters->count) {
        sources[i] = source;
        filters->screens[i] = expression_screen(condition);
        filters->conditions[filters->count++] = condition;
    }
    return i;
}

/* Numbers all filters that look at the verdict, or all others. */
static void number_some(struct filters *filters, const struct snapshot *plan, bool following,
                        struct text *sources, bool *reads) {
    for (size_t e = 0; e < plan->plan.entity_count; e++) {
        struct entity_filters *entity = &filters->entities[e];
        for (size_t f = 0; f < entity->count; f++) {
            const struct expression *condition = plan->bindings[e].filters[f];
            if (reads_verdict(plan, condition, reads) != following)
                continue;
            entity->numbers[f] =
                number_of(filters, sources, plan->plan.entities[e].filters[f].source, condition);
            entity->follows |= following;
        }
    }
}

void filters_init(struct filters *filters, const struct snapshot *plan) {
    size_t all = 0;
    *filters = (struct filters){
        .entity_count = plan->plan.entity_count,
        .entities = check_calloc(plan->plan.entity_count, sizeof *filters->entities)};
    arena_init(&filters->texts, FILTER_TEXTS_MAX);
    for (size_t e = 0; e < plan->plan.entity_count; e++) {
        struct entity_filters *entity = &filters->entities[e];
        entity->count = plan->plan.entities[e].filter_count;
        entity->numbers = check_calloc(entity->count, sizeof *entity->numbers);
        all += entity->count;
    }
    filters->conditions = check_calloc(all, sizeof *filters->conditions);
    filters->screens = check_calloc(all, sizeof *filters->screens);
    filters->passed = check_calloc(all, sizeof *filters->passed);
    filters->passed_before = check_calloc(all, sizeof *filters->passed_before);
    struct text *sources = check_calloc(all, sizeof *sources);
    bool *reads = check_calloc(plan->slot_count, sizeof *reads);
    number_some(filters, plan, false, sources, reads);
    filters->first_following = filters->count;
    number_some(filters, plan, true, sources, reads);
    free(sources);
    free(reads);
}

void filters_deinit(struct filters *filters) {
    for (size_t e = 0; e < filters->entity_count; e++)
        free(filters->entities[e].numbers);
    free(filters->entities);
    free(filters->conditions);
    free(filters->screens);
    free(filters->passed);
    free(filters->passed_before);
    arena_deinit(&filters->texts);
}

static void ask_from(struct filters *filters, size_t first, const struct value *frame) {
    screen_answers(filters->screens + first, filters->count - first, frame,
                   filters->passed + first);
}

void filters_ask(struct filters *filters, const struct value *frame) {
    ask_from(filters, 0, frame);
}

void filters_ask_again(struct filters *filters, const struct value *frame) {
    ask_from(filters, filters->first_following, frame);
}

static int evaluate(struct filters *filters, size_t number, const struct value *frame) {
    return expression_is_true(filters->conditions[number], frame, &filters->texts);
}

void filters_keep(struct filters *filters, const struct value *frame) {
    for (size_t i = 0; i < filters->count; i++) {
        if (filters->passed[i] == NOT_KNOWN)
            filters->passed[i] = (signed char)evaluate(filters, i, frame);
        filters->passed_before[i] = filters->passed[i];
    }
}

void filters_weigh(struct filters *filters, size_t entity, const struct value *frame,
                   int32_t *ret_weights) {
    const struct entity_filters *own = &filters->entities[entity];
    for (size_t f = 0; f < own->count; f++) {
        size_t number = own->numbers[f];
        if (filters->passed[number] == NOT_KNOWN)
            filters->passed[number] = (signed char)evaluate(filters, number, frame);
        ret_weights[f] = filters->passed[number];
    }
}

void filters_weigh_kept(const struct filters *filters, size_t entity, int32_t *ret_weights) {
    const struct entity_filters *own = &filters->entities[entity];
    for (size_t f = 0; f < own->count; f++)
        ret_weights[f] = filters->passed_before[own->numbers[f]];
}
