/* Segments and manifests with right checksums whose content is not what a server writes. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdbool.h>

#define FORGERIES 14

/* how: which one, modulo FORGERIES; where: which record, modulo their number. False: the bytes are
 * no segment of this kind. */
bool forge_segment(struct text bytes, bool is_sealed, unsigned how, unsigned where,
                   struct buffer *ret_bytes);

#define MANIFEST_FORGERIES 10

/* The manifest of other tables, with a right checksum. False: the bytes are no manifest. */
bool forge_manifest(struct text bytes, unsigned how, struct buffer *ret_bytes);

#define BEGIN_FORGERIES 10

/* Where a pruned archive begins: another number of its header, with a right checksum. */
bool forge_begin(struct text bytes, unsigned how, struct buffer *ret_bytes);
