/* What overlay_apply.c and overlay_view.c share. Private to store/. */
#pragma once

#include "id_index.h"
#include "overlay.h"
#include "state_table.h"

struct overlay {
    struct state_source source; /* first: the engine's view of it */
    const struct plan *plan;
    struct generation *generation; /* NULL: none */
    struct pages pages;            /* all of the heap's memory */
    struct heap heap; /* of the states in the table, their states, and the table of ids */
    struct state_table state_table;
    struct id_index ids;
    uint64_t expected_id;
    uint64_t absent_id; /* recognised last, as none that is known; 0: nothing is known of it */
    struct list_table *lists;
    struct tally tally;
    uint64_t bytes;          /* of all states but what `last` has changed since it was handed out */
    uint64_t kept_bytes;     /* beside them, each as of a late write */
    struct held_state *last; /* the state handed out by the latest write; NULL: none */
    uint32_t last_length;    /* its length then */
    struct overlay_view *views; /* open ones that keep what changes */
};

/* What a record means to all but states and ids: lists and counts. */
void overlay_note(struct overlay *overlay, const struct record *record);
/* What the held state's state keeps beside its bytes now. */
void overlay_count_kept(struct overlay *overlay, struct held_state *held_state);
/* Nothing is under way from the call before. */
void overlay_settle(struct overlay *overlay);

/* The state is about to change: every view that is open keeps it as it is. */
void overlay_views_keep(struct overlay *overlay, const struct held_state *held_state,
                        uint64_t key_hash);
