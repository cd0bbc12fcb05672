/* Does an image keep what was promised? Opened by the code that the programs open it with, in this
 * process: core/store and batch. */
#pragma once

#include "promises.h"

#include <stdbool.h>
#include <stddef.h>

/* A recorded folder has some of: data/ (a server's data folder), kept/ (a backup), restored/ (where
 * one is restored to). */
struct image_check {
    const struct promises *promises;
    size_t at; /* promises of marks before this one count */
    /* Acknowledged means on disk: the server ran with durability = synced, or only programs were
     * killed. Else only what the server said is synced. */
    bool is_synced;
    /* Names come in one order for all folders: all folders of tables are whole, not just the one in
     * use. */
    bool is_one_journal;
};

/* May change the folder, as a start does. false: *ret_what says which promise is broken. */
bool image_check(const struct image_check *check, const char *folder, char *ret_what, size_t size);
