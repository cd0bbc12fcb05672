/* Names first: the operations on names that reached the disk are chosen, then done in order. Then
 * the bytes of every file that has a name.
 *
 * Chance: an image has a mood for each of names, sizes and bytes: the probability that something
 * un-synced is there. Coin flips alone would hardly ever lose one single write of fifty, or keep
 * just one. */
#include "disk_image.h"

#include "core/base/check.h"
#include "disk_steps.h"
#include "tests/split_mix.h"

#include <stdlib.h>
#include <string.h>

struct making {
    const struct disk_journal *journal;
    size_t at;
    const struct disk_rules *rules;
    uint64_t random;
    uint64_t keep_names, keep_sizes, keep_bytes; /* of 1024 */
    size_t *named;                               /* entry → node, or DISK_NONE, on this disk */
    struct disk_image *image;
    size_t room;
};

static uint64_t below(struct making *making, uint64_t limit) {
    return limit ? split_mix(&making->random) % limit : 0;
}

static bool is_kept(struct making *making, uint64_t of_1024) {
    return below(making, 1024) < of_1024;
}

static uint64_t mood(struct making *making) {
    static const uint64_t moods[] = {0, 24, 256, 512, 768, 1000, 1024};
    return moods[below(making, sizeof moods / sizeof *moods)];
}

static bool has_synced(const struct making *making, const struct disk_step *step) {
    if (!disk_is_sync(step->kind) || making->rules->forgets_syncs)
        return false;
    return step->kind != DISK_DATASYNC || !making->rules->forgets_datasyncs;
}

/* ---- names ---- */

/* Operations with a domain in common reach the disk in order. */
static size_t domain_of(const struct making *making, const struct disk_change *change) {
    switch (making->rules->order) {
    case DISK_ORDER_JOURNAL:
        return 0;
    case DISK_ORDER_FOLDER:
        return making->journal->entries[change->entry].folder;
    case DISK_ORDER_NAME:
        return change->entry;
    }
    check(!"an order");
    return 0;
}

static bool concerns(const struct disk_journal *journal, const struct disk_step *step,
                     size_t node) {
    for (size_t i = 0; i < step->change_count; i++) {
        const struct disk_change *change = &step->changes[i];
        if (journal->entries[change->entry].folder == node || change->node == node)
            return true;
    }
    return false;
}

/* What a sync of this node makes durable by itself: domains do the rest. */
static void force_of_sync(const struct making *making, const struct disk_step *sync,
                          bool *is_forced) {
    const struct disk_journal *journal = making->journal;
    bool is_folder = sync->kind != DISK_SYNC_ALL && journal->nodes[sync->node].kind == DISK_FOLDER;
    if (sync->kind != DISK_SYNC_ALL && !is_folder && making->rules->order != DISK_ORDER_JOURNAL)
        return;
    for (size_t i = sync->begin; i-- > 0;) {
        const struct disk_step *step = &journal->steps[i];
        if (is_forced[i] && making->rules->order == DISK_ORDER_JOURNAL)
            return; /* all before follow */
        if (!step->change_count || is_forced[i])
            continue;
        if (sync->kind == DISK_SYNC_ALL) {
            is_forced[i] = true;
        } else if (making->rules->order == DISK_ORDER_JOURNAL) {
            if (concerns(journal, step, sync->node)) {
                is_forced[i] = true;
                return;
            }
        } else {
            for (size_t c = 0; c < step->change_count; c++) {
                if (journal->entries[step->changes[c].entry].folder == sync->node)
                    is_forced[i] = true;
            }
        }
    }
}

/* What is durable, including what must have come before it. */
static void force(const struct making *making, bool *is_forced, bool *is_marked) {
    const struct disk_journal *journal = making->journal;
    for (size_t i = making->at; i-- > 0;) {
        if (!journal->steps[i].is_ignored && has_synced(making, &journal->steps[i]))
            force_of_sync(making, &journal->steps[i], is_forced);
    }
    for (size_t i = making->at; i-- > 0;) {
        const struct disk_step *step = &journal->steps[i];
        for (size_t c = 0; c < step->change_count; c++)
            is_forced[i] = is_forced[i] || is_marked[domain_of(making, &step->changes[c])];
        for (size_t c = 0; is_forced[i] && c < step->change_count; c++)
            is_marked[domain_of(making, &step->changes[c])] = true;
    }
}

