#include "sightings.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

void sightings_init(struct sightings *sightings) {
    *sightings = (struct sightings){0};
}

void sightings_deinit(struct sightings *sightings) {
    free(sightings->list);
    free(sightings->slots);
    *sightings = (struct sightings){0};
}

/* That many free slots; room in the list for as many values as they may hold. */
static void make_slots(struct sightings *sightings, size_t count) {
    if (count > sightings->slot_capacity) {
        sightings->slots = check_reallocarray(sightings->slots, count, sizeof *sightings->slots);
        sightings->slot_capacity = count;
        sightings->list_capacity = count / 2;
        sightings->list =
            check_reallocarray(sightings->list, sightings->list_capacity, sizeof *sightings->list);
    }
    memset(sightings->slots, 0, count * sizeof *sightings->slots);
    sightings->slot_count = count;
}

void sightings_clear(struct sightings *sightings) {
    if (sightings->count == 0 && sightings->slot_count == SLOTS_MIN)
        return; /* nothing has come since */
    make_slots(sightings, SLOTS_MIN);
    sightings->count = 0;
    /* Clients choose the values. Where a value lies must not be theirs to compute, else they could
     * make all of them collide; where memory lies is unknown to them, and no result depends on it.
     */
    sightings->seed = (uintptr_t)sightings->slots;
}

/* The slot that holds the value, or is free for it. MurmurHash3's finaliser, linear probing. */
static uint32_t *find(struct sightings *sightings, uint32_t subject, uint64_t value) {
    uint64_t h = value + sightings->seed + subject * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    size_t mask = sightings->slot_count - 1;
    for (size_t i = (size_t)(h ^ h >> 33) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &sightings->slots[i];
        if (*slot == 0)
            return slot;
        const struct sighting *there = &sightings->list[*slot - 1];
        if (there->value == value && there->subject == subject)
            return slot;
    }
}

static void grow(struct sightings *sightings) {
    make_slots(sightings, 2 * sightings->slot_count);
    for (size_t i = 0; i < sightings->count; i++)
        *find(sightings, sightings->list[i].subject, sightings->list[i].value) = (uint32_t)(i + 1);
}

void sightings_add(struct sightings *sightings, uint32_t subject, uint64_t value, uint64_t age_us) {
    uint32_t *slot = find(sightings, subject, value);
    if (*slot == 0) {
        if (2 * (sightings->count + 1) > sightings->slot_count) {
            grow(sightings);
            slot = find(sightings, subject, value);
        }
        sightings->list[sightings->count] =
            (struct sighting){.value = value, .subject = subject, .age_us = age_us};
        *slot = (uint32_t)++sightings->count;
    }
    struct sighting *sighting = &sightings->list[*slot - 1];
    sighting->age_us = age_us < sighting->age_us ? age_us : sighting->age_us;
}
