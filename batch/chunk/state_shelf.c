/*   file    extents: length of the key, length of the state (4 bytes each), entity (8 bytes), key,
 *           state. The room of an extent is one of SIZES, four for each power of two, so a state
 *           that grows a little stays where it is.
 *   index   open addressing by hash; half of its places are free at least. It doubles by being
 *           written again, into a new file.
 *
 * An extent that became too small begins with the place of the next free one of its size.
 *
 * Both files are mapped, since a call of the kernel for each state would take longer than all the
 * rest. Their bytes are on the disk beforehand: writing to a mapped file on a full one would end
 * the process. */
#include "state_shelf.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT      16 /* bytes: what places count in; an extent has four at least */
#define SIZES     128
#define SIZE_BITS 7
#define FIRST     1024 /* places of the first index */
#define FILE_STEP ((size_t)1 << 20)

struct head {
    uint32_t key_length, state_length;
    uint64_t entity;
};

struct place {
    uint64_t hash;
    uint64_t at; /* (first byte ÷ UNIT) << SIZE_BITS | size; 0: free. The first unit is no one's */
};

struct state_shelf {
    struct state_shelf_files files;
    int file, index_file;     /* -1: not made yet */
    void *map;                /* of the file */
    size_t size;              /* bytes of it */
    uint64_t end;             /* of its extents, in units */
    uint64_t freed[SIZES];    /* the first free extent of each size, in units; 0: none */
    struct place *index;      /* the other map */
    size_t index_size, count; /* a power of two; states */
};

/* ---- files ---- */

static int fail(int failure, struct error *ret_error) {
    return error_set_errno(ret_error, failure, "cannot write a temporary file for states");
}

/* Makes the file, or makes it longer: then the map of the bytes before moves and grows. */
static int map_file(const struct state_shelf *shelf, size_t before, size_t size, int *ret_file,
                    void **ret_map, struct error *ret_error) {
    if (*ret_file < 0)
        *ret_file = shelf->files.make_file(shelf->files.user, ret_error);
    if (*ret_file < 0)
        return *ret_file;
    int failure;
    while ((failure = posix_fallocate(*ret_file, (off_t)before, (off_t)(size - before))) == EINTR)
        ; /* whoever interrupts the rebuild is heard elsewhere */
    if (failure)
        return fail(failure, ret_error);
    void *map = before ? mremap(*ret_map, before, size, MREMAP_MAYMOVE)
                       : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_file, 0);
    if (map == MAP_FAILED)
        return fail(errno, ret_error);
    *ret_map = map;
    return 0;
}

static void unmap_file(void *map, size_t size, int file) {
    if (map)
        munmap(map, size);
    if (file >= 0)
        close(file);
}

struct state_shelf *state_shelf_new(const struct state_shelf_files *files) {
    struct state_shelf *shelf = check_calloc(1, sizeof *shelf);
    shelf->files = *files;
    shelf->file = shelf->index_file = -1;
    shelf->end = 1;
    return shelf;
}

void state_shelf_free(struct state_shelf *shelf) {
    if (!shelf)
        return;
    unmap_file(shelf->index, shelf->index_size * sizeof *shelf->index, shelf->index_file);
    unmap_file(shelf->map, shelf->size, shelf->file);
    free(shelf);
}

size_t state_shelf_count(const struct state_shelf *shelf) {
    return shelf->count;
}

uint64_t state_shelf_bytes(const struct state_shelf *shelf) {
    return shelf->size + shelf->index_size * sizeof *shelf->index;
}

/* ---- sizes ---- */

/* 64, 80, 96, 112, 128, 160 … */
static size_t bytes_of(unsigned size) {
    return (size_t)(4 + size % 4) * UNIT << size / 4;
}

/* The least one that has room. */
static unsigned size_for(size_t bytes) {
    unsigned size = 0;
    while (bytes_of(size) < bytes)
        size++;
    check(size < SIZES);
    return size;
}

static uint64_t units_of(unsigned size) {
    return bytes_of(size) / UNIT;
}

/* ---- the index ---- */

