/* Damage to a protobuf message, such as no writer of ours makes but others may, or a line does. */
#pragma once

#include "core/base/buffer.h"
#include "random_wire.h"

/* One byte changed, left out, put in or cut off behind; or a piece of it a second time. */
void damage_bytes(struct random *random, struct buffer *buffer);

/* The message written anew, lengths right: here and there, on any level, with a field left out,
 * twice, in another place, under another number or with another value, one that no version knows,
 * and numbers in longer forms. Many of them mean something to a reader of protobuf. What cannot be
 * taken apart stays as it is. */
void damage_fields(struct random *random, struct buffer *buffer);
