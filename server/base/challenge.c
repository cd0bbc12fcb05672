#include "challenge.h"

#include "brake_counts.h"
#include "service.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *string) {
    return text_copy(text_of(string ? string : ""));
}

void challenge_wish_set(struct challenge_wish *wish, const struct challenge_settings *settings) {
    challenge_wish_deinit(wish);
    *wish = (struct challenge_wish){.path = copy(settings->policy),
                                    .name = copy(settings->name),
                                    .key = copy(settings->key),
                                    .share = settings->share};
}

void challenge_wish_deinit(struct challenge_wish *wish) {
    free(wish->path);
    free(wish->name);
    free(wish->key);
    *wish = (struct challenge_wish){0};
}

void challenge_deinit(struct challenge *challenge) {
    free(challenge->path);
    snapshot_unref(challenge->snapshot);
    free(challenge->rule_places);
    brake_counts_free(challenge->brake_counts);
    *challenge = (struct challenge){0};
}

bool challenge_continues(const struct challenge *before, const struct challenge *next) {
    return before->snapshot && next->snapshot && before->snapshot->id == next->snapshot->id &&
           strcmp(before->experiment.name, next->experiment.name) == 0 &&
           strcmp(before->experiment.key, next->experiment.key) == 0;
}

void challenge_count(struct challenge *challenge, const struct decision *decision) {
    challenge->verdicts[decision->arm][decision->verdict]++;
}
