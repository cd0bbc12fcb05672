#include "naive_model.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>

__extension__ typedef __int128 big;

void naive_model_deinit(struct naive_model *model) {
    free(model->payments);
    *model = (struct naive_model){0};
}

void naive_model_clear(struct naive_model *model) {
    model->count = 0;
}

void naive_model_pay(struct naive_model *model, const struct payment *payment) {
    if (model->count == model->capacity) {
        model->capacity = model->capacity ? 2 * model->capacity : 64;
        model->payments =
            check_reallocarray(model->payments, model->capacity, sizeof *model->payments);
    }
    model->payments[model->count++] =
        (struct naive_payment){.payment = *payment, .label = SCENE_UNKNOWN};
}

int naive_model_label(struct naive_model *model, uint64_t id_hash, enum scene_label label) {
    int previous = -1;
    for (size_t i = 0; i < model->count; i++)
        if (model->payments[i].payment.id_hash == id_hash) {
            previous = (int)model->payments[i].label;
            model->payments[i].label = label;
        }
    return previous;
}

bool naive_model_amend(struct naive_model *model, uint64_t id_hash, const int64_t *amount,
                       struct naive_payment *ret_before) {
    for (size_t i = 0; i < model->count; i++) {
        struct naive_payment *p = &model->payments[i];
        if (p->payment.id_hash != id_hash || p->is_taken_out)
            continue;
        p->is_taken_out = true;
        *ret_before = *p;
        if (amount) {
            struct payment now = ret_before->payment;
            now.integers[SCENE_AMOUNT] = *amount;
            naive_model_pay(model, &now);
            model->payments[model->count - 1].label = ret_before->label;
        }
        return true;
    }
    return false;
}

static bool passes(int filter, const struct naive_payment *p) {
    return filter < 0 || scene_passes(filter, &p->payment, p->label);
}

static bool has(const struct payment *payment, int column) {
    return column < 0 || (payment->present & 1u << column);
}

static int by_time_and_id(const void *a, const void *b) {
    const struct payment *x = &((const struct naive_payment *)a)->payment;
    const struct payment *y = &((const struct naive_payment *)b)->payment;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    if (x->id_hash != y->id_hash)
        return x->id_hash < y->id_hash ? -1 : 1;
    int64_t left = x->integers[SCENE_AMOUNT], right = y->integers[SCENE_AMOUNT]; /* amended */
    return (left > right) - (left < right);
}

static bool counts(const struct naive_payment *p, const struct feature *feature) {
    return passes(feature->filter, p) && has(&p->payment, feature->column);
}

/* A collapsed tile does not know any more which value, or which first and last one, it would have
 * without what was taken out of it: it goes on with them, as long as anything in it counts.
 * Different values are kept by themselves. */
static bool still_shows(const struct naive_model *model, const struct feature *feature,
                        const struct naive_payment *p) {
    if (!p->is_collapsed)
        return false;
    if (naive_is_sketched(feature))
        return true;
    for (size_t i = 0; i < model->count; i++) {
        const struct naive_payment *other = &model->payments[i];
        if (other->is_collapsed && other->tile_us == p->tile_us && !other->is_taken_out &&
            counts(other, feature))
            return true;
    }
    return false;
}

static bool shows_what_was_taken(enum aggregate aggregate) {
    switch (aggregate) {
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_IS_NEW:
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        return true;
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_STDDEV:
    case AGGREGATE_SHARE:
    case AGGREGATE_QUANTILE:
    case AGGREGATE_BURST:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return false;
}

/* What is in the window, passes the filter and has the column, oldest first; the current payment,
 * if it takes part, last. with_taken: see still_shows(). */
static struct naive_payment *select_payments(const struct naive_model *model,
                                             const struct feature *feature, int64_t after_us,
                                             int64_t until_us, const struct payment *current,
                                             bool with_current, bool with_taken,
                                             size_t *ret_count) {
    struct naive_payment *selected = check_calloc(model->count + 1, sizeof *selected);
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct naive_payment *p = &model->payments[i];
        if (p->payment.time_us > after_us && p->payment.time_us <= until_us && counts(p, feature) &&
            (!p->is_taken_out || (with_taken && still_shows(model, feature, p))))
            selected[count++] = *p;
    }
    qsort(selected, count, sizeof *selected, by_time_and_id);
    struct naive_payment last = {.label = SCENE_UNKNOWN};
    if (current && with_current && !feature->exclude_current && feature->delay_us == 0) {
        last.payment = *current;
        if (passes(feature->filter, &last) && has(current, feature->column))
            selected[count++] = last;
    }
    *ret_count = count;
    return selected;
}

