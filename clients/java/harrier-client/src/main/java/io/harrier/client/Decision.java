package io.harrier.client;

import java.time.Duration;
import java.util.List;

/**
 * A server's decision or, if {@code fallback} is set, the client's own because there was none in time.
 *
 * @param transactionId the transaction's id
 * @param verdict what should happen to it
 * @param score 0 (nothing suspicious) to 1,000
 * @param reasons every rule that fired, in the policy's order, including shadow rules
 * @param snapshotId the policy that decided
 * @param generationId the tables that it decided on; 0 before the first rebuild
 * @param position the transaction's position in the archive; 0 for a dry run
 * @param degraded something that the decision should have had was missing
 * @param degradedReason what was missing; empty unless degraded
 * @param duplicate this id was scored before, and this is the first decision, without its features
 * @param dryRun the decision was asked for with a dry run and changed nothing
 * @param serverTime from the arrival of the message to this decision
 * @param ruleErrors rules whose evaluation failed
 * @param features every feature, in the policy's order, if the call asked for them
 * @param fallback made by the client, not by a server, and not archived
 * @param fallbackReason the code of the error that a fallback decision replaces; else null
 * @param failedRules the names of the first 16 of the rules that {@code ruleErrors} counts, in the policy's order; a
 *     server or a record of an earlier version names none
 * @param arm "champion" or "challenger" while a challenger decides for a share of a key that the transaction has; else
 *     empty
 */
public record Decision(
        String transactionId,
        Verdict verdict,
        int score,
        List<Reason> reasons,
        long snapshotId,
        long generationId,
        long position,
        boolean degraded,
        String degradedReason,
        boolean duplicate,
        boolean dryRun,
        Duration serverTime,
        int ruleErrors,
        List<NamedValue> features,
        boolean fallback,
        ErrorCode fallbackReason,
        List<String> failedRules,
        String arm) {

    static Decision fallback(String transactionId, Verdict verdict, ErrorCode reason) {
        return new Decision(
                transactionId, verdict, 0, List.of(), 0, 0, 0, false, "", false, false, Duration.ZERO, 0, List.of(),
                true, reason, List.of(), "");
    }
}
