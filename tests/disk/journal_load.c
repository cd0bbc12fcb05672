/* Journals from files. */
#include "journal_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct disk_journal *journal_file_load(const char *path, size_t *ret_start,
                                       uint64_t *ret_unrecorded) {
    struct journal_head *head = journal_file_map(path);
    if (!head)
        return NULL;
    if (memcmp(head->magic, JOURNAL_MAGIC, sizeof head->magic) != 0) {
        munmap(head, (size_t)head->room);
        errno = EINVAL;
        return NULL;
    }
    struct disk_journal *journal = disk_journal_new(head->root);
    size_t start = 0;
    for (uint64_t at = sizeof *head; at < head->used;) {
        struct journal_record record;
        const char *from = (const char *)head + at;
        memcpy(&record, from, sizeof record);
        const char *name = from + sizeof record;
        const char *other_name = name + record.name_length + 1;
        const char *bytes = other_name + record.other_name_length + 1;
        disk_journal_add(journal, &(struct disk_op){
                                      .kind = (enum disk_kind)record.kind,
                                      .process = record.process,
                                      .thread = record.thread,
                                      .node = record.node,
                                      .folder = record.folder,
                                      .other_folder = record.other_folder,
                                      .name = name,
                                      .other_name = other_name,
                                      .offset = record.offset,
                                      .length = record.bytes,
                                      .bytes = record.has_bytes ? bytes : NULL,
                                      .begin = (size_t)record.begin,
                                  });
        at += record.length;
        if (start == 0 && record.kind == DISK_SYNC_ALL)
            start = disk_journal_length(journal);
    }
    *ret_start = start;
    *ret_unrecorded = head->unrecorded;
    munmap(head, (size_t)head->room);
    return journal;
}
