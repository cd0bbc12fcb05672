/* Publishing a generation that a writer has built and checked, and removing old ones. */
#pragma once

#include "generation_writer.h"

/* After all checks have succeeded: writes the manifest, syncs, renames the folder and points
 * `current` to it. If the same generation is there already, and whole, it is kept and only becomes
 * the current one. Once. */
int generation_writer_publish(struct generation_writer *writer,
                              struct generation_manifest *ret_manifest, struct error *ret_error);
/* After publication: removes all but the newest `keep` generations, counting the one just
 * published, and except the protected one (0: none). A server that has a removed one open keeps it.
 */
int generation_writer_retain(struct generation_writer *writer, size_t keep, uint64_t protected_id,
                             size_t *ret_removed, struct error *ret_error);
