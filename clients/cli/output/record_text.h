/* A record of the archive as a line for people, or as a JSON object. */
#pragma once

#include "core/base/buffer.h"
#include "core/store/archive/archive.h"
#include "core/wire/record/record.h"

/* Appends without a line feed. frame may be NULL: then without where it lies. */
void record_text(const struct record *record, const struct archive_frame *frame,
                 struct buffer *buffer);
void record_json(const struct record *record, const struct archive_frame *frame,
                 struct buffer *buffer);
