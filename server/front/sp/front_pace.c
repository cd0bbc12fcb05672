/* The rate is an average that forgets what is older than some AVERAGE_US of serving. A turn without
 * a backlog says how fast requests can be served, not how fast they are when they come without end
 * (their answers may wait for the disk, and keep slots); so it may only raise the rate. That also
 * ends an estimate that was too low: with it, one request at a time is still taken. The first
 * estimate is from a turn that left something to do: the first requests after the start may be slow
 * for reasons of their own. */
#include "front_pace.h"

#define AVERAGE_US  50000.0
#define RAISE_US    5000.0 /* the same for a turn that may only raise it */
#define ANSWER_PART 0.0625 /* of an answer in the average of answers */
/* Requests that are refused bring no answers, so an average that is too high must end by itself. */
#define ANSWER_AGE_US 1000000.0

static void average(double *value, double sample, double part) {
    *value += (sample - *value) * part;
}

static void note_backlog(struct pace *pace, int64_t now_us, bool is_empty, bool has_refused) {
    if (has_refused)
        pace->refused_us = now_us;
    if ((is_empty && !has_refused) || pace->empty_us == 0)
        pace->empty_us = now_us;
    if (now_us - pace->empty_us > PACE_STANDING_US)
        pace->is_standing = true;
    else if (now_us - pace->refused_us > PACE_STANDING_US)
        pace->is_standing = false;
}

static void forget_answers(struct pace *pace, int64_t now_us) {
    int64_t since_us = pace->observed_us ? now_us - pace->observed_us : 0;
    if (since_us > 0)
        pace->answer_us *= ANSWER_AGE_US / (ANSWER_AGE_US + (double)since_us);
    pace->observed_us = now_us;
}

void pace_observe(struct pace *pace, size_t cost, int64_t began_us, int64_t ended_us,
                  bool was_backlogged, bool is_empty, bool has_refused) {
    note_backlog(pace, ended_us, is_empty, has_refused);
    forget_answers(pace, ended_us);
    if (cost == 0 && !was_backlogged)
        return;
    double took_us = ended_us > began_us ? (double)(ended_us - began_us) : 1.0;
    double sample = (double)cost / took_us;
    if (pace->cost_per_us == 0)
        pace->cost_per_us = was_backlogged || !is_empty ? sample : 0;
    else if (was_backlogged)
        average(&pace->cost_per_us, sample, took_us / (took_us + AVERAGE_US));
    else if (sample > pace->cost_per_us)
        average(&pace->cost_per_us, sample, took_us / (took_us + RAISE_US));
}

void pace_observe_answer(struct pace *pace, int64_t late_us) {
    average(&pace->answer_us, (double)late_us, ANSWER_PART);
}

static uint64_t limit_of(const struct pace *pace, uint64_t deadline_us) {
    return deadline_us ? deadline_us : (uint64_t)pace->default_deadline_us;
}

bool pace_admits(const struct pace *pace, size_t ahead, uint64_t deadline_us, bool is_only,
                 bool is_standing) {
    double limit_us = (double)limit_of(pace, deadline_us);
    if (limit_us == 0 || is_only || pace->cost_per_us == 0)
        return true;
    double wait_us = (double)ahead / pace->cost_per_us;
    if (wait_us + pace->answer_us > limit_us)
        return false;
    return !is_standing || wait_us <= limit_us * pace->patience_percent / 100;
}

bool pace_is_late(const struct pace *pace, int64_t waited_us, uint64_t deadline_us) {
    uint64_t limit_us = limit_of(pace, deadline_us);
    return limit_us != 0 && waited_us > 0 && (uint64_t)waited_us > limit_us;
}
