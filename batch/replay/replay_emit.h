/* Hands a chunk's rows to the listener, in order. Private to batch/replay. */
#pragma once

#include "replay_judge.h"

struct replay_output {
    struct replay *replay;
    struct progress *progress;
    uint64_t reported; /* to the progress */
    bool is_stopping;  /* the progress asked for it: no chunk more is read */
    bool is_at_end;    /* all records are told */
};

/* A row that is decided just now goes to take() and to row(). */
int replay_emit_decided(struct replay *replay, struct replay_line *line,
                        struct replay_decided *decided, struct buffer *prepared,
                        struct error *ret_error);

/* Behind the chunk's last row: what went wrong with reading, what changes now, the progress. */
int replay_finish_chunk(struct replay_output *output, struct replay_chunk *chunk,
                        struct error *ret_error);

/* The chunk's rows in order, and that. */
int replay_emit_chunk(struct replay_output *output, struct replay_chunk *chunk,
                      struct error *ret_error);
