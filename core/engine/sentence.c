/* Values are printed as value_format() does it; one that is absent or an error is "?". */
#include "sentence.h"

#include "core/policy/eval/expression.h"

size_t sentence_append(struct text t, char *sentence, size_t size, size_t length) {
    if (length < size && t.length > 0) {
        size_t room = size - 1 - length;
        memcpy(sentence + length, t.data, t.length < room ? t.length : room);
    }
    return length + t.length;
}

static size_t append_piece(const struct reason_piece *piece, const struct value *frame,
                           char *sentence, size_t size, size_t length, struct arena *arena) {
    if (!piece->expression)
        return sentence_append(piece->literal, sentence, size, length);
    struct value v = expression_eval(piece->expression, frame, arena);
    if (v.type == VALUE_ABSENT || v.type == VALUE_ERROR)
        return sentence_append(TEXT_LITERAL("?"), sentence, size, length);
    return length + (size_t)value_format(v, sentence + length, size - length);
}

size_t sentence_write(const struct reason_piece *pieces, size_t count, const struct value *frame,
                      char *at, size_t size, struct arena *arena) {
    size_t length = 0;
    for (size_t i = 0; i < count && length < size - 1; i++)
        length = append_piece(&pieces[i], frame, at, size, length, arena);
    return length;
}

struct text sentence_cut(const char *sentence, size_t length) {
    size_t bad;
    struct text t = {.data = sentence,
                     .length = length < REASON_TEXT_MAX ? length : REASON_TEXT_MAX};
    if (length > REASON_TEXT_MAX && !text_is_clean(t, &bad))
        t.length = bad;
    return t;
}
