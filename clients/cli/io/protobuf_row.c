/* The fast reader leaves texts in the message's bytes, which have no NULs and are soon gone. */
#include "protobuf_row.h"

#include "core/wire/message/message_item.h"

static bool copy_text(struct arena *arena, struct text *text) {
    *text = arena_text(arena, *text);
    return text->data != NULL;
}

static int copy_texts(struct arena *arena, struct transaction *transaction,
                      struct error *ret_error) {
    struct attribute *attributes =
        arena_calloc(arena, transaction->attribute_count, sizeof *attributes);
    bool is_whole = attributes && copy_text(arena, &transaction->id) &&
                    copy_text(arena, &transaction->currency) &&
                    copy_text(arena, &transaction->source);
    for (size_t i = 0; i < FIELD_COUNT && is_whole; i++)
        is_whole = copy_text(arena, &transaction->fields[i]);
    for (size_t i = 0; i < transaction->attribute_count && is_whole; i++) {
        attributes[i] = transaction->attributes[i];
        is_whole = copy_text(arena, &attributes[i].name) &&
                   (attributes[i].type != ATTRIBUTE_TEXT || copy_text(arena, &attributes[i].text));
    }
    if (!is_whole)
        return error_set(ret_error, ERROR_TOO_LARGE, "the record is too large");
    transaction->attributes = attributes;
    return 0;
}

/* The field may be an attribute's name, which lies in the message. */
static int refuse(struct text field, struct arena *arena, struct text *ret_field,
                  struct error *error) {
    if (ret_field)
        *ret_field = arena_text(arena, field);
    return field.length > 0 ? error_prefix(error, "%.*s", (int)field.length, field.data)
                            : -(int)error->code;
}

int protobuf_row_transaction(struct text message, struct arena *arena,
                             struct transaction *ret_transaction, struct text *ret_field,
                             struct error *ret_error) {
    struct text field = {0};
    int r =
        message_decode_transaction(message.data, message.length, arena, ret_transaction, ret_error);
    if (r < 0)
        return r;
    if (transaction_check(ret_transaction, &field, ret_error) < 0)
        return refuse(field, arena, ret_field, ret_error);
    return copy_texts(arena, ret_transaction, ret_error);
}
