/* Places are filled one behind the other and never emptied; `count` is published after the name.
 * Place 0 is that of the names that came too late.
 *
 * Each count has one writer, the thread with the decision lock, so adding is a load and a store,
 * both relaxed: no locked instruction. A scrape may see one count of a decision and not yet
 * another. */
#include "rule_counts.h"

#include "core/base/check.h"
#include "core/policy/lang/read.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What a rule can do in a decision. A rule in shadow is never suppressed. */
enum part {
    PART_LIVE,
    PART_SHADOW,
    PART_SUPPRESSED,
    PART_FAILED,
    PART_COUNT,
};

static const char *const modes[] = {
    [PART_LIVE] = "live", [PART_SHADOW] = "shadow", [PART_SUPPRESSED] = "suppressed"};
#define MODES (sizeof modes / sizeof *modes)

struct place {
    char name[NAME_SIZE_MAX + 1];
    atomic_uint parts; /* bits: those that a policy or a brake has allowed the rule */
    _Atomic uint64_t counts[PART_COUNT];
};

struct rule_counts {
    struct place places[1 + RULE_NAMES_MAX];
    atomic_size_t count; /* of places in use */
};

#define OTHER 0

struct rule_counts *rule_counts_new(void) {
    struct rule_counts *counts = check_calloc(1, sizeof *counts);
    strcpy(counts->places[OTHER].name, "_other");
    atomic_init(&counts->count, 1);
    return counts;
}

void rule_counts_free(struct rule_counts *counts) {
    free(counts);
}

/* ---- places ---- */

/* A linear search: at worst a few milliseconds for a whole policy, while decisions go on. */
static size_t place_of(struct rule_counts *counts, struct text name) {
    size_t count = atomic_load_explicit(&counts->count, memory_order_relaxed);
    size_t i = 1;
    check(name.length <= NAME_SIZE_MAX);
    while (i < count && !text_is(name, counts->places[i].name))
        i++;
    if (i < count)
        return i;
    if (count == 1 + RULE_NAMES_MAX)
        return OTHER;
    memcpy(counts->places[i].name, name.data, name.length);
    atomic_store_explicit(&counts->count, count + 1, memory_order_release);
    return i;
}

/* A rule that is off neither fires nor fails. */
static unsigned parts_of(const struct rule *rule) {
    switch (rule->mode) {
    case RULE_LIVE:
        return 1u << PART_LIVE | 1u << PART_FAILED |
               (rule->suppress_slot == SIZE_MAX ? 0 : 1u << PART_SUPPRESSED);
    case RULE_SHADOW:
        return 1u << PART_SHADOW | 1u << PART_FAILED;
    case RULE_OFF:
        break;
    }
    return 0;
}

uint16_t *rule_counts_places(struct rule_counts *counts, const struct snapshot *rules) {
    _Static_assert(RULE_NAMES_MAX < UINT16_MAX, "places are 16 bits wide");
    uint16_t *places = check_calloc(rules->rule_count + 1, sizeof *places);
    for (size_t i = 0; i < rules->rule_count; i++) {
        unsigned parts = parts_of(&rules->rules[i]);
        if (parts == 0) /* keeps place 0, which it never uses */
            continue;
        places[i] = (uint16_t)place_of(counts, rules->rules[i].name);
        atomic_fetch_or_explicit(&counts->places[places[i]].parts, parts, memory_order_relaxed);
    }
    return places;
}

/* ---- counting ---- */

static void add(struct rule_counts *counts, uint16_t place, enum part part) {
    _Atomic uint64_t *count = &counts->places[place].counts[part];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* A load in nearly all cases: what is allowed stays so. */
static void allow(struct place *place, enum part part) {
    unsigned bit = 1u << part;
    if (!(atomic_load_explicit(&place->parts, memory_order_relaxed) & bit))
        atomic_fetch_or_explicit(&place->parts, bit, memory_order_relaxed);
}

void rule_counts_add(struct rule_counts *counts, const uint16_t *places,
                     const struct decision *decision) {
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        enum part part = reason->shadow       ? PART_SHADOW
                         : reason->suppressed ? PART_SUPPRESSED
                                              : PART_LIVE;
        add(counts, places[reason->index], part);
        if (part == PART_SHADOW) /* by a brake, if the policy does not say so */
            allow(&counts->places[places[reason->index]], part);
    }
    for (size_t i = 0; i < decision->rule_errors; i++)
        add(counts, places[decision->failures[i].index], PART_FAILED);
}

/* ---- writing ---- */

static void write_count(const struct place *place, enum part part, const char *metric,
                        struct buffer *out) {
    if (!(atomic_load_explicit(&place->parts, memory_order_relaxed) & 1u << part))
        return;
    buffer_printf(out, "%s{rule=\"%s\"", metric, place->name);
    if (part < MODES)
        buffer_printf(out, ",mode=\"%s\"", modes[part]);
    buffer_printf(out, "} %" PRIu64 "\n",
                  atomic_load_explicit(&place->counts[part], memory_order_relaxed));
}

/* Names of rules need no escaping: they consist of letters, digits and _. */
void rule_counts_write(const struct rule_counts *counts, struct buffer *out) {
    static const char fires[] = "harrierd_rule_fires_total",
                      errors[] = "harrierd_rule_errors_total";
    size_t count = atomic_load_explicit(&counts->count, memory_order_acquire);
    buffer_printf(out,
                  "# HELP %s Rules that fired in archived decisions, by rule and by whether that "
                  "had effect.\n# TYPE %s counter\n",
                  fires, fires);
    for (size_t i = 0; i < count; i++)
        for (enum part part = 0; part < MODES; part++)
            write_count(&counts->places[i], part, fires, out);
    buffer_printf(out,
                  "# HELP %s Rules whose evaluation failed in archived decisions, by rule.\n"
                  "# TYPE %s counter\n",
                  errors, errors);
    for (size_t i = 0; i < count; i++)
        write_count(&counts->places[i], PART_FAILED, errors, out);
}
