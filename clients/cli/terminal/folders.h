/* Where things are inside a server's data folder. */
#pragma once

#define FOLDER_ARCHIVE     "archive"
#define FOLDER_GENERATIONS "generations"

/* DATA/NAME on the heap: free() it. */
char *folder_in(const char *data, const char *name);

/* What somebody named an archive: the folder itself, or the data folder around it. Heap: free() it.
 */
char *folder_of_archive(const char *path);
