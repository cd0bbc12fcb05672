package io.harrier.client;

import java.util.List;

/**
 * A rule that fired.
 *
 * @param rule the name of the rule
 * @param text its reason
 * @param score the rule's own score; {@code score - capped} was added to the decision's, unless shadow or suppressed
 * @param verdict what the rule asks for; null if it only adds to the score
 * @param shadow a shadow rule: reported, without effect
 * @param suppressed the rule fired recently for the same entity: reported, without effect
 * @param tags the rule's tags in the policy
 * @param group the rule's group; empty: none
 * @param capped the part of the score that the group's limit cut off
 * @param verdictIfLive of a shadow rule: the decision's verdict if the rule had been live; else null
 */
public record Reason(
        String rule,
        String text,
        int score,
        Verdict verdict,
        boolean shadow,
        boolean suppressed,
        List<String> tags,
        String group,
        int capped,
        Verdict verdictIfLive) {}
