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

/* An attribute as a member of an object, with a type that JSON's reader gives it back. */
void record_json_attribute(struct buffer *buffer, const struct attribute *attribute);