static struct value shown(int column, const struct payment *payment) {
    int64_t integer = payment->integers[column];
    switch ((enum scene_column)column) {
    case SCENE_AMOUNT:
        return value_double((double)integer / 100);
    case SCENE_ITEMS:
        return value_int(integer);
    case SCENE_MERCHANT:
    case SCENE_MERCHANT_TEXT:
        return value_text(text_of(payment->merchant));
    case SCENE_ONLINE:
        return value_bool(integer);
    case SCENE_OPENED:
        return value_timestamp(integer);
    case SCENE_PLACE:
    case SCENE_COLUMNS:
        break;
    }
    return value_absent();
}

static struct value additive(const struct feature *feature, const struct naive_payment *all,
                             size_t count) {
    big n = (big)count, sum = 0, squares = 0;
    int digits = feature->column == SCENE_AMOUNT ? 100 : 1;
    for (size_t i = 0; i < count; i++) {
        big x = all[i].payment.integers[feature->column];
        sum += x;
        if (feature->aggregate ==
            AGGREGATE_STDDEV) /* of few wide numbers there is no room for them */
            squares += x * x;
    }
    if (feature->aggregate == AGGREGATE_SUM && digits == 1 && sum != (int64_t)sum)
        return value_absent();
    if (feature->aggregate == AGGREGATE_SUM)
        return digits == 1 ? value_int((int64_t)sum) : value_double((double)sum / digits);
    if (feature->aggregate == AGGREGATE_MEAN)
        return count == 0 ? value_absent() : value_double((double)sum / (double)(n * digits));
    if (count < 2)
        return value_absent();
    double variance = (double)(n * squares - sum * sum) / (double)(n * (n - 1));
    return value_double(sqrt(variance) / digits);
}

static struct value extreme(const struct feature *feature, const struct naive_payment *all,
                            size_t count) {
    const struct payment *best = NULL;
    int column = feature->column;
    for (size_t i = 0; i < count; i++) {
        const struct payment *p = &all[i].payment;
        if (!best ||
            (feature->aggregate == AGGREGATE_MIN ? p->integers[column] < best->integers[column]
                                                 : p->integers[column] > best->integers[column]))
            best = p;
    }
    return best ? shown(column, best) : value_absent();
}

static struct value distinct(const struct feature *feature, const struct naive_payment *all,
                             size_t count) {
    int64_t different = 0;
    for (size_t i = 0; i < count; i++) {
        bool before = false;
        for (size_t j = 0; j < i; j++)
            before |= value_equal(shown(feature->column, &all[i].payment),
                                  shown(feature->column, &all[j].payment));
        different += !before;
    }
    return value_int(different);
}

static struct value is_new(const struct feature *feature, const struct naive_payment *all,
                           size_t count, const struct payment *current) {
    if (!current || !has(current, feature->column))
        return value_absent();
    for (size_t i = 0; i < count; i++)
        if (value_equal(shown(feature->column, &all[i].payment), shown(feature->column, current)))
            return value_bool(false);
    return value_bool(true);
}

static struct value share(const struct feature *feature, const struct naive_payment *all,
                          size_t count) {
    size_t part = 0;
    for (size_t i = 0; i < count; i++)
        part += passes(feature->part, &all[i]);
    return count == 0 ? value_absent() : value_double((double)part / (double)count);
}

