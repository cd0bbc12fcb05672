/* Where things are inside a server's data folder. */
#pragma once

#define FOLDER_ARCHIVE     "archive"
#define FOLDER_GENERATIONS "generations"

/* The usage error of a command that got no archive. */
#define FOLDER_ARCHIVE_MISSING "which archive? (its folder, or the data folder around it)"

/* DATA/NAME on the heap: free() it. */
char *folder_in(const char *data, const char *name);

/* The archive's folder, given that folder or the data folder around it. Heap: free() it.
 */
char *folder_of_archive(const char *path);
