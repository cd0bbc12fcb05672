/* The overlay in memory, shared by overlay_apply.c, overlay_view.c and bulk_apply.c. Private to
 * store/. */
#pragma once

#include "id_index.h"
#include "overlay.h"
#include "state_table.h"

struct overlay {
    struct state_source source;       /* first: the engine's view of it */
    struct baseline_source baselines; /* of the generation */
    const struct plan *plan;
    struct generation *generation; /* NULL: none */
    struct pages pages;            /* all of the heap's memory */
    struct heap heap; /* held states, their rows and windows, and the slots of both tables */
    struct state_table state_table;
    struct id_index ids;
    uint64_t ids_from; /* overlay_use_ids_from(); 0: all */
    uint64_t expected_id;
    uint64_t absent_id; /* hash that overlay_recognise_id() did not find last; 0: none */
    struct list_table *lists;
    struct source_table *sources;
    struct tally tally;
    uint64_t bytes;             /* of memory of all states, each as it was counted last */
    struct held_state *last;    /* handed out by the latest write, not counted since; NULL: none */
    struct buffer encoded;      /* the state read last, if it was in memory */
    struct overlay_view *views; /* open ones that keep what changes */
    uint64_t sample_of, sample_remainder; /* overlay_use_sample(); 0: everything is held */
    struct state unsampled;               /* of the entity outside the sample written last */
};

/* Applies a record to lists, sources and counts: all but states and ids. */
void overlay_note(struct overlay *overlay, const struct record *record);
/* Counts the state's memory anew, and updates the total. */
void overlay_count(struct overlay *overlay, struct held_state *held_state);
/* Ends what the last call left open: adds up .bytes, and invalidates the places that callers have
 * found. */
void overlay_settle(struct overlay *overlay);

/* The state is about to change: every open view copies it first, unless it has a copy. */
void overlay_views_keep(struct overlay *overlay, const struct held_state *held_state,
                        uint64_t key_hash);
