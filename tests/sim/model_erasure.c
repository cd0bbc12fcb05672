/* Erasures: who is to be forgotten, and what is left of them. */
#include "model_inside.h"

#include "core/base/arena.h"
#include "core/store/archive/archive.h"
#include "schedule.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool model_is_erasing(unsigned card) {
    return MODEL->erasures[card] != ERASURE_NONE && MODEL->erased[card].anew == 0;
}

/* Its history goes at a moment that is the server's: when it adopts the tables. */
bool model_is_unclear(unsigned card, uint64_t position) {
    return MODEL->erasures[card] != ERASURE_NONE &&
           (MODEL->erased[card].anew == 0 || position < MODEL->erased[card].anew);
}

void model_forget_erased(void) {
    for (unsigned card = 0; card < CARDS; card++)
        if (MODEL->erasures[card] == ERASURE_DONE && MODEL->erased[card].anew == 0)
            MODEL->erased[card].anew =
                1 + (MODEL->answered > MODEL->record_count ? MODEL->answered : MODEL->record_count);
}

bool model_has_erasures(void) {
    for (unsigned card = 0; card < CARDS; card++)
        if (model_is_erasing(card))
            return true;
    return false;
}

bool model_begin_erasure(unsigned *ret_card) {
    unsigned count = 0, found = 0;
    for (unsigned card = 0; card < CARDS; card++)
        count += model_is_erasing(card);
    if (count >= CARDS / 2)
        return false;
    for (unsigned card = 0; card < CARDS; card++)
        if (!model_is_erasing(card) && !MODEL->may_list[card][0] &&
            chance_once(CHANCE_WORK, ++found))
            *ret_card = card;
    if (found == 0)
        return false;
    MODEL->erasures[*ret_card] = ERASURE_BEGUN;
    MODEL->erased[*ret_card].anew = 0;
    return true;
}

int model_unfinished_erasure(void) {
    for (unsigned card = 0; card < CARDS; card++)
        if (MODEL->erasures[card] == ERASURE_BEGUN)
            return (int)card;
    return -1;
}

/* Does any file of the folder, or of folders in it, have the text? */
static bool is_in_files(const char *path, const char *text) {
    static char bytes[1 << 20];
    DIR *folder = opendir(path);
    bool is_found = false;
    for (struct dirent *entry; folder && !is_found && (entry = readdir(folder));) {
        char inner[256];
        snprintf(inner, sizeof inner, "%.120s/%.120s", path, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            is_found = is_in_files(inner, text);
        if (entry->d_type != DT_REG)
            continue;
        int file = open(inner, O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? 0 : read(file, bytes, sizeof bytes);
        is_found = length > 0 && memmem(bytes, (size_t)length, text, strlen(text));
        close(file);
    }
    if (folder)
        closedir(folder);
    return is_found;
}

/* What came after its beginning keeps the card, and so do tables with that in them. */
static void expect_erased(unsigned card, uint64_t before) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    int r;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, (struct archive_place){0}, &reader, &error) < 0)
        broken("reading the archive: %s", error.text);
    bool is_later = false;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        const struct transaction *transaction = record_transaction(&record);
        bool has_card = transaction && text_is(transaction->fields[FIELD_CARD], model_card(card));
        is_later |= has_card && record.position >= before;
        if (has_card && record.position < before)
            broken("record %llu still has the card %s, which was erased before position %llu",
                   (unsigned long long)record.position, model_card(card),
                   (unsigned long long)before);
        arena_reset(&arena);
        world->counts[COUNT_CHECKS]++;
    }
    if (r < 0)
        broken("reading the archive: %s", error.text);
    archive_reader_close(reader);
    arena_deinit(&arena);
    if (!is_later && is_in_files(world->generations, model_card(card)))
        broken("tables still have the card %s, which was erased", model_card(card));
}

void model_end_erasure(unsigned card, uint64_t position) {
    schedule_paused++;
    expect_erased(card, position);
    schedule_paused--;
    MODEL->erasures[card] = ERASURE_DONE;
    MODEL->erased[card].before = position;
    world->counts[COUNT_ERASURES]++;
}
