/* Publishing a generation that a writer has built and checked, and removing old ones. */
#pragma once

#include "generation_writer.h"

/* After all checks: writes the manifest, syncs, renames and points `current` at it. When the same
 * generation is already there, and whole, it stays as it is and only becomes the current one. Once.
 */
int generation_writer_publish(struct generation_writer *writer,
                              struct generation_manifest *ret_manifest, struct error *ret_error);
/* After publication: removes all but the newest `keep` generations, the one just published among
 * them, and but the protected one (0: none). A server that has one of them open keeps it. */
int generation_writer_retain(struct generation_writer *writer, size_t keep, uint64_t protected_id,
                             size_t *ret_removed, struct error *ret_error);
