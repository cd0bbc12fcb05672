#include "sent_decision.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "feature_value.h"

#include <stdlib.h>

/* Room for the tags of all reasons. */
static void reserve_tags(struct sent_decision *sent, const struct harrier_decision *in) {
    size_t count = 0;
    for (size_t i = 0; i < in->reason_count; i++)
        count += in->reasons[i].tag_count;
    if (count <= sent->tag_room)
        return;
    sent->tag_room = count;
    sent->tags = check_reallocarray(sent->tags, count, sizeof *sent->tags);
}

/* tags: where those of this reason go. */
static struct reason reason_of(const struct harrier_reason *in, struct text *tags) {
    for (size_t i = 0; i < in->tag_count; i++)
        tags[i] = text_of(in->tags[i]);
    return (struct reason){.rule = text_of(in->rule),
                           .text = text_of(in->text),
                           .score = in->score,
                           .verdict = (enum verdict)in->verdict,
                           .shadow = in->shadow,
                           .suppressed = in->suppressed,
                           .tags = tags,
                           .tag_count = in->tag_count,
                           .group = text_of(in->group),
                           .capped = in->capped,
                           .verdict_if_live = (enum verdict)in->verdict_if_live};
}

struct decision sent_decision_convert(struct sent_decision *sent,
                                      const struct harrier_decision *in) {
    if (in->reason_count > sent->reason_room) {
        sent->reason_room = in->reason_count;
        sent->reasons = check_reallocarray(sent->reasons, in->reason_count, sizeof *sent->reasons);
    }
    if (in->feature_count > sent->value_room) {
        sent->value_room = in->feature_count;
        sent->values = check_reallocarray(sent->values, in->feature_count, sizeof *sent->values);
    }
    if (in->failed_rule_count > sent->failed_room) {
        sent->failed_room = in->failed_rule_count;
        sent->failed = check_reallocarray(sent->failed, sent->failed_room, sizeof *sent->failed);
    }
    reserve_tags(sent, in);
    struct text *tags = sent->tags;
    for (size_t i = 0; i < in->reason_count; i++) {
        sent->reasons[i] = reason_of(&in->reasons[i], tags);
        tags += in->reasons[i].tag_count;
    }
    for (size_t i = 0; i < in->feature_count; i++)
        sent->values[i] = (struct named_value){.name = text_of(in->features[i].name),
                                               .value = feature_value(&in->features[i])};
    for (size_t i = 0; i < in->failed_rule_count; i++)
        sent->failed[i] = text_of(in->failed_rules[i]);
    return (struct decision){.transaction_id = text_of(in->transaction_id),
                             .verdict = (enum verdict)in->verdict,
                             .score = in->score,
                             .reasons = sent->reasons,
                             .reason_count = in->reason_count,
                             .snapshot_id = in->snapshot_id,
                             .arm = in->arm ? arm_parse(text_of(in->arm)) : ARM_NONE,
                             .generation_id = in->generation_id,
                             .position = in->position,
                             .degraded = in->degraded,
                             .degraded_reason = text_of(in->degraded_reason),
                             .duplicate = in->duplicate,
                             .dry_run = in->dry_run,
                             .server_us = in->server_us,
                             .rule_errors = in->rule_errors,
                             .failed_rules = sent->failed,
                             .failed_rule_count = in->failed_rule_count,
                             .features = sent->values,
                             .feature_count = in->feature_count};
}

void sent_decision_deinit(struct sent_decision *sent) {
    free(sent->reasons);
    free(sent->values);
    free(sent->tags);
    free(sent->failed);
}