static struct value since(const struct naive_payment *all, size_t count, size_t which,
                          int64_t at_us) {
    if (count == 0)
        return value_absent();
    return value_double((double)(at_us - all[which].payment.time_us) / 1e6);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static struct value quantile(const struct feature *feature, const struct naive_payment *all,
                             size_t count) {
    if (count == 0)
        return value_absent();
    int64_t *values = check_calloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = all[i].payment.integers[feature->column];
    qsort(values, count, sizeof *values, by_value);
    size_t rank = 1;
    while (rank * 10000 < count * feature->q_parts)
        rank++;
    struct payment best = {0};
    best.integers[feature->column] = values[rank - 1];
    free(values);
    return shown(feature->column, &best);
}

/* The haversine formula as the books have it. */
static long double metres_between(int64_t a, int64_t b) {
    const long double degree = acosl(-1) / 180 / 10000000;
    long double latitude = (int32_t)(a >> 32) * degree, longitude = (int32_t)a * degree;
    long double latitude_2 = (int32_t)(b >> 32) * degree, longitude_2 = (int32_t)b * degree;
    long double up = sinl((latitude_2 - latitude) / 2);
    long double across = sinl((longitude_2 - longitude) / 2);
    long double h = up * up + cosl(latitude) * cosl(latitude_2) * across * across;
    return 2 * 6371008.8L * atan2l(sqrtl(h), sqrtl(h < 1 ? 1 - h : 0));
}

static struct value travel(const struct feature *feature, const struct naive_payment *all,
                           size_t count, int64_t at_us, const struct payment *current) {
    if (count == 0 || !current || !has(current, SCENE_PLACE))
        return value_absent();
    const struct payment *last = &all[count - 1].payment;
    long double metres =
        roundl(metres_between(last->integers[SCENE_PLACE], current->integers[SCENE_PLACE]));
    if (feature->aggregate == AGGREGATE_DISTANCE)
        return value_int((int64_t)metres);
    int64_t elapsed_us = at_us - last->time_us < SECOND ? SECOND : at_us - last->time_us;
    big scaled = (big)metres * 36 * SECOND, tenths = scaled / elapsed_us;
    if (scaled % elapsed_us * 2 >= elapsed_us)
        tenths++;
    return value_double((double)tenths / 10);
}

static int64_t first_time(const struct naive_model *model, const struct feature *feature,
                          const struct naive_window *window, const struct payment *current) {
    size_t count;
    struct naive_payment *all = select_payments(model, feature, window->after_us, window->until_us,
                                                current, true, true, &count);
    int64_t first_us = count > 0 ? all[0].payment.time_us : INT64_MAX;
    free(all);
    return first_us;
}

/* (a·t − s)² / (s·(t − 1)) where t ticks of k µs make S: all multiplied by k², nothing rounded. */
static struct value burst(const struct feature *feature, const struct naive_payment *all,
                          size_t count, const struct naive_window *window, int64_t first_us,
                          int64_t at_us) {
    big a = 0, s = (big)count, k = feature->tick_us, observed = 0;
    for (size_t i = 0; i < count; i++) /* the current payment, the last, is always in the tick */
        a += all[i].payment.time_us > window->tick_after_us;
    if (count > 0)
        observed = at_us - feature->delay_us - first_us + k;
    observed = observed > feature->window_us ? feature->window_us : observed;
    if (a * observed <= s * k)
        return value_double(0);
    big above = (a * observed - s * k) * (a * observed - s * k), below = s * k * (observed - k);
    return value_double((double)above / (double)below);
}

struct value naive_model_value(const struct naive_model *model, const struct feature *feature,
                               const struct naive_window *window, int64_t at_us,
                               const struct payment *current) {
    size_t count;
    bool with_current = feature->aggregate != AGGREGATE_LAST &&
                        feature->aggregate != AGGREGATE_SECONDS_SINCE_LAST &&
                        feature->aggregate != AGGREGATE_IS_NEW &&
                        feature->aggregate != AGGREGATE_DISTANCE &&
                        feature->aggregate != AGGREGATE_SPEED;
    struct naive_payment *all =
        select_payments(model, feature, window->after_us, window->until_us, current, with_current,
                        shows_what_was_taken(feature->aggregate), &count);
    struct value value = value_absent();
    switch (feature->aggregate) {
    case AGGREGATE_COUNT:
        value = value_int((int64_t)count);
        break;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_STDDEV:
        value = additive(feature, all, count);
        break;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        value = extreme(feature, all, count);
        break;
    case AGGREGATE_DISTINCT:
        value = distinct(feature, all, count);
        break;
    case AGGREGATE_FIRST:
        value = count ? shown(feature->column, &all[0].payment) : value;
        break;
    case AGGREGATE_LAST:
        value = count ? shown(feature->column, &all[count - 1].payment) : value;
        break;
    case AGGREGATE_SECONDS_SINCE_FIRST:
        value = since(all, count, 0, at_us);
        break;
    case AGGREGATE_SECONDS_SINCE_LAST:
        value = since(all, count, count - 1, at_us);
        break;
    case AGGREGATE_SHARE:
        value = share(feature, all, count);
        break;
    case AGGREGATE_IS_NEW:
        value = is_new(feature, all, count, current);
        break;
    case AGGREGATE_QUANTILE:
        value = quantile(feature, all, count);
        break;
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        value = travel(feature, all, count, at_us, current);
        break;
    case AGGREGATE_BURST:
        value =
            burst(feature, all, count, window, first_time(model, feature, window, current), at_us);
        break;
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    free(all);
    return value.type == VALUE_ABSENT ? feature->default_value : value;
}

/* A quantile is less than 1/128 beside the exact one; half a unit of the last digit is lost where
 * this divides. */
static bool is_near_number(struct value value, struct value exact) {
    double got = value.type == VALUE_DOUBLE ? value.number : (double)value.integer;
    double wanted = exact.type == VALUE_DOUBLE ? exact.number : (double)exact.integer;
    return value.type == exact.type && fabs(got - wanted) * 127.999999 <= fabs(wanted);
}

/* More than six standard errors of HyperLogLog do not happen. */
static bool is_near(struct value value, struct value exact, const struct feature *feature) {
    if (feature->aggregate == AGGREGATE_IS_NEW) /* not new is known for sure */
        return value.type == VALUE_ABSENT || (value_equal(value, exact) && !value.boolean);
    if (value_equal(value, exact))
        return true;
    if (feature->aggregate == AGGREGATE_QUANTILE)
        return (value.type == VALUE_DOUBLE || value.type == VALUE_INT) &&
               is_near_number(value, exact);
    if (value.type != VALUE_INT)
        return false;
    double error = fabs((double)value.integer - (double)exact.integer);
    return error <= 6 * 0.0325 * (double)exact.integer + 1;
}

bool naive_value_agrees(struct value value, struct value expected, const struct feature *feature,
                        const struct naive_window *window) {
    return window->is_estimated ? is_near(value, expected, feature) : value_equal(value, expected);
}

/* Tiles. */

bool naive_is_sketched(const struct feature *feature) {
    return feature->aggregate == AGGREGATE_DISTINCT || feature->aggregate == AGGREGATE_IS_NEW ||
           feature->aggregate == AGGREGATE_QUANTILE;
}

/* The age at which a tile of this width may begin: where no window reads it that it is too wide
 * for. fits_any: there is a window that it is not too wide for. */
static big begin_of(const struct scene *scene, bool sketch, big width, bool *ret_fits_any) {
    big begin = 0;
    *ret_fits_any = false;
    for (size_t i = 0; i < scene->entity.feature_count; i++) {
        const struct feature *f = &scene->features[i];
        int64_t windows_us[] = {f->window_us, f->tick_us};
        if (sketch && !naive_is_sketched(f))
            continue;
        for (int j = 0; j < 2; j++) {
            if (windows_us[j] == 0)
                continue;
            if (width * (sketch ? 8 : 64) <= windows_us[j])
                *ret_fits_any = true;
            else if (scene->plan.lateness_us + f->delay_us + windows_us[j] > begin)
                begin = scene->plan.lateness_us + f->delay_us + windows_us[j];
        }
    }
    return begin;
}

struct naive_tiles naive_tiles_of(const struct scene *scene, bool sketch) {
    struct naive_tiles tiles = {.count = 0};
    bool fits_any;
    big width = 1;
    if (sketch)
        tiles = naive_tiles_of(scene, false);
    size_t at_least = tiles.count;
    tiles.count = 0;
    do {
        tiles.begins_us[tiles.count++] = (int64_t)begin_of(scene, sketch, width, &fits_any);
        width *= 2;
        begin_of(scene, sketch, width, &fits_any);
    } while (fits_any || tiles.count < at_least);
    return tiles;
}

static struct naive_extent extent_of(int64_t time_us, big width) {
    big first = (time_us >= 0 ? time_us / width : -((-(big)time_us + width - 1) / width)) * width;
    return (struct naive_extent){.first_us = (int64_t)first,
                                 .last_us = (int64_t)(first + width - 1)};
}

struct naive_extent naive_tile(const struct naive_tiles *tiles, int64_t time_us,
                               int64_t newest_us) {
    for (size_t level = tiles->count; level-- > 1;) {
        struct naive_extent extent = extent_of(time_us, (big)1 << level);
        big begin = tiles->begins_us[level];
        if (begin == 0 || (big)newest_us - extent.last_us >= begin)
            return extent;
    }
    return extent_of(time_us, 1);
}

bool naive_is_dropped(const struct scene *scene, int64_t time_us, int64_t newest_us) {
    big reach = 0;
    size_t levels = naive_tiles_of(scene, false).count;
    for (size_t i = 0; i < scene->entity.feature_count; i++) {
        const struct feature *f = &scene->features[i];
        if (f->window_us + f->delay_us > reach)
            reach = f->window_us + f->delay_us;
        if (naive_is_sketched(f))
            levels = naive_tiles_of(scene, true).count;
    }
    return (big)newest_us - extent_of(time_us, (big)1 << (levels - 1)).last_us >=
           reach + scene->plan.lateness_us;
}

static int by_time(const void *a, const void *b) {
    const struct naive_place *x = a, *y = b;
    return (x->payment->time_us > y->payment->time_us) -
           (x->payment->time_us < y->payment->time_us);
}

struct naive_place *naive_model_places(struct naive_model *model, const struct naive_tiles *tiles,
                                       const struct naive_tiles *sketches) {
    struct naive_place *all = check_calloc(model->count + 1, sizeof *all);
    for (size_t i = 0; i < model->count; i++) {
        all[i].payment = &model->payments[i].payment;
        all[i].of = &model->payments[i];
    }
    qsort(all, model->count, sizeof *all, by_time);
    for (size_t i = 0; i < model->count; i++) {
        int64_t newest_us = all[model->count - 1].payment->time_us;
        all[i].tile = naive_tile(tiles, all[i].payment->time_us, newest_us);
        all[i].sketch = naive_tile(sketches, all[i].payment->time_us, newest_us);
    }
    for (size_t i = 0; i + NAIVE_RAW_MAX < model->count; i++)
        if (all[i].tile.first_us == all[i + NAIVE_RAW_MAX].tile.first_us)
            for (size_t j = i; j <= i + NAIVE_RAW_MAX; j++)
                all[j].is_collapsed = true;
    for (size_t i = 0; i < model->count; i++) {
        all[i].of->is_collapsed = all[i].is_collapsed;
        all[i].of->tile_us = all[i].tile.first_us;
    }
    return all;
}

/* More different values than are kept, in the collapsed tiles of one sketch tile? */
static bool is_crowded(const struct feature *feature, const struct naive_place *first,
                       const struct naive_place *behind) {
    int64_t values[65];
    size_t count = 0;
    if (feature->column == SCENE_MERCHANT)
        return false; /* there are only a few */
    if (feature->aggregate == AGGREGATE_QUANTILE)
        return true; /* nothing that has collapsed is exact */
    for (const struct naive_place *p = first; p < behind; p++) {
        struct naive_payment known = {.payment = *p->payment, .label = SCENE_UNKNOWN};
        int64_t value = p->payment->integers[feature->column];
        size_t i = 0;
        if (!p->is_collapsed || !has(p->payment, feature->column) ||
            !passes(feature->filter, &known))
            continue;
        while (i < count && values[i] != value)
            i++;
        if (i == 64)
            return true;
        values[i] = value;
        count += i == count;
    }
    return false;
}

struct naive_window naive_places_window(const struct naive_place *places, size_t count,
                                        const struct feature *feature, int64_t at_us) {
    struct naive_window asked = {.after_us = at_us - feature->delay_us - feature->window_us,
                                 .until_us = at_us - feature->delay_us,
                                 .tick_after_us = at_us - feature->delay_us - feature->tick_us};
    struct naive_window window = asked;
    bool values = naive_is_sketched(feature);
    size_t behind;
    for (size_t i = 0; i < count; i = behind) {
        int64_t from_us = INT64_MAX, to_us = INT64_MIN;
        for (behind = i; behind < count; behind++) {
            if (values ? places[behind].sketch.first_us != places[i].sketch.first_us
                       : places[behind].tile.first_us != places[i].tile.first_us)
                break;
            if (!places[behind].is_collapsed)
                continue;
            from_us = from_us == INT64_MAX ? places[behind].payment->time_us : from_us;
            to_us = places[behind].payment->time_us;
        }
        bool is_in = to_us > asked.after_us && to_us <= asked.until_us;
        if (is_in && from_us <= asked.after_us)
            window.after_us = from_us - 1;
        if (is_in && to_us > asked.tick_after_us && from_us <= asked.tick_after_us)
            window.tick_after_us = from_us - 1;
        if (!is_in && from_us <= asked.until_us && to_us > asked.until_us)
            window.until_us = from_us - 1;
        if (is_in && values && is_crowded(feature, &places[i], &places[behind]))
            window.is_estimated = true;
    }
    return window;
}
