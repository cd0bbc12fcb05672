#include "standing.h"

#include <stdlib.h>

struct standing {
    bool is_known;
};

void standing_free(struct standing *standing) {
    free(standing);
}

size_t standing_bytes(const struct standing *standing) {
    return standing ? sizeof *standing : 0;
}

void standing_forget(struct state *state) {
    if (state->standing)
        state->standing->is_known = false;
}

void standing_note_appended(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *added) {
    (void)entity;
    (void)added;
    standing_forget(state);
}

void standing_note_grown(struct state *state, const struct entity_plan *entity,
                         const struct run_entry *added, int64_t newest_us) {
    (void)entity;
    (void)added;
    (void)newest_us;
    standing_forget(state);
}

void standing_note_dropped(struct state *state, const struct entity_plan *entity,
                           uint32_t run_bytes, uint32_t tile_bytes) {
    (void)entity;
    (void)run_bytes;
    (void)tile_bytes;
    standing_forget(state);
}

void standing_note_collapsed(struct state *state, const struct entity_plan *entity,
                             const struct collapse *collapse) {
    (void)entity;
    (void)collapse;
    standing_forget(state);
}
