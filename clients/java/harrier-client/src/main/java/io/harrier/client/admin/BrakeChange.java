package io.harrier.client.admin;

import java.util.Objects;

/**
 * A brake to be lifted or pulled. A rule whose brake is pulled acts as if in shadow.
 *
 * @param rule as the policy names it; empty with {@code policy}
 * @param policy the policy as a whole: each of its rules
 * @param pull pull it; false: lift it
 * @param definition to lift a brake that is for another declaration of the rule than that of the policy in force: as in
 *     {@link io.harrier.client.Status.Brake}; 0: that one
 * @param source who makes the change, such as {@code "analyst:7"}; may be empty
 * @param reason why; may be empty
 */
public record BrakeChange(
        String rule, boolean policy, boolean pull, long definition, String source, String reason) {
    /** Checks for null. */
    public BrakeChange {
        Objects.requireNonNull(rule, "rule");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(reason, "reason");
    }

    /**
     * Lifts the brake of a rule.
     *
     * @param rule as the policy names it
     * @return the change
     */
    public static BrakeChange lift(String rule) {
        return new BrakeChange(rule, false, false, 0, "", "");
    }

    /**
     * Pulls the brake of a rule.
     *
     * @param rule as the policy names it
     * @return the change
     */
    public static BrakeChange pull(String rule) {
        return new BrakeChange(rule, false, true, 0, "", "");
    }

    /**
     * The same change with its author and reason.
     *
     * @param source who makes it
     * @param reason why
     * @return the change
     */
    public BrakeChange by(String source, String reason) {
        return new BrakeChange(rule, policy, pull, definition, source, reason);
    }

    /**
     * The answer to a change.
     *
     * @param changed false if it was so already
     * @param position the change's position in the archive; 0 if nothing changed
     * @param definition the declaration that the brake is, or was, for
     */
    public record Changed(boolean changed, long position, long definition) {}
}