static uint64_t hash_of(size_t entity, uint64_t key_hash) {
    return key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t first_place(size_t index_size, uint64_t hash) {
    return (size_t)(hash * UINT64_C(0xd6e8feb86659fd93) >> 32) & (index_size - 1);
}

static int grow_index(struct state_shelf *shelf, struct error *ret_error) {
    size_t size = shelf->index_size ? 2 * shelf->index_size : FIRST;
    void *map = NULL;
    int file = -1;
    int r = map_file(shelf, 0, size * sizeof(struct place), &file, &map, ret_error);
    if (r < 0) {
        unmap_file(NULL, 0, file);
        return r;
    }
    struct place *index = map;
    for (size_t i = 0; i < shelf->index_size; i++) {
        const struct place *place = &shelf->index[i];
        size_t at = first_place(size, place->hash);
        while (place->at && index[at].at)
            at = (at + 1) & (size - 1);
        if (place->at)
            index[at] = *place;
    }
    unmap_file(shelf->index, shelf->index_size * sizeof *index, shelf->index_file);
    shelf->index = index;
    shelf->index_size = size;
    shelf->index_file = file;
    return 0;
}

/* ---- extents ---- */

static uint64_t unit_of(const struct place *place) {
    return place->at >> SIZE_BITS;
}
static unsigned size_of(const struct place *place) {
    return (unsigned)(place->at & (SIZES - 1));
}

static uint8_t *bytes_at(const struct state_shelf *shelf, uint64_t unit) {
    return (uint8_t *)shelf->map + unit * UNIT;
}

static struct text text_at(const uint8_t *bytes, size_t length) {
    return (struct text){.data = (const char *)bytes, .length = length};
}

/* false: it is another's. */
static bool read_extent(const struct state_shelf *shelf, const struct place *place, size_t entity,
                        struct text key, struct text *ret_state) {
    const uint8_t *bytes = bytes_at(shelf, unit_of(place));
    struct head head;
    memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    if (head.entity != entity || !text_equal(text_at(bytes, head.key_length), key))
        return false;
    *ret_state = text_at(bytes + head.key_length, head.state_length);
    return true;
}

static void write_extent(const struct state_shelf *shelf, uint64_t unit, size_t entity,
                         struct text key, struct text state) {
    const struct head head = {.key_length = (uint32_t)key.length,
                              .state_length = (uint32_t)state.length,
                              .entity = entity};
    uint8_t *bytes = bytes_at(shelf, unit);
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, key.data, key.length);
    memcpy(bytes + sizeof head + key.length, state.data, state.length);
}

/* An eighth more, so that the map rarely moves; a file for few states is small. */
static int grow_file(struct state_shelf *shelf, uint64_t units, struct error *ret_error) {
    size_t needed = (size_t)(shelf->end + units) * UNIT, size = shelf->size + shelf->size / 8;
    if (needed <= shelf->size)
        return 0;
    size = ((size > needed ? size : needed) + FILE_STEP - 1) & ~(size_t)(FILE_STEP - 1);
    int r = map_file(shelf, shelf->size, size, &shelf->file, &shelf->map, ret_error);
    if (r == 0)
        shelf->size = size;
    return r;
}

static int take_extent(struct state_shelf *shelf, unsigned size, uint64_t *ret_unit,
                       struct error *ret_error) {
    if (shelf->freed[size]) {
        *ret_unit = shelf->freed[size];
        memcpy(&shelf->freed[size], bytes_at(shelf, *ret_unit), sizeof shelf->freed[size]);
        return 0;
    }
    int r = grow_file(shelf, units_of(size), ret_error);
    if (r < 0)
        return r;
    *ret_unit = shelf->end;
    shelf->end += units_of(size);
    return 0;
}

static void free_extent(struct state_shelf *shelf, const struct place *place) {
    uint64_t *first = &shelf->freed[size_of(place)];
    memcpy(bytes_at(shelf, unit_of(place)), first, sizeof *first);
    *first = unit_of(place);
}

/* ---- states ---- */

/* Finds the place of a state, or the free one where it would be. true: it is there. */
static bool find(const struct state_shelf *shelf, size_t entity, struct text key, uint64_t hash,
                 size_t *ret_at, struct text *ret_state) {
    size_t at = first_place(shelf->index_size, hash);
    for (;; at = (at + 1) & (shelf->index_size - 1)) {
        const struct place *place = &shelf->index[at];
        *ret_at = at;
        if (!place->at)
            return false;
        if (place->hash == hash && read_extent(shelf, place, entity, key, ret_state))
            return true;
    }
}

int state_shelf_put(struct state_shelf *shelf, size_t entity, struct text key, uint64_t key_hash,
                    struct text state, struct error *ret_error) {
    check(key.length <= UINT32_MAX && state.length <= UINT32_MAX);
    uint64_t hash = hash_of(entity, key_hash), unit = 0;
    unsigned size = size_for(sizeof(struct head) + key.length + state.length);
    struct text before;
    size_t at;
    int r = 2 * (shelf->count + 1) > shelf->index_size ? grow_index(shelf, ret_error) : 0;
    if (r < 0)
        return r;
    bool is_there = find(shelf, entity, key, hash, &at, &before);
    struct place *place = &shelf->index[at];
    if (is_there && size_of(place) == size) {
        write_extent(shelf, unit_of(place), entity, key, state);
        return 0;
    }
    r = take_extent(shelf, size, &unit, ret_error);
    if (r < 0)
        return r;
    if (is_there)
        free_extent(shelf, place);
    write_extent(shelf, unit, entity, key, state);
    *place = (struct place){.hash = hash, .at = unit << SIZE_BITS | size};
    shelf->count += !is_there;
    return 0;
}

bool state_shelf_get(const struct state_shelf *shelf, size_t entity, struct text key,
                     uint64_t key_hash, struct text *ret_state) {
    size_t at;
    return shelf->count > 0 && find(shelf, entity, key, hash_of(entity, key_hash), &at, ret_state);
}
