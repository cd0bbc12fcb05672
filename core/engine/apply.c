/* apply(record, states): the fold of Law 1. What a record means to entities is outline.c's to say.
 */
#include "scratch.h"

/* What engine_entries() hands over. */
struct handing_over {
    struct outline_sink sink;
    struct entry_sink *to;
};

static void hand_over(struct outline_sink *self, const struct entity_outline *outline) {
    struct entry_sink *to = ((struct handing_over *)self)->to;
    to->take(to, outline->entity, outline->key, outline->key_hash, outline->entry);
}

void engine_entries(struct engine *engine, const struct record *record, struct entry_sink *sink) {
    struct handing_over handing_over = {.sink = {.take = hand_over}, .to = sink};
    outline_record(
        engine, record,
        &(struct outlining){.sink = &handing_over.sink, .ignores_hash = sink->ignores_hash});
}

/* What applies the entries that it takes. */
struct application {
    struct outline_sink sink;
    const struct plan *plan;
    struct state_source *states;
};

static void apply_entry(struct outline_sink *self, const struct entity_outline *outline) {
    struct application *application = (struct application *)self;
    struct state *state = application->states->write(application->states, outline->entity,
                                                     outline->key, outline->key_hash);
    state_apply(state, &application->plan->entities[outline->entity],
                application->plan->lateness_us, outline->entry);
}

void engine_apply(struct engine *engine, const struct record *record, struct state_source *states) {
    struct application application = {
        .sink = {.take = apply_entry}, .plan = &engine->plan->plan, .states = states};
    if (outline_is_laid_out(engine, record))
        outline_laid_out(engine, record, &application.sink);
    else
        outline_record(engine, record, &(struct outlining){.sink = &application.sink});
}
