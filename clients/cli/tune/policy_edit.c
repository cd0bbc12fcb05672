#include "policy_edit.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* From behind, so that an edit does not move the places of those that follow. */
static int compare_edits(const void *a, const void *b) {
    const struct tunable *first = ((const struct policy_edit *)a)->tunable,
                         *second = ((const struct policy_edit *)b)->tunable;
    if (first->file != second->file)
        return first->file < second->file ? -1 : 1;
    return first->offset > second->offset ? -1 : first->offset < second->offset;
}

static struct text replaced(struct text content, const struct policy_edit *edit,
                            struct arena *arena) {
    const struct tunable *tunable = edit->tunable;
    size_t end = tunable->offset + tunable->length;
    check(end <= content.length);
    char *text = arena_alloc(arena, content.length - tunable->length + edit->number.length + 1);
    check(text);
    memcpy(text, content.data, tunable->offset);
    memcpy(text + tunable->offset, edit->number.data, edit->number.length);
    memcpy(text + tunable->offset + edit->number.length, content.data + end, content.length - end);
    return (struct text){.data = text,
                         .length = content.length - tunable->length + edit->number.length};
}

struct policy_file *policy_edit_apply(const struct tunables *tunables,
                                      const struct policy_edit *edits, size_t count,
                                      struct arena *arena) {
    const struct snapshot *snapshot = tunables->snapshot;
    struct policy_file *files = arena_calloc(arena, snapshot->file_count + 1, sizeof *files);
    struct policy_edit *sorted = check_calloc(count + 1, sizeof *sorted);
    check(files);
    memcpy(files, snapshot->files, snapshot->file_count * sizeof *files);
    if (count > 0)
        memcpy(sorted, edits, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_edits);
    for (size_t i = 0; i < count; i++) {
        struct policy_file *file = &files[sorted[i].tunable->file];
        file->content = replaced(file->content, &sorted[i], arena);
    }
    free(sorted);
    return files;
}
