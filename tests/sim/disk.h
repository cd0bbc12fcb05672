/* The simulated disk: what would be left of the files if the power failed now.
 *
 * The files themselves are in a folder on a file system in memory, so that everything that reads
 * them, LMDB's maps included, works as ever: that is the page cache. Beside it this module keeps,
 * for each file, the bytes that are on disk for certain and the list of writes since, and for each
 * folder the names that are on disk and the changes since. A sync moves the one to the other.
 *
 * disk_lose_power() makes one of the images that may be left: of the changes that were not synced
 * each may have happened or not, a write also in part, by sectors, or as zeros for its length. The
 * rules are POSIX's, not one file system's:
 *   - syncing a file does not sync its name; that takes a sync of the folder
 *   - writes, truncations and names come back in any combination, but what depends on a lost change
 *     of the same name or file is lost as well; a rename is there or not, as a whole
 *   - a sync that failed has lost the writes before it for good: the next one does not repeat them
 */
#pragma once

#include "world.h"

struct node; /* a file, folder or symbolic link */

/* Begins with an empty folder at world->root. */
void disk_begin(void);

/* The node that a path leads to, of a folder (NULL: the path is absolute). NULL: none, or outside
 * of the disk. */
struct node *disk_find(struct node *folder, const char *path, bool follow);
struct node *disk_root(void);
/* A folder in which names were made, changed or removed that no sync has made safe. */
bool disk_has_new_names(const struct node *node);
/* Of its current name in its folder, for messages; with the folder's before it. */
const char *disk_name(const struct node *node);

/* The changes, after they have happened in the page cache. Paths are as given to the call. */
struct node *disk_create(struct node *folder, const char *path);
void disk_make_folder(struct node *folder, const char *path);
void disk_make_link(struct node *folder, const char *path, const char *target);
void disk_remove(struct node *folder, const char *path);
void disk_rename(struct node *from_folder, const char *from, struct node *to_folder,
                 const char *to);
void disk_write(struct node *file, uint64_t offset, const void *bytes, size_t size);
void disk_truncate(struct node *file, uint64_t size);

/* In two halves: what was changed before the first is on disk after the second. */
uint64_t disk_sync_begin(void);
void disk_sync_end(struct node *node, uint64_t begun);
void disk_sync_fail(struct node *node);
/* How many have failed. Linux tells every descriptor that was open then. */
unsigned disk_failures(const struct node *node);

/* The image becomes what the disk holds, and the files in memory are made anew. */
void disk_lose_power(void);
/* The files in memory are what was noted of them: else a call that changes them is not simulated.
 */
void disk_expect_files(void);
/* Writes that are not synced now, over all files and folders. */
size_t disk_unsynced(void);

/* The file of the archive that its writer appends to; NULL: none yet. */
struct node *disk_last_segment(void);