static void choose_names(struct making *making) {
    const struct disk_journal *journal = making->journal;
    size_t domains = journal->entry_count + journal->node_count + 1;
    bool *is_forced = check_calloc(making->at + 1, sizeof *is_forced);
    bool *is_marked = check_calloc(domains, sizeof *is_marked);
    if (!making->rules->is_killed)
        force(making, is_forced, is_marked);
    memset(is_marked, 0, domains * sizeof *is_marked); /* now: something of it was lost */
    for (size_t i = 0; i < making->at; i++) {
        const struct disk_step *step = &journal->steps[i];
        if (!step->change_count)
            continue;
        bool is_there = making->rules->is_killed || is_forced[i];
        if (!is_there) {
            is_there = is_kept(making, making->keep_names);
            for (size_t c = 0; c < step->change_count; c++)
                is_there = is_there && !is_marked[domain_of(making, &step->changes[c])];
        }
        making->image->lost += !is_there;
        for (size_t c = 0; c < step->change_count; c++) {
            if (is_there)
                making->named[step->changes[c].entry] = step->changes[c].node;
            else
                is_marked[domain_of(making, &step->changes[c])] = true;
        }
    }
    free(is_forced);
    free(is_marked);
}

/* ---- bytes ---- */

struct content {
    uint8_t *bytes;
    uint64_t size, room;
    uint64_t used; /* behind this there are only zeros */
};

static void make_room(struct content *content, uint64_t size) {
    if (size <= content->room)
        return;
    uint64_t room = size < 4096 ? 4096 : size + size / 4;
    uint8_t *bytes = check_calloc(1, (size_t)room); /* pages nobody touches cost nothing */
    if (content->used)
        memcpy(bytes, content->bytes, (size_t)content->used);
    free(content->bytes);
    content->bytes = bytes;
    content->room = room;
}

static void put(struct content *content, uint64_t offset, const uint8_t *bytes, uint64_t length) {
    uint64_t end = offset + length;
    make_room(content, end);
    if (bytes) {
        memcpy(content->bytes + offset, bytes, (size_t)length);
        if (end > content->used)
            content->used = end;
    } else if (offset < content->used) {
        memset(content->bytes + offset, 0,
               (size_t)((end < content->used ? end : content->used) - offset));
    }
}

static void cut(struct content *content, uint64_t size) {
    if (size < content->used) {
        memset(content->bytes + size, 0, (size_t)(content->used - size));
        content->used = size;
    }
}

static uint64_t size_after(uint64_t size, const struct disk_step *step) {
    if (step->kind == DISK_TRUNCATE)
        return step->length;
    uint64_t end = step->offset + step->length;
    return step->length && end > size ? end : size;
}

static void apply(struct content *content, const struct disk_step *step) {
    if (step->kind == DISK_TRUNCATE)
        cut(content, step->length);
    else
        put(content, step->offset, step->bytes, step->length);
    content->size = size_after(content->size, step);
}

/* What was done to a file since its last sync. */
struct pending {
    const struct disk_step **steps;
    uint64_t *sizes; /* count + 1: before and after each */
    size_t count;
    size_t committed; /* so many of them are in the size that the disk has */
    bool is_torn;     /* and a part of the next one */
};

static bool is_cut(const struct disk_step *step, uint64_t block_end) {
    return step->kind == DISK_TRUNCATE && step->length < block_end;
}

static bool touches(const struct disk_step *step, uint64_t from, uint64_t to) {
    return step->kind == DISK_WRITE && step->offset < to && step->offset + step->length > from;
}

/* The moments whose content the block may have: [*ret_least, *ret_most]. */
static void moments(const struct making *making, const struct pending *pending, uint64_t from,
                    size_t *ret_least, size_t *ret_most) {
    size_t least = 0, most = pending->count;
    uint64_t to = from + DISK_BLOCK;
    for (size_t i = 0; i < pending->committed; i++) {
        if (is_cut(pending->steps[i], to))
            least = i + 1;
    }
    for (size_t i = pending->committed; i < pending->count; i++) {
        if (pending->steps[i]->kind == DISK_TRUNCATE && pending->steps[i]->length <= from) {
            most = i;
            break;
        }
    }
    if (making->rules->is_ordered && to > pending->sizes[0]) {
        for (size_t i = least; i < pending->committed + pending->is_torn; i++) {
            if (touches(pending->steps[i], from, to))
                least = i + 1;
        }
    }
    *ret_least = least;
    *ret_most = most;
}

