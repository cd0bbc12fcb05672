/* Sentences with values, into a buffer of limited size. Private to engine/. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/load/snapshot.h"

/* Writes the pieces one after the other, cut to the room there is (with a NUL). Returns the length,
 * more than size - 1 if something was cut. */
size_t sentence_write(const struct reason_piece *pieces, size_t count, const struct value *frame,
                      char *at, size_t size, struct arena *arena);
/* Adds a text behind `length` bytes, which may be more than there is room for. */
size_t sentence_append(struct text t, char *sentence, size_t size, size_t length);
/* What there is room for in a reason, without half a character at its end. */
struct text sentence_cut(const char *sentence, size_t length);
