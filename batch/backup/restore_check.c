/* What is on the disk after a restore: an archive from where it begins to where it must end. */
#include "restore_job.h"

#include "core/store/archive/archive_parts.h"
#include "core/store/archive/file.h"
#include "core/store/generation/generation_base.h"

#include <inttypes.h>
#include <stdlib.h>

/* The tables that stand for what a prune had dropped; each file's hash has been checked. */
static int check_bases(const char *archive, const struct archive_parts *parts,
                       struct error *ret_error) {
    const struct archive_begin *begin = archive_parts_begin(parts);
    int r = 0;
    for (size_t i = 0; i < begin->base_count && r == 0; i++) {
        struct generation *base;
        r = generation_open_base_of(archive, begin, begin->bases[i].plan_id, false, &base,
                                    ret_error);
        if (r == 0)
            generation_close(base);
    }
    return r;
}

int restore_check_archive(struct restore_job *job, const char *name, struct error *ret_error) {
    struct archive_parts *parts;
    char *path = name_printf("%s/%s", job->options->target, name);
    int r = archive_parts_open(path, &parts, ret_error);
    if (r < 0) {
        free(path);
        return r;
    }
    struct archive_place end = archive_parts_end(parts);
    r = check_bases(path, parts, ret_error);
    archive_parts_close(parts);
    free(path);
    if (r < 0)
        return r;
    if (job->place.position > 0 &&
        (end.position != job->place.position || end.chain != job->place.chain))
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: the restored archive ends with record %" PRIu64 " and chain %016" PRIx64
            "; expected record %" PRIu64 " and chain %016" PRIx64,
            job->options->target, end.position, end.chain, job->place.position, job->place.chain);
    job->place = end;
    return 0;
}