/* Brings one block from the content at the last sync to that of the moment. */
static void put_block(struct content *content, const struct pending *pending, uint64_t from,
                      size_t moment) {
    uint64_t to = from + DISK_BLOCK;
    for (size_t i = 0; i < moment; i++) {
        const struct disk_step *step = pending->steps[i];
        if (is_cut(step, to)) {
            uint64_t first = step->length > from ? step->length : from;
            put(content, first, NULL, to - first);
        } else if (touches(step, from, to)) {
            uint64_t first = step->offset > from ? step->offset : from;
            uint64_t end = step->offset + step->length;
            end = end < to ? end : to;
            put(content, first, step->bytes ? step->bytes + (first - step->offset) : NULL,
                end - first);
        }
    }
}

static void choose_blocks(struct making *making, struct content *content,
                          const struct pending *pending) {
    uint64_t from = UINT64_MAX, to = 0;
    for (size_t i = 0; i < pending->count; i++) {
        const struct disk_step *step = pending->steps[i];
        uint64_t first = step->kind == DISK_WRITE ? step->offset : step->length;
        uint64_t end = step->kind == DISK_WRITE ? step->offset + step->length : pending->sizes[i];
        if (end <= first || (!step->bytes && first >= content->used && step->kind == DISK_WRITE))
            continue; /* grows, or zeros over zeros */
        from = first < from ? first : from;
        to = end > to ? end : to;
    }
    for (uint64_t block = from / DISK_BLOCK * DISK_BLOCK; block < to; block += DISK_BLOCK) {
        size_t least, most;
        moments(making, pending, block, &least, &most);
        size_t moment = most;
        if (!is_kept(making, making->keep_bytes))
            moment = least + (size_t)below(making, most - least + 1);
        for (size_t i = moment; i < pending->count; i++)
            making->image->lost += touches(pending->steps[i], block, block + DISK_BLOCK);
        put_block(content, pending, block, moment);
    }
}

static uint64_t choose_size(struct making *making, struct pending *pending) {
    pending->committed = pending->count;
    if (!is_kept(making, making->keep_sizes))
        pending->committed = (size_t)below(making, pending->count + 1);
    making->image->lost += pending->count - pending->committed;
    uint64_t size = pending->sizes[pending->committed];
    if (pending->committed == pending->count)
        return size;
    const struct disk_step *next = pending->steps[pending->committed];
    uint64_t grown = pending->sizes[pending->committed + 1];
    if (next->kind == DISK_WRITE && grown > size && !is_kept(making, 512)) {
        uint64_t blocks = (grown - 1) / DISK_BLOCK - size / DISK_BLOCK;
        if (blocks) {
            size = (size / DISK_BLOCK + 1 + below(making, blocks)) * DISK_BLOCK;
            pending->is_torn = true;
        }
    }
    return size;
}

static void crash(struct making *making, struct content *content, struct pending *pending) {
    uint64_t size = choose_size(making, pending);
    choose_blocks(making, content, pending);
    cut(content, size);
    make_room(content, size);
    content->size = size;
}

/* The write that was under way when the program was killed: the kernel may have taken a part. */
static void put_part(struct making *making, size_t node, struct content *content) {
    if (making->at == making->journal->count)
        return;
    struct disk_step next = making->journal->steps[making->at];
    if (next.kind != DISK_WRITE || next.node != node || next.is_ignored)
        return;
    next.length = below(making, next.length + 1);
    if (next.length)
        apply(content, &next);
}

