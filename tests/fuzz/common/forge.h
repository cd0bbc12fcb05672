/* Segments with right checksums whose content is not what a server writes. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdbool.h>

#define FORGERIES 14

/* how: which one, modulo FORGERIES; where: which record, modulo their number. False: the bytes are
 * no segment of this kind. */
bool forge_segment(struct text bytes, bool is_sealed, unsigned how, unsigned where,
                   struct buffer *ret_bytes);
