/* Message SourceState of archive.proto through the generated code: it is written by rebuilds only,
 * so speed does not matter. */
#include "source_state.h"

#include "protobuf.h"

#define WHAT "the state of a source"

typedef Harrier__Archive__V1__SourceNumbering numbering_message;

static numbering_message *encode_numbering(const struct source_numbering *numbering,
                                           struct arena *scratch) {
    if (numbering->highest == 0)
        return NULL;
    numbering_message *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__archive__v1__source_numbering__init(out);
    out->first = numbering->first;
    out->highest = numbering->highest;
    out->seen = bytes_from_text(
        (struct text){.data = (const char *)numbering->seen, .length = sizeof numbering->seen});
    out->n_missing = 2 * numbering->missing_count;
    out->missing = scratch_calloc(scratch, out->n_missing, sizeof *out->missing);
    for (size_t i = 0; i < numbering->missing_count; i++) {
        out->missing[2 * i] = numbering->missing[i].first;
        out->missing[2 * i + 1] = numbering->missing[i].last;
    }
    return out;
}

void source_state_encode(const struct source_state *state, struct buffer *buffer) {
    struct arena scratch;
    Harrier__Archive__V1__SourceState out;
    scratch_init(&scratch);
    harrier__archive__v1__source_state__init(&out);
    out.name = bytes_from_text(state->name);
    out.transactions = state->transactions;
    out.last_receive_time_us = state->last_receive_us;
    out.gaps = state->counts.gaps;
    out.missed = state->counts.missed;
    out.late = state->counts.late;
    out.repeats = state->counts.repeats;
    out.restarts = state->counts.restarts;
    out.current = encode_numbering(&state->current, &scratch);
    out.previous = encode_numbering(&state->previous, &scratch);
    protobuf_pack(&out.base, buffer);
    arena_deinit(&scratch);
}

/* Everything that later arithmetic relies on. */
static bool is_sound(const struct source_numbering *numbering) {
    uint64_t before = 0;
    if (numbering->first == 0 || numbering->first > numbering->highest)
        return false;
    for (size_t i = 0; i < numbering->missing_count; i++) {
        const struct source_range *range = &numbering->missing[i];
        if (range->first <= before || range->first > range->last ||
            range->last >= numbering->highest)
            return false;
        before = range->last;
    }
    return true;
}

static bool decode_numbering(const numbering_message *in, struct source_numbering *ret_numbering) {
    *ret_numbering = (struct source_numbering){0};
    if (!in)
        return true;
    if (in->seen.len != sizeof ret_numbering->seen || in->n_missing % 2 != 0 ||
        in->n_missing > 2 * SOURCE_RANGES_MAX)
        return false;
    ret_numbering->first = in->first;
    ret_numbering->highest = in->highest;
    memcpy(ret_numbering->seen, in->seen.data, sizeof ret_numbering->seen);
    ret_numbering->missing_count = in->n_missing / 2;
    for (size_t i = 0; i < ret_numbering->missing_count; i++)
        ret_numbering->missing[i] =
            (struct source_range){.first = in->missing[2 * i], .last = in->missing[2 * i + 1]};
    return is_sound(ret_numbering);
}

int source_state_decode(const void *bytes, size_t length, struct arena *arena,
                        struct source_state *ret_state, struct error *ret_error) {
    const Harrier__Archive__V1__SourceState *in =
        protobuf_unpack(&harrier__archive__v1__source_state__descriptor, WHAT, ERROR_DAMAGED, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    *ret_state = (struct source_state){.name = text_from_bytes(in->name),
                                       .transactions = in->transactions,
                                       .last_receive_us = in->last_receive_time_us,
                                       .counts = {.gaps = in->gaps,
                                                  .missed = in->missed,
                                                  .late = in->late,
                                                  .repeats = in->repeats,
                                                  .restarts = in->restarts}};
    if (!decode_numbering(in->current, &ret_state->current) ||
        !decode_numbering(in->previous, &ret_state->previous))
        return error_set(ret_error, ERROR_DAMAGED, "%s has numbers that contradict each other",
                         WHAT);
    return 0;
}
