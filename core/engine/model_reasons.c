/* What models say of a decision: the inputs that contributed most, as sentences of models.yaml.
 * Computed for models that a rule that fired reads, and only if the decision is not approve: exact
 * contributions take a thousand times as long as the margin. */
#include "scratch.h"
#include "sentence.h"

/* The inputs with the greatest contributions in the direction asked for, the greatest first; equal
 * ones in the model's order. Returns how many. */
static size_t find_top(const struct policy_model *model, const double *contributions,
                       size_t ret_inputs[MODEL_REASONS_MAX]) {
    const struct model_reasons *reasons = &model->reasons;
    double sign = reasons->are_down ? -1 : 1;
    size_t found = 0;
    for (size_t i = 0; i < model_shape(model->model)->input_count; i++) {
        double own = sign * contributions[i];
        size_t place = found;
        if (!(own > 0))
            continue;
        while (place > 0 && sign * contributions[ret_inputs[place - 1]] < own)
            place--;
        if (place == reasons->top)
            continue;
        found += found < reasons->top;
        for (size_t k = found - 1; k > place; k--)
            ret_inputs[k] = ret_inputs[k - 1];
        ret_inputs[place] = i;
    }
    return found;
}

/* "NAME is VALUE", for an input without a sentence of its own. */
static size_t append_plain(const struct policy_model *model, size_t input,
                           const struct value *frame, char *sentence, size_t size, size_t length,
                           struct arena *arena) {
    const struct reason_piece value = {.expression = model->bindings[input].expression};
    char printed[REASON_TEXT_MAX + 1];
    size_t count = sentence_write(&value, 1, frame, printed, sizeof printed, arena);
    bool is_missing = count == 1 && printed[0] == '?';
    length = sentence_append(model_shape(model->model)->inputs[input], sentence, size, length);
    length = sentence_append(TEXT_LITERAL(" is "), sentence, size, length);
    return sentence_append(
        is_missing ? TEXT_LITERAL("missing")
                   : (struct text){.data = printed,
                                   .length = count < sizeof printed ? count : sizeof printed - 1},
        sentence, size, length);
}

static size_t append_sentence(const struct policy_model *model, size_t input,
                              const struct value *frame, char *sentence, size_t size, size_t length,
                              struct arena *arena) {
    const struct model_sentence *own = &model->reasons.sentences[input];
    if (length >= size - 1)
        return length;
    if (own->count == 0)
        return append_plain(model, input, frame, sentence, size, length, arena);
    return length +
           sentence_write(own->pieces, own->count, frame, sentence + length, size - length, arena);
}

static struct text write_model(const struct judge *judge, const struct policy_model *model,
                               struct arena *arena) {
    char sentence[REASON_TEXT_MAX + 1];
    size_t inputs[MODEL_REASONS_MAX], length = 0;
    const struct value *frame = judge->layout.bound.frame;
    struct model_explanation explanation;
    struct arena_mark mark = arena_mark(arena);
    if (!policy_model_explain(model, model->reasons.output, frame, arena, judge->model_scratch,
                              &explanation))
        return (struct text){0};
    size_t count = find_top(model, explanation.contributions, inputs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            length = sentence_append(TEXT_LITERAL("; "), sentence, sizeof sentence, length);
        length = append_sentence(model, inputs[i], frame, sentence, sizeof sentence, length, arena);
    }
    arena_rewind(arena, mark);
    return arena_text(arena, sentence_cut(sentence, length));
}

void model_reasons_write(const struct engine *engine, enum verdict verdict, struct arena *arena,
                         struct text *ret_texts) {
    const struct judge *live = &engine->live;
    const struct snapshot *rules = engine->rules;
    memset(ret_texts, 0, rules->model_count * sizeof *ret_texts);
    for (size_t i = 0; i < live->fired_count && verdict != VERDICT_APPROVE; i++) {
        size_t model = rules->rules[live->fired[i].rule].explained_model;
        if (model != SIZE_MAX && !ret_texts[model].data)
            ret_texts[model] = write_model(live, &rules->models[model], arena);
    }
}
