#include "promises.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse(const char *line, struct promise *promise) {
    char word[PROMISE_WORD_MAX];
    int at = 0;
    if (sscanf(line, "%127s%n", word, &at) != 1)
        return false;
    const char *rest = line + at;
    static const struct {
        const char *word;
        enum promise_kind kind;
        const char *shape; /* n: name, w: what, u: number, p: position */
    } kinds[] = {
        {"decided", PROMISE_DECIDED, "nwup"},  {"reported", PROMISE_REPORTED, "nw"},
        {"listed", PROMISE_LISTED, "nw"},      {"synced", PROMISE_SYNCED, "p"},
        {"published", PROMISE_PUBLISHED, "n"}, {"backed-up", PROMISE_BACKED_UP, "u"},
        {"restored", PROMISE_RESTORED, "p"},   {"person", PROMISE_PERSON, "nup"},
        {"erased", PROMISE_ERASED, ""},        {"pruned", PROMISE_PRUNED, "p"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(word, kinds[i].word) != 0)
            continue;
        promise->kind = kinds[i].kind;
        for (const char *shape = kinds[i].shape; *shape; shape++) {
            int read = 0, got;
            if (*shape == 'n')
                got = sscanf(rest, "%127s%n", promise->name, &read);
            else if (*shape == 'w')
                got = sscanf(rest, "%127s%n", promise->what, &read);
            else
                got = sscanf(rest, "%" SCNu64 "%n",
                             *shape == 'u' ? &promise->number : &promise->position, &read);
            if (got != 1)
                return false;
            rest += read;
        }
        return *rest == 0;
    }
    return false;
}

bool promises_read(const struct disk_journal *journal, struct promises *ret_promises,
                   size_t *ret_index) {
    struct promises promises = {0};
    size_t room = 0;
    for (size_t i = 0; i < disk_journal_length(journal); i++) {
        struct disk_op op = disk_journal_op(journal, i);
        if (op.kind != DISK_MARK)
            continue;
        if (promises.count == room) {
            room = room ? room * 2 : 256;
            promises.all = check_reallocarray(promises.all, room, sizeof *promises.all);
        }
        struct promise *promise = &promises.all[promises.count];
        *promise = (struct promise){.index = i};
        if (!parse(op.bytes, promise)) {
            free(promises.all);
            *ret_index = i;
            return false;
        }
        promises.count++;
        promises.acknowledged += promise->kind <= PROMISE_LISTED;
    }
    *ret_promises = promises;
    return true;
}

void promises_deinit(struct promises *promises) {
    free(promises->all);
    *promises = (struct promises){0};
}
