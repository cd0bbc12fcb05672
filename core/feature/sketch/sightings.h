/* Which values were seen, and how long ago each was seen last: what counting different values over
 * several windows needs. Internal to core/feature.
 *
 * A list, and a hash table of indexes into it. Both keep their memory between uses, but only as
 * much of the table is cleared as the use at hand needs, so that one big entity does not slow down
 * all the small ones after it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sighting {
    uint64_t value;
    uint64_t age_us;  /* of the newest */
    uint32_t subject; /* what the value belongs to */
};

struct sightings {
    struct sighting *list;
    size_t count;
    size_t list_capacity;
    uint32_t *slots;   /* index into list + 1; 0: free */
    size_t slot_count; /* in this use; a power of two */
    size_t slot_capacity;
    uint64_t seed; /* of the hash */
};

void sightings_init(struct sightings *sightings);
void sightings_deinit(struct sightings *sightings);

/* Forgets everything. Must come before the first sightings_add(). */
void sightings_clear(struct sightings *sightings);

void sightings_add(struct sightings *sightings, uint32_t subject, uint64_t value, uint64_t age_us);
