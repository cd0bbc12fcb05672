#include "promotion.h"

#include "clients/cli/terminal/quantity.h"

#include <stdlib.h>

static int check_range(struct promotion *promotion, const struct promotion_request *request,
                       bool *ret_is_usage, struct error *ret_error) {
    const struct model_cards *cards = &promotion->cards;
    char trained[QUANTITY_TIME_SIZE];
    promotion->until_us = request->until_us;
    promotion->from_us = request->has_from ? request->from_us : cards->until_us;
    *ret_is_usage = true;
    if (!cards->is_trained && !request->has_from)
        return error_set(ret_error, ERROR_INVALID,
                         "--from is missing: no card of a model in %s says when it was trained",
                         request->candidate);
    if (!cards->is_trained)
        return 0;
    quantity_format_time(cards->until_us, trained);
    if (promotion->from_us < cards->until_us)
        return error_set(ret_error, ERROR_INVALID,
                         "--from: the range overlaps the training of the candidate, which ends at "
                         "%s (%s); expected that time or a later one",
                         trained, cards->latest);
    if (promotion->from_us >= promotion->until_us)
        return error_set(ret_error, ERROR_INVALID,
                         "--until: the range ends before it begins, at the end of the candidate's "
                         "training, %s (%s)",
                         trained, cards->latest);
    return 0;
}

/* Only a remark depends on the champion's cards: damaged ones say nothing. */
static bool is_champion_trained_in(const struct promotion_request *request, int64_t from_us,
                                   int64_t until_us) {
    struct model_cards cards;
    struct error ignored;
    if (model_cards_read(request->champion, &cards, &ignored) < 0)
        return false;
    bool overlaps = cards.is_trained && cards.until_us > from_us && cards.from_us < until_us;
    model_cards_deinit(&cards);
    return overlaps;
}

static int compare(struct promotion *promotion, const struct promotion_request *request,
                   struct progress *progress, struct error *ret_error) {
    const struct champion_options options = {
        .archive = request->archive,
        .candidate = request->snapshot,
        .champion = request->champion,
        .from_us = promotion->from_us,
        .until_us = promotion->until_us,
        .outcomes_after_us = request->outcomes_after_us,
        .card = request->card,
        .k = request->k,
        .reviews = request->reviews,
        .draws = PROMOTION_DRAWS,
        .seed = PROMOTION_SEED,
        .threads = request->threads,
        .memory_bytes = request->memory_bytes,
    };
    int r = champion_report_make(&options, progress, &promotion->report, ret_error);
    if (r < 0)
        return r;
    promotion->flatters_champion =
        is_champion_trained_in(request, promotion->from_us, promotion->until_us);
    promotion->is_earned = promotion_is_earned(&request->terms, &promotion->report);
    return 0;
}

int promotion_judge(const struct promotion_request *request, struct progress *progress,
                    struct promotion *ret_promotion, bool *ret_is_usage, struct error *ret_error) {
    struct promotion promotion = {0};
    *ret_is_usage = false;
    int r = model_cards_read(request->candidate, &promotion.cards, ret_error);
    if (r == 0)
        r = check_range(&promotion, request, ret_is_usage, ret_error);
    if (r == 0) {
        *ret_is_usage = false;
        r = compare(&promotion, request, progress, ret_error);
    }
    if (r < 0)
        promotion_deinit(&promotion);
    else
        *ret_promotion = promotion;
    return r;
}

void promotion_deinit(struct promotion *promotion) {
    model_cards_deinit(&promotion->cards);
}
