/* Tables that a defect could have made, for the stage states_differ: the current ones once more,
 * whole and with valid hashes, but without the state of one card.
 *
 * usage: wrong_tables DATA POLICY CARD */
#include "core/base/buffer.h"
#include "core/policy/load/snapshot.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/overlay/overlay.h"

#include <stdio.h>
#include <stdlib.h>

struct copying {
    const struct plan *plan;
    struct text card;
    struct generation_writer *writer;
    unsigned left_out;
    struct error error;
};

static int copy_state(void *user, size_t entity, struct text key, struct text state) {
    struct copying *copying = user;
    if (text_is(copying->plan->entities[entity].name, "card") && text_equal(key, copying->card)) {
        copying->left_out++;
        return 0;
    }
    return generation_writer_state(copying->writer, entity, key, state, &copying->error);
}

static int copy_id(void *user, uint64_t id_hash, struct known_id known) {
    struct copying *copying = user;
    return generation_writer_id(copying->writer, id_hash, known, &copying->error);
}

static int finish(struct copying *copying, const struct generation *from,
                  const struct snapshot *snapshot) {
    const struct generation_manifest *old = generation_manifest(from);
    const struct snapshot_record record = {.snapshot_id = snapshot->id,
                                           .name = snapshot->name,
                                           .files = snapshot->files,
                                           .file_count = snapshot->file_count};
    const struct tally tally = generation_tally(from);
    const struct generation_description description = {
        .place = old->place,
        .snapshot = &record,
        .tally = &tally,
        .adopted_id = old->id,
        .epoch = old->epoch,
        .now_us = old->created_time_us,
        .version = old->version,
    };
    struct generation_manifest manifest;
    int r = generation_writer_finish(copying->writer, &description, &copying->error);
    for (size_t i = 0; r == 0 && i < generation_writer_checks(copying->writer); i++)
        r = generation_writer_check(copying->writer, i, &copying->error);
    return r < 0 ? r : generation_writer_publish(copying->writer, &manifest, &copying->error);
}

static int copy(const char *generations, const struct snapshot *snapshot, struct copying *copying) {
    struct generation *generation;
    int r = generation_open_current(generations, true, &generation, &copying->error);
    if (r < 0)
        return r;
    r = generation_bind(generation, &snapshot->plan, &copying->error);
    if (r == 0)
        r = generation_writer_open(generations, &snapshot->plan, &copying->writer, &copying->error);
    struct overlay *overlay = r == 0 ? overlay_new(&snapshot->plan, generation) : NULL;
    if (r == 0)
        r = overlay_visit(overlay, copy_state, copying);
    if (r == 0)
        r = overlay_visit_ids(overlay, copy_id, copying);
    if (r == 0)
        r = finish(copying, generation, snapshot);
    generation_writer_close(copying->writer);
    if (overlay)
        overlay_free(overlay); /* closes the generation */
    else
        generation_close(generation);
    return r;
}

int main(int argc, char **argv) {
    char generations[4096];
    struct snapshot *snapshot;
    struct buffer messages;
    if (argc != 4) {
        fprintf(stderr, "usage: wrong_tables DATA POLICY CARD\n");
        return 64;
    }
    struct copying copying = {.card = text_of(argv[3])};
    buffer_init(&messages);
    snprintf(generations, sizeof generations, "%s/generations", argv[1]);
    int r = snapshot_load_folder(argv[2], &snapshot, &messages, &copying.error);
    if (r == 0) {
        copying.plan = &snapshot->plan;
        r = copy(generations, snapshot, &copying);
        snapshot_unref(snapshot);
    }
    buffer_deinit(&messages);
    if (r < 0)
        fprintf(stderr, "wrong_tables: %s\n", copying.error.text);
    else if (copying.left_out != 1)
        fprintf(stderr, "wrong_tables: the tables have %u states of the card %s; expected one\n",
                copying.left_out, argv[3]);
    return r < 0 || copying.left_out != 1;
}
