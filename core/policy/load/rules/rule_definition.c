/* Everything that changes the effect of a rule is written out, in the canonical form of conditions,
 * and hashed: that is its declaration. Mode, texts and tags are left out: a rule that goes to
 * shadow and back is the same. Values, features, lists, thresholds and models stand there by their
 * names, so the definition adds the hashes of what the names stand for, if there are any.
 *
 * Archives hold both: older versions knew only the declaration, and a brake of theirs is in force
 * for it. What is written here must not change, or brakes in force are lost: new keys are written
 * only where they are set. */
#include "rule_definition.h"

#include "core/base/hash.h"
#include "core/policy/lang/syntax.h"
#include "rule_reads.h"

#include <inttypes.h>

static uint64_t hash_buffer(struct buffer *buffer) {
    uint64_t hash = hash64(buffer->bytes, buffer->length, 0);
    buffer_deinit(buffer);
    return hash;
}

static void put_limit(struct buffer *buffer, const struct brake_limit *limit) {
    if (limit->share_e6 > 0)
        buffer_printf(buffer, "at_most %" PRIu32 " per %" PRId64 "\n", limit->share_e6,
                      limit->per_us);
}

/* {by: card, for: 1h}, as it is written: keys in their order, which rarely changes by itself. */
static void put_suppress(struct buffer *buffer, const struct tree_node *suppress) {
    buffer_append_string(buffer, "suppress");
    for (const struct tree_node *child = suppress->first; child; child = child->next)
        buffer_printf(buffer, " %" TEXT_FORMAT " %" TEXT_FORMAT, TEXT_ARGS(child->key->text),
                      TEXT_ARGS(child->text));
    buffer_append_u8(buffer, '\n');
}

uint64_t rule_declaration(const struct load *load, const struct rule *rule,
                          const struct syntax *when, const struct tree_node *suppress) {
    const struct snapshot *snapshot = load->snapshot;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_string(&buffer, "rule ");
    if (when)
        syntax_print_definition(when, &buffer);
    buffer_printf(&buffer, "\nthen %d %" PRId32 " on_error %d\n", (int)rule->verdict, rule->score,
                  (int)rule->on_error);
    if (rule->group != SIZE_MAX)
        buffer_printf(&buffer, "group %" TEXT_FORMAT "\n",
                      TEXT_ARGS(snapshot->groups[rule->group].name));
    if (rule->from_us != INT64_MIN || rule->until_us != INT64_MAX)
        buffer_printf(&buffer, "in %" PRId64 " %" PRId64 "\n", rule->from_us, rule->until_us);
    if (rule->rollout < RULE_ROLLOUT_ALL)
        buffer_printf(&buffer, "rollout %" PRIu32 " by %" TEXT_FORMAT "\n", rule->rollout,
                      TEXT_ARGS(snapshot->schema.fields[rule->rollout_slot].canonical));
    if (suppress)
        put_suppress(&buffer, suppress);
    put_limit(&buffer, &rule->at_most);
    return hash_buffer(&buffer);
}

/* is_whole: with the definitions of the rules, not their declarations. */
static uint64_t hash_rules(const struct snapshot *snapshot, bool is_whole) {
    struct buffer buffer;
    buffer_init(&buffer);
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        const struct rule *rule = &snapshot->rules[i];
        buffer_printf(&buffer, "%" TEXT_FORMAT " %016" PRIx64 "\n", TEXT_ARGS(rule->name),
                      is_whole ? rule->definition : rule->declaration);
    }
    for (size_t i = 0; i < snapshot->group_count; i++)
        buffer_printf(&buffer, "group %" TEXT_FORMAT " %d %" PRId32 "\n",
                      TEXT_ARGS(snapshot->groups[i].name), (int)snapshot->groups[i].score,
                      snapshot->groups[i].at_most);
    for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
        buffer_printf(&buffer, "cutoff %" PRIu32 "\n", snapshot->cutoffs[verdict]);
    put_limit(&buffer, &snapshot->at_most);
    return hash_buffer(&buffer);
}

void rules_define(struct snapshot *snapshot) {
    struct rule_reads *reads = rule_reads_new(snapshot);
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        struct rule *rule = &snapshot->rules[i];
        const uint64_t hashes[] = {rule->declaration, rule_reads_hash(reads, rule)};
        rule->definition = hashes[1] ? hash64(hashes, sizeof hashes, 0) : rule->declaration;
    }
    rule_reads_free(reads);
    snapshot->declaration = hash_rules(snapshot, false);
    snapshot->definition = hash_rules(snapshot, true);
}
