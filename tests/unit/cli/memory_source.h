/* A text as a byte_source. */
#pragma once

#include "clients/cli/rows/input.h"

struct memory_source {
    struct byte_source source;
    struct text left;
    size_t chunk; /* bytes a read */
};

static inline int memory_source_read(struct byte_source *self, struct text *ret_chunk,
                                     struct error *ret_error) {
    struct memory_source *memory = (struct memory_source *)self;
    (void)ret_error;
    if (memory->left.length == 0)
        return 0;
    *ret_chunk = memory->left;
    if (ret_chunk->length > memory->chunk)
        ret_chunk->length = memory->chunk;
    memory->left.data += ret_chunk->length;
    memory->left.length -= ret_chunk->length;
    return 1;
}

static inline struct memory_source memory_source_of(const char *string, size_t chunk) {
    return (struct memory_source){
        .source = {.read = memory_source_read}, .left = text_of(string), .chunk = chunk};
}
