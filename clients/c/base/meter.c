/* Samples are appended under the client's mutex and taken away as a whole for reporting, so the
 * mutex is released once per report and not once per sample. The array is reused. */
#include "clients/c/base/meter.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

enum sample_kind { SAMPLE_COUNT, SAMPLE_OBSERVE, SAMPLE_SET };

struct meter_sample {
    enum sample_kind kind;
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
    free(meter->samples);
}

static struct meter_sample *add(struct meter *meter, enum sample_kind kind, const char *name,
                                double value) {
    if (meter->count == meter->capacity) {
        meter->capacity = meter->capacity ? meter->capacity * 2 : 16;
        meter->samples =
            check_reallocarray(meter->samples, meter->capacity, sizeof *meter->samples);
    }
    struct meter_sample *sample = &meter->samples[meter->count++];
    *sample = (struct meter_sample){.kind = kind, .name = name, .value = value};
    return sample;
}

static void label(struct meter_sample *sample, const char *name, const char *value) {
    if (name)
        sample->labels[sample->label_count++] = (struct harrier_metric_label){name, value};
}

void meter_count(struct meter *meter, const char *name, double amount, const char *label_name,
                 const char *value) {
    if (meter->on)
        label(add(meter, SAMPLE_COUNT, name, amount), label_name, value);
}

void meter_set(struct meter *meter, const char *name, double value, const char *label_name,
               const char *label_value) {
    if (meter->on)
        label(add(meter, SAMPLE_SET, name, value), label_name, label_value);
}

void meter_observe(struct meter *meter, const char *name, double value) {
    if (meter->on)
        add(meter, SAMPLE_OBSERVE, name, value);
}

/* Two samples for one call. label() of the first is complete before add() of the second, which may
 * move the array. */
void meter_called(struct meter *meter, const char *call, const char *result, double seconds) {
    if (!meter->on)
        return;
    struct meter_sample *sample = add(meter, SAMPLE_COUNT, "harrier_client_calls_total", 1);
    label(sample, "call", call);
    label(sample, "result", result);
    label(add(meter, SAMPLE_OBSERVE, "harrier_client_call_seconds", seconds), "call", call);
}

static void report_value(const struct harrier_metrics *hook, const struct meter_sample *sample) {
    harrier_metric_function *function = sample->kind == SAMPLE_COUNT     ? hook->count
                                        : sample->kind == SAMPLE_OBSERVE ? hook->observe
                                                                         : hook->set;
    function(sample->name, sample->value, sample->labels, sample->label_count, hook->user);
}

/* A second thread returns at once: the first one's loop reports what it has recorded meanwhile. */
void meter_report(struct meter *meter, pthread_mutex_t *mutex) {
    if (meter->reporting)
        return;
    meter->reporting = true;
    while (meter->count > 0) {
        struct meter_sample *samples = meter->samples;
        size_t count = meter->count, capacity = meter->capacity;
        meter->samples = NULL;
        meter->count = meter->capacity = 0;
        pthread_mutex_unlock(mutex);
        for (size_t i = 0; i < count; i++)
            report_value(&meter->hook, &samples[i]);
        pthread_mutex_lock(mutex);
        if (meter->capacity == 0) { /* nothing was recorded meanwhile: reuse the memory */
            meter->samples = samples;
            meter->capacity = capacity;
        } else {
            free(samples);
        }
    }
    meter->reporting = false;
}
