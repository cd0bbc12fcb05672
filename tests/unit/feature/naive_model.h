/* The reference for feature values: keeps every payment for ever and answers each feature by itself
 * with the loop that its definition spells. Shares no code with the engine beyond the declarations
 * of features and values; slow on purpose. */
#pragma once

#include "scene.h"

#define NAIVE_RAW_MAX 16 /* transactions of a tile that is not collapsed */

struct naive_payment {
    struct payment payment;
    enum scene_label label;
    bool is_taken_out; /* it was amended, and counts no more */
    bool is_collapsed; /* as of naive_model_places(); then: */
    int64_t tile_us;   /* where its tile begins */
};

struct naive_model {
    struct naive_payment *payments;
    size_t count, capacity;
};

void naive_model_deinit(struct naive_model *model);
void naive_model_clear(struct naive_model *model);
void naive_model_pay(struct naive_model *model, const struct payment *payment);
/* All payments of this id get the label. Returns the label before; −1: no such payment. */
int naive_model_label(struct naive_model *model, uint64_t id_hash, enum scene_label label);

/* Takes the payment of this id out, if it is still in; amended: and puts that one in, with its
 * label. NULL: it is voided. *ret_before is what was taken out; false: there is none. */
bool naive_model_amend(struct naive_model *model, uint64_t id_hash, const int64_t *amount,
                       struct naive_payment *ret_before);

/* Of one feature in one read: the window that its value must be exact for (and where a burst's last
 * tick begins), and whether an estimate takes the place of an exact value. */
struct naive_window {
    int64_t after_us, until_us;
    int64_t tick_after_us;
    bool is_estimated;
};

/* Of the payments with after_us < time <= until_us. current: NULL, or the payment that is asked
 * about, not in the model yet. Texts are static. */
struct value naive_model_value(const struct naive_model *model, const struct feature *feature,
                               const struct naive_window *window, int64_t at_us,
                               const struct payment *current);

/* Is that the value, or near enough to it where the window has an estimate? */
bool naive_value_agrees(struct value value, struct value expected, const struct feature *feature,
                        const struct naive_window *window);

/* Tiles, spelled as state.c defines them. */
struct naive_tiles {
    int64_t begins_us[64]; /* [k]: the age at which a tile of 2^k microseconds may begin */
    size_t count;
};
struct naive_extent {
    int64_t first_us, last_us;
};
struct naive_tiles naive_tiles_of(const struct scene *scene, bool sketch);
struct naive_extent naive_tile(const struct naive_tiles *tiles, int64_t time_us, int64_t newest_us);
bool naive_is_dropped(const struct scene *scene, int64_t time_us, int64_t newest_us);

/* Does the feature read sketches? */
bool naive_is_sketched(const struct feature *feature);

/* Where each payment lies, in order of time. */
struct naive_place {
    const struct payment *payment;
    struct naive_payment *of;
    struct naive_extent tile, sketch;
    bool is_collapsed;
};
struct naive_place *naive_model_places(struct naive_model *model, const struct naive_tiles *tiles,
                                       const struct naive_tiles *sketches); /* free() it */

struct naive_window naive_places_window(const struct naive_place *places, size_t count,
                                        const struct feature *feature, int64_t at_us);
