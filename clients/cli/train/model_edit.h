/* Keys of one model replaced, added or removed in the text of models.yaml: every other line stays,
 * with comments and layout. The model's keys stand on lines of their own. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>

struct model_key_edit {
    const char *key;
    struct text value; /* on one line, as YAML; empty: the key goes */
    bool if_present;   /* only where the key is there already */
};

/* *ret_content is in the arena. ERROR_INVALID: the model is not there, or not written line by line.
 */
int model_edit_apply(struct text content, struct text model, const struct model_key_edit *edits,
                     size_t count, struct arena *arena, struct text *ret_content,
                     struct error *ret_error);

/* The text of a key of one model; empty: there is none. And is it the text of the same key of
 * another model? It is in the arena. */
struct text model_edit_find(struct text content, struct text model, const char *key,
                            struct arena *arena, bool *ret_shared);

/* Does another model name this path as its file or its reference? Then ERROR_INVALID. */
int model_edit_check_free(struct text content, struct text model, struct text path,
                          struct arena *arena, struct error *ret_error);
