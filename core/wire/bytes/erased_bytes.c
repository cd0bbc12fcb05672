#include "erased_bytes.h"

#include "writing.h"

Harrier__Archive__V1__Erased *erased_to_protobuf(const struct erased *erased,
                                                 struct arena *scratch) {
    if (!erased)
        return NULL;
    Harrier__Archive__V1__Erased *out = scratch_calloc(scratch, 1, sizeof *out);
    Harrier__Archive__V1__ErasedField *fields;
    Harrier__Archive__V1__ErasedCondition *conditions;
    harrier__archive__v1__erased__init(out);
    out->n_fields = erased->field_count;
    NEW_MESSAGES(scratch, erased->field_count, fields, out->fields,
                 harrier__archive__v1__erased_field__init);
    for (size_t i = 0; i < erased->field_count; i++) {
        fields[i].field = bytes_from_text(erased->fields[i].field);
        fields[i].hash = erased->fields[i].hash;
        fields[i].shown = erased->fields[i].is_shown;
        if (erased->fields[i].kept.type != ATTRIBUTE_NONE)
            fields[i].kept = attribute_to_protobuf(&erased->fields[i].kept, scratch);
    }
    out->n_conditions = erased->condition_count;
    NEW_MESSAGES(scratch, erased->condition_count, conditions, out->conditions,
                 harrier__archive__v1__erased_condition__init);
    for (size_t i = 0; i < erased->condition_count; i++) {
        conditions[i].condition = erased->conditions[i].condition;
        conditions[i].labels = erased->conditions[i].labels;
    }
    return out;
}

int erased_from_protobuf(const Harrier__Archive__V1__Erased *in, struct arena *arena,
                         const struct erased **ret_erased) {
    *ret_erased = NULL;
    if (!in)
        return 1;
    struct erased *erased = arena_calloc(arena, 1, sizeof *erased);
    struct erased_field *fields = arena_calloc(arena, in->n_fields + 1, sizeof *fields);
    struct erased_condition *conditions =
        arena_calloc(arena, in->n_conditions + 1, sizeof *conditions);
    if (!erased || !fields || !conditions)
        return -1;
    for (size_t i = 0; i < in->n_fields; i++) {
        fields[i] = (struct erased_field){.field = text_from_bytes(in->fields[i]->field),
                                          .hash = in->fields[i]->hash,
                                          .is_shown = in->fields[i]->shown != 0};
        if (in->fields[i]->kept)
            fields[i].kept = attribute_from_protobuf(in->fields[i]->kept);
    }
    for (size_t i = 0; i < in->n_conditions; i++)
        conditions[i] = (struct erased_condition){.condition = in->conditions[i]->condition,
                                                  .labels = in->conditions[i]->labels};
    *erased = (struct erased){.fields = fields,
                              .field_count = in->n_fields,
                              .conditions = conditions,
                              .condition_count = in->n_conditions};
    *ret_erased = erased;
    return 0;
}

void erased_append(const struct erased *erased, uint32_t number, struct buffer *buffer) {
    struct arena scratch;
    struct buffer message;
    scratch_init(&scratch);
    buffer_init(&message);
    protobuf_pack(&erased_to_protobuf(erased, &scratch)->base, &message);
    struct writing writing = writing_begin(buffer, FIELD_ROOM + message.length);
    writing_finish(&writing, put_any_text(writing.end, number, buffer_text(&message)));
    buffer_deinit(&message);
    arena_deinit(&scratch);
}
