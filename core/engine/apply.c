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
    const struct spot *spots; /* as deciding found the states; NULL: look for them */
};

static struct state *state_of(const struct application *application,
                              const struct entity_outline *outline) {
    struct state_source *states = application->states;
    struct state *found = application->spots ? application->spots[outline->entity].state : NULL;
    return found ? states->rewrite(states, outline->entity, found, outline->key_hash)
                 : states->write(states, outline->entity, outline->key, outline->key_hash);
}

static void apply_entry(struct outline_sink *self, const struct entity_outline *outline) {
    struct application *application = (struct application *)self;
    struct state *state = state_of(application, outline);
    state_apply(state, &application->plan->entities[outline->entity],
                application->plan->lateness_us, outline->entry);
}

void engine_apply(struct engine *engine, const struct record *record, struct state_source *states) {
    struct application application = {
        .sink = {.take = apply_entry}, .plan = &engine->plan->plan, .states = states};
    bool is_laid_out = outline_is_laid_out(engine, record);
    if (is_laid_out && states->rewrite && engine->found_in == states &&
        engine->found_after == states->calls)
        application.spots = engine->spots;
    if (is_laid_out)
        outline_laid_out(engine, record, &application.sink);
    else
        outline_record(engine, record, &(struct outlining){.sink = &application.sink});
}
