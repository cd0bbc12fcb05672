/* The emit stage: hands a chunk's rows to the listener, in order. Only for the thread that runs the
 * replay. Private to batch/replay. */
#pragma once

#include "replay_decide.h"

struct replay_output {
    struct replay *replay;
    struct progress *progress;
    uint64_t reported; /* records, at the last update of the progress */
    bool is_stopping;  /* the progress asked to stop: no further chunk is read */
    bool is_at_end;    /* all records have been emitted */
};

/* Passes a row that was decided in this thread to take() and row(). */
int replay_emit_decided(struct replay *replay, struct replay_line *line,
                        struct replay_decided *decided, struct buffer *prepared,
                        struct error *ret_error);

/* Behind the chunk's last row: its reading error, its barrier, the progress. */
int replay_finish_chunk(struct replay_output *output, struct replay_chunk *chunk,
                        struct error *ret_error);

/* Emits the chunk's rows in order, then replay_finish_chunk(). */
int replay_emit_chunk(struct replay_output *output, struct replay_chunk *chunk,
                      struct error *ret_error);
