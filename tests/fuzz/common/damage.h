/* What has happened to the files of a data folder: changed, cut, lost, exchanged or forged. */
#pragma once

#include "target.h"
#include "worlds.h"

#define DAMAGE_FORGED 250 /* a change from here on is one of forge.h */

struct damaged_file {
    bool is_there, is_owned;
    struct text bytes;
};

struct damage {
    const struct worlds *worlds;
    struct damaged_file now[WORLD_FILES_MAX]; /* parallel to the worlds' files */
    bool is_forged;       /* a file has right checksums and was not written so */
    struct buffer forged; /* the last such file */
};

/* worlds: must outlive it, and may be made later. */
void damage_init(struct damage *damage, const struct worlds *worlds);
/* Everything is as in this world. */
void damage_begin(struct damage *damage, enum world world);
/* u8 what, u8 file, u24 where, u16 more about it. */
void damage_change(struct damage *damage, struct cursor *cursor);

bool damage_is_as_in(const struct damage *damage, size_t file, enum world world);
/* Is it there, as in any of the worlds? */
bool damage_is_original(const struct damage *damage, size_t file);
