#include "meter.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

enum note_kind { NOTE_COUNT, NOTE_OBSERVE, NOTE_SET };

struct meter_note {
    enum note_kind kind;
    const char *name;
    double value;
    struct harrier_metric_label labels[HARRIER_METRIC_LABELS_MAX];
    size_t label_count;
};

void meter_init(struct meter *meter, const struct harrier_metrics *hook) {
    if (!hook)
        return;
    meter->on = true;
    meter->hook = *hook;
}

void meter_deinit(struct meter *meter) {
    free(meter->notes);
}

static struct meter_note *add(struct meter *meter, enum note_kind kind, const char *name,
                              double value) {
    if (meter->count == meter->capacity) {
        meter->capacity = meter->capacity ? meter->capacity * 2 : 16;
        meter->notes = check_reallocarray(meter->notes, meter->capacity, sizeof *meter->notes);
    }
    struct meter_note *note = &meter->notes[meter->count++];
    *note = (struct meter_note){.kind = kind, .name = name, .value = value};
    return note;
}

static void label(struct meter_note *note, const char *name, const char *value) {
    if (name)
        note->labels[note->label_count++] = (struct harrier_metric_label){name, value};
}

void meter_count(struct meter *meter, const char *name, double amount, const char *label_name,
                 const char *value) {
    if (meter->on)
        label(add(meter, NOTE_COUNT, name, amount), label_name, value);
}

void meter_set(struct meter *meter, const char *name, double value, const char *label_name,
               const char *label_value) {
    if (meter->on)
        label(add(meter, NOTE_SET, name, value), label_name, label_value);
}

void meter_observe(struct meter *meter, const char *name, double value) {
    if (meter->on)
        add(meter, NOTE_OBSERVE, name, value);
}

void meter_called(struct meter *meter, const char *call, const char *result, double seconds) {
    if (!meter->on)
        return;
    struct meter_note *note = add(meter, NOTE_COUNT, "harrier_client_calls_total", 1);
    label(note, "call", call);
    label(note, "result", result);
    label(add(meter, NOTE_OBSERVE, "harrier_client_call_seconds", seconds), "call", call);
}

static void report_value(const struct harrier_metrics *hook, const struct meter_note *note) {
    harrier_metric_function *function = note->kind == NOTE_COUNT     ? hook->count
                                        : note->kind == NOTE_OBSERVE ? hook->observe
                                                                     : hook->set;
    function(note->name, note->value, note->labels, note->label_count, hook->user);
}

/* One thread at a time, or later figures could overtake earlier ones. */
void meter_report(struct meter *meter, pthread_mutex_t *mutex) {
    if (meter->telling)
        return;
    meter->telling = true;
    while (meter->count > 0) {
        struct meter_note *notes = meter->notes;
        size_t count = meter->count, capacity = meter->capacity;
        meter->notes = NULL;
        meter->count = meter->capacity = 0;
        pthread_mutex_unlock(mutex);
        for (size_t i = 0; i < count; i++)
            report_value(&meter->hook, &notes[i]);
        pthread_mutex_lock(mutex);
        if (meter->capacity == 0) { /* to be used again */
            meter->notes = notes;
            meter->capacity = capacity;
        } else {
            free(notes);
        }
    }
    meter->telling = false;
}
