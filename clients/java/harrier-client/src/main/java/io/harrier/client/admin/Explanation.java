package io.harrier.client.admin;

import io.harrier.client.Amendment.AmendedTransaction;
import io.harrier.client.Decision;
import io.harrier.client.Label;
import io.harrier.client.NamedValue;
import io.harrier.client.Transaction;
import io.harrier.client.Verdict;
import java.time.Instant;
import java.util.List;

/**
 * A decision, derived again from the archive, with everything that went into it.
 *
 * @param transaction the transaction as archived
 * @param position of its archive record
 * @param receiveTime when the server received it
 * @param archived the decision as archived, without features
 * @param equal the derived decision is bit for bit the archived one
 * @param difference otherwise how they differ, archived → derived
 * @param history what the derivation read
 * @param entities the entities of the transaction
 * @param outcomes outcomes reported after the decision, which could not influence it
 * @param amendments amendments reported after the decision, which could not influence it
 * @param notes sentences that the reader should know
 * @param policy the decision derived with the policy that was in force
 * @param experiment the name of the one whose arm the decision names; empty: it names none
 */
public record Explanation(
        Transaction transaction,
        long position,
        Instant receiveTime,
        Decision archived,
        boolean equal,
        String difference,
        History history,
        List<Entity> entities,
        List<ReportedOutcome> outcomes,
        List<ReportedAmendment> amendments,
        List<String> notes,
        Policy policy,
        String experiment) {

    /**
     * What the derivation read: positions of the archive.
     *
     * @param policyPosition the record of the policy that decided
     * @param generationId the tables that it was decided on; 0: none
     * @param generationPosition the position that they were built for
     * @param adoptedPosition the record of their adoption
     * @param basePosition where the history was folded from; 0: the first record
     * @param recordsRead records read
     * @param recordsApplied those of them that concern the transaction's entities
     */
    public record History(
            long policyPosition,
            long generationId,
            long generationPosition,
            long adoptedPosition,
            long basePosition,
            long recordsRead,
            long recordsApplied) {}

    /**
     * An entity of the transaction.
     *
     * @param name as the policy names it
     * @param key its key; the parts of a key of several fields are separated by {@code ", "}
     * @param entries transactions that its state held
     * @param newestTime event time of the newest of them; null: none
     * @param applied records applied to its state from the tables
     * @param inTables the tables had a state of it
     */
    public record Entity(
            String name, String key, long entries, Instant newestTime, long applied, boolean inTables) {}

    /**
     * An outcome in the archive.
     *
     * @param position of its record
     * @param receiveTime when the server received it
     * @param knownTime when it became known
     * @param previous the label until then
     * @param label the label from then on
     * @param source where it comes from
     */
    public record ReportedOutcome(
            long position, Instant receiveTime, Instant knownTime, Label previous, Label label, String source) {}

    /**
     * An amendment in the archive.
     *
     * @param position of its record
     * @param receiveTime when the server received it
     * @param knownTime when it became known
     * @param previous what the transaction was until then
     * @param now what it was from then on
     * @param source where it comes from
     */
    public record ReportedAmendment(
            long position,
            Instant receiveTime,
            Instant knownTime,
            AmendedTransaction previous,
            AmendedTransaction now,
            String source) {}

    /**
     * A decision derived with a policy.
     *
     * @param name the policy's name
     * @param snapshotId its id
     * @param refusal why it refuses the transaction, and then nothing after refusedField is set; else empty
     * @param refusedField the field that it refuses
     * @param decision with all features and computed values; null if the policy refuses the transaction
     * @param fields the fields of the transaction as expressions read them
     * @param computed how the computed values came about
     * @param rules all rules, in the policy's order
     * @param groups the groups of rules
     * @param cutoffs the smallest score of each verdict, in rising severity
     * @param shadows the decisions of shadow policies
     * @param warmingFeatures features without history in the tables
     * @param models what each input contributed to each output of each model
     */
    public record Policy(
            String name,
            long snapshotId,
            String refusal,
            String refusedField,
            Decision decision,
            List<NamedValue> fields,
            List<Computed> computed,
            List<Rule> rules,
            List<Group> groups,
            List<Cutoff> cutoffs,
            List<Shadow> shadows,
            List<String> warmingFeatures,
            List<Model> models) {}

    /** What a part of an expression is. */
    public enum PartKind {
        /** Arithmetic, functions, indexing, and kinds that this client does not know. */
        OTHER,
        /** A field, feature or computed value. */
        NAME,
        /** has(…). */
        HAS,
        /** Membership of a list. */
        LIST,
        /** A threshold. */
        THRESHOLD,
        /** A comparison. */
        COMPARISON,
        /** a &amp;&amp; b. */
        AND,
        /** a || b. */
        OR,
        /** !a. */
        NOT,
        /** a ? b : c. */
        CONDITIONAL,
        /** A macro over a list. */
        MACRO,
        /** What a macro evaluates for each item. */
        EACH
    }

    /** Where a threshold's value comes from. */
    public enum ThresholdOrigin {
        /** Not a threshold. */
        NONE,
        /** The policy's own value. */
        FALLBACK,
        /** Computed with the tables, over all groups. */
        OVERALL,
        /** Computed with the tables, for the transaction's group. */
        GROUP
    }

    /**
     * A part of an expression. Parts are in the order in which they are written, each followed by its own parts.
     *
     * @param text as written in the policy
     * @param depth 0: the whole expression
     * @param kind what it is
     * @param type the type of its value, such as {@code "bool"}, {@code "absent"} or {@code "error"}
     * @param value its value, as in {@link NamedValue}; null if it has none
     * @param error why there is no value
     * @param reached it was evaluated
     * @param decides the result of the whole follows from it
     * @param list of kind LIST: the name of the list
     * @param added of kind LIST: the value is in the list only because it was added at run time
     * @param origin of kind THRESHOLD: where the value comes from
     */
    public record Part(
            String text,
            int depth,
            PartKind kind,
            String type,
            Object value,
            String error,
            boolean reached,
            boolean decides,
            String list,
            boolean added,
            ThresholdOrigin origin) {}

    /**
     * A computed value.
     *
     * @param name its name
     * @param parts of its expression; the first is the whole
     */
    public record Computed(String name, List<Part> parts) {}

    /** Whether a rule has effect. */
    public enum RuleMode {
        /** It has. */
        LIVE,
        /** It is only reported. */
        SHADOW,
        /** It is switched off. */
        OFF
    }

    /** What became of a rule. */
    public enum RuleFate {
        /** Its condition is false. */
        FALSE,
        /** Its condition depends on something that is absent. */
        ABSENT,
        /** Its condition could not be evaluated. */
        ERROR,
        /** It fired, with effect. */
        FIRED,
        /** A shadow rule that fired: without effect. */
        SHADOW,
        /** It fired, but also recently for the same entity: without effect. */
        SUPPRESSED,
        /** It or its group is switched off. */
        OFF,
        /** The transaction is before the rule's start. */
        EARLY,
        /** The transaction is not before the rule's end. */
        OVER,
        /** Its condition is true, but its rollout excludes this key. */
        LEFT_OUT
    }

    /**
     * A rule.
     *
     * @param name its name
     * @param about its description
     * @param file the file in the policy's folder
     * @param line the line in that file
     * @param mode whether it has effect
     * @param fate what became of it
     * @param verdict what it asks for; null: it only adds to the score
     * @param verdictOnError what it asks for if its condition cannot be evaluated; null: nothing
     * @param score its score
     * @param group its group; empty: none
     * @param reason its reason, if it fired
     * @param capped as in {@link io.harrier.client.Reason}
     * @param verdictIfLive as in {@link io.harrier.client.Reason}
     * @param from it applies to event times from here on; null: no bound
     * @param until it applies to event times before this; null: no bound
     * @param rollout the share of keys that it applies to, in hundredths of a percent
     * @param rolloutKey the field whose values are these keys
     * @param parts of its condition; the first is the whole
     * @param braked in shadow by its brake; live in the policy
     */
    public record Rule(
            String name,
            String about,
            String file,
            int line,
            RuleMode mode,
            RuleFate fate,
            Verdict verdict,
            Verdict verdictOnError,
            int score,
            String group,
            String reason,
            int capped,
            Verdict verdictIfLive,
            Instant from,
            Instant until,
            int rollout,
            String rolloutKey,
            List<Part> parts,
            boolean braked) {}

    /**
     * A group of rules.
     *
     * @param name its name
     * @param about its description
     * @param greatest the greatest of its rules' scores counts; else their sum
     * @param limited it has a limit
     * @param atMost the most that it may add to the score
     * @param asked the greatest or the sum
     * @param counted what was added to the score
     */
    public record Group(
            String name, String about, boolean greatest, boolean limited, int atMost, long asked, long counted) {}

    /**
     * The smallest score with a verdict.
     *
     * @param verdict the verdict
     * @param score the score
     * @param computed by a rebuild from the policy's budget; else stated in the policy
     */
    public record Cutoff(Verdict verdict, int score, boolean computed) {}

    /**
     * The decision of a shadow policy, or with an arm that of the other side of the experiment.
     *
     * @param name the policy
     * @param snapshotId its id
     * @param verdict null: it refuses the transaction
     * @param score its score
     * @param rules that had effect
     * @param ruleErrors rules whose evaluation failed
     * @param degraded it lacked features
     * @param arm as in {@link Decision}
     */
    public record Shadow(
            String name,
            long snapshotId,
            Verdict verdict,
            int score,
            List<String> rules,
            int ruleErrors,
            boolean degraded,
            String arm) {}

    /**
     * What the inputs contributed to a value of a model: SHAP values. Bias and contributions add up to the margin, up to
     * rounding.
     *
     * @param name as expressions write it: {@code models.fraud}, or {@code models.kind.stolen} for a class
     * @param inputs the greatest contribution first
     * @param bias the expected margin before any input is known
     * @param margin the margin
     */
    public record Model(String name, List<Input> inputs, double bias, double margin) {}

    /**
     * An input of a model.
     *
     * @param name as the model has it
     * @param value as in {@link NamedValue}; null: it is missing
     * @param contribution to the margin
     */
    public record Input(String name, Object value, double contribution) {}
}