static struct content content_of(struct making *making, size_t number) {
    const struct disk_journal *journal = making->journal;
    const struct disk_node *node = &journal->nodes[number];
    size_t durable = 0; /* steps of the journal before this one are on disk */
    for (size_t i = 0; i < making->at; i++) {
        const struct disk_step *step = &journal->steps[i];
        if (step->kind == DISK_SYNC_ALL && has_synced(making, step) && step->begin > durable)
            durable = step->begin;
    }
    for (size_t i = 0; i < node->count && node->steps[i] < making->at; i++) {
        const struct disk_step *step = &journal->steps[node->steps[i]];
        if (has_synced(making, step) && step->begin > durable)
            durable = step->begin;
    }
    if (making->rules->is_killed)
        durable = making->at;
    struct content content = {0};
    struct pending pending = {
        .steps = check_reallocarray(NULL, node->count + 1, sizeof *pending.steps),
        .sizes = check_reallocarray(NULL, node->count + 2, sizeof *pending.sizes),
    };
    for (size_t i = 0; i < node->count && node->steps[i] < making->at; i++) {
        const struct disk_step *step = &journal->steps[node->steps[i]];
        if (!disk_changes_bytes(step->kind))
            continue;
        if (node->steps[i] < durable)
            apply(&content, step);
        else
            pending.steps[pending.count++] = step;
    }
    pending.sizes[0] = content.size;
    for (size_t i = 0; i < pending.count; i++)
        pending.sizes[i + 1] = size_after(pending.sizes[i], pending.steps[i]);
    if (pending.count)
        crash(making, &content, &pending);
    if (making->rules->is_killed)
        put_part(making, number, &content);
    make_room(&content, content.size + 1);
    free(pending.steps);
    free(pending.sizes);
    return content;
}

/* ---- the tree ---- */

static char *joined(const char *folder, const char *name) {
    size_t length = strlen(folder);
    char *path = check_malloc(length + strlen(name) + 2);
    memcpy(path, folder, length);
    if (length)
        path[length++] = '/';
    strcpy(path + length, name);
    return path;
}

static struct disk_image_node *new_node(struct making *making, char *path) {
    struct disk_image *image = making->image;
    if (image->count == making->room) {
        making->room = making->room ? making->room * 2 : 32;
        image->nodes = check_reallocarray(image->nodes, making->room, sizeof *image->nodes);
    }
    struct disk_image_node *node = &image->nodes[image->count++];
    *node = (struct disk_image_node){.path = path};
    return node;
}

/* Two names of one file become two files with the same bytes, each with its own chance: nothing
 * that is recorded here keeps two. */
static void put_folder(struct making *making, size_t folder, const char *path, unsigned depth) {
    const struct disk_journal *journal = making->journal;
    check(depth < 64);
    for (size_t i = 0; i < journal->entry_count; i++) {
        if (journal->entries[i].folder != folder || making->named[i] == DISK_NONE)
            continue;
        const struct disk_node *node = &journal->nodes[making->named[i]];
        char *inside = joined(path, journal->entries[i].name);
        struct disk_image_node *made = new_node(making, inside);
        made->mode = node->mode;
        if (node->kind == DISK_FOLDER) {
            made->kind = DISK_IMAGE_FOLDER;
            put_folder(making, making->named[i], inside, depth + 1);
        } else if (node->kind == DISK_SYMBOLIC_LINK) {
            made->kind = DISK_IMAGE_LINK;
            made->bytes = check_calloc(1, node->target_length + 1);
            memcpy(made->bytes, node->target, node->target_length);
            made->size = made->used = node->target_length;
        } else {
            struct content content = content_of(making, making->named[i]);
            made->bytes = content.bytes;
            made->size = content.size;
            made->used = content.used;
        }
    }
}

struct disk_image *disk_image_new(const struct disk_journal *journal, size_t at, uint64_t seed,
                                  const struct disk_rules *rules) {
    check(at <= journal->count);
    struct making making = {.journal = journal, .at = at, .rules = rules, .random = seed};
    making.keep_names = mood(&making);
    making.keep_sizes = mood(&making);
    making.keep_bytes = mood(&making);
    making.image = check_calloc(1, sizeof *making.image);
    making.named = check_reallocarray(NULL, journal->entry_count + 1, sizeof *making.named);
    for (size_t i = 0; i < journal->entry_count; i++)
        making.named[i] = DISK_NONE;
    choose_names(&making);
    put_folder(&making, 0, "", 0);
    free(making.named);
    return making.image;
}

void disk_image_free(struct disk_image *image) {
    if (!image)
        return;
    for (size_t i = 0; i < image->count; i++) {
        free(image->nodes[i].path);
        free(image->nodes[i].bytes);
    }
    free(image->nodes);
    free(image);
}
