package io.harrier.client;

import io.harrier.client.admin.Explanation;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.wire.Wire;
import java.util.ArrayList;
import java.util.List;

/** Converts the answer of explain. */
final class Explanations {
    private Explanations() {}

    static Explanation explanation(Wire.Response response) throws ProtocolFault {
        Wire.ExplainResponse e = response.getExplain();
        if (!e.hasTransaction() || !e.hasArchived() || !e.hasThen()) {
            throw new ProtocolFault("an explanation lacks its transaction, its decision or its policy");
        }
        List<Explanation.Entity> entities = e.getEntitiesList().stream()
                .map(one -> new Explanation.Entity(
                        one.getName(), one.getKey(), one.getEntries(), Times.ofMicros(one.getNewestTimeUs()),
                        one.getApplied(), one.getInTables()))
                .toList();
        List<Explanation.ReportedOutcome> outcomes = new ArrayList<>();
        for (Wire.ExplainedOutcome one : e.getOutcomesList()) {
            outcomes.add(new Explanation.ReportedOutcome(
                    one.getPosition(), Times.ofMicros(one.getReceiveTimeUs()), Times.ofMicros(one.getKnownTimeUs()),
                    Label.of(one.getPreviousValue()), Label.of(one.getLabelValue()), one.getSource()));
        }
        List<Explanation.ReportedAmendment> amendments = e.getAmendmentsList().stream()
                .map(one -> new Explanation.ReportedAmendment(
                        one.getPosition(), Times.ofMicros(one.getReceiveTimeUs()),
                        Times.ofMicros(one.getKnownTimeUs()), Amendment.AmendedTransaction.of(one.getPrevious()),
                        Amendment.AmendedTransaction.of(one.getNow()), one.getSource()))
                .toList();
        return new Explanation(
                transaction(e.getTransaction()), e.getPosition(), Times.ofMicros(e.getReceiveTimeUs()),
                Answers.decision(e.getArchived()), e.getEqual(), e.getDifference(),
                new Explanation.History(
                        e.getPolicyPosition(), e.getGenerationId(), e.getGenerationPosition(),
                        e.getAdoptedPosition(), e.getBasePosition(), e.getRecordsRead(), e.getRecordsApplied()),
                entities, List.copyOf(outcomes), amendments, List.copyOf(e.getNotesList()), policy(e.getThen()),
                e.getExperiment());
    }

    static Transaction transaction(Wire.Transaction t) {
        Transaction.Builder made = Transaction.builder(t.getId())
                .eventTime(Times.ofMicros(t.getEventTimeUs()))
                .amount(t.getAmountMinor(), t.getCurrency())
                .card(t.getCard())
                .customer(t.getCustomer())
                .account(t.getAccount())
                .merchant(t.getMerchant())
                .terminal(t.getTerminal())
                .device(t.getDevice())
                .ip(t.getIp())
                .country(t.getCountry())
                .mcc(t.getMcc())
                .channel(t.getChannel())
                .email(t.getEmail())
                .phone(t.getPhone())
                .source(t.getSource(), t.getSequence());
        if (t.hasLocation()) {
            made.location(new Location(t.getLocation().getLatitudeE7(), t.getLocation().getLongitudeE7()));
        }
        for (Wire.Attribute a : t.getAttributesList()) {
            switch (a.getValueCase()) {
                case TEXT -> made.attribute(Attribute.of(a.getName(), a.getText()));
                case INTEGER -> made.attribute(Attribute.of(a.getName(), a.getInteger()));
                case NUMBER -> made.attribute(Attribute.of(a.getName(), a.getNumber()));
                case FLAG -> made.attribute(Attribute.of(a.getName(), a.getFlag()));
                default -> { } // the archive has none without a value
            }
        }
        return made.build();
    }

    private static Explanation.Policy policy(Wire.ExplainedPolicy p) throws ProtocolFault {
        List<Explanation.Computed> computed = p.getComputedList().stream()
                .map(one -> new Explanation.Computed(one.getName(), parts(one.getPartsList())))
                .toList();
        List<Explanation.Rule> rules = new ArrayList<>();
        for (Wire.ExplainedRule one : p.getRulesList()) {
            rules.add(rule(one));
        }
        List<Explanation.Group> groups = p.getGroupsList().stream()
                .map(g -> new Explanation.Group(
                        g.getName(), g.getAbout(), g.getGreatest(), g.getLimited(), g.getAtMost(), g.getAsked(),
                        g.getCounted()))
                .toList();
        List<Explanation.Cutoff> cutoffs = new ArrayList<>();
        for (Wire.ExplainedCutoff c : p.getCutoffsList()) {
            cutoffs.add(new Explanation.Cutoff(
                    Verdict.required(c.getVerdictValue()), c.getScore(), c.getComputed()));
        }
        List<Explanation.Shadow> shadows = new ArrayList<>();
        for (Wire.ExplainedShadow s : p.getShadowsList()) {
            shadows.add(new Explanation.Shadow(
                    s.getName(), s.getSnapshotId(), Verdict.optional(s.getVerdictValue()), s.getScore(),
                    List.copyOf(s.getRulesList()), s.getRuleErrors(), s.getDegraded(), Answers.arm(s.getArmValue())));
        }
        List<Explanation.Model> models = new ArrayList<>();
        for (Wire.ExplainedModel m : p.getModelsList()) {
            models.add(model(m));
        }
        return new Explanation.Policy(
                p.getName(), p.getSnapshotId(), p.getRefusal(), p.getRefusedField(),
                p.hasDecision() ? Answers.decision(p.getDecision()) : null, Answers.values(p.getFieldsList()),
                computed, List.copyOf(rules), groups, List.copyOf(cutoffs), List.copyOf(shadows),
                List.copyOf(p.getWarmingFeaturesList()), List.copyOf(models));
    }

    private static Explanation.Model model(Wire.ExplainedModel m) throws ProtocolFault {
        if (m.getInputsCount() != m.getContributionsCount()) {
            throw new ProtocolFault("a model has other inputs than contributions");
        }
        List<Explanation.Input> inputs = new ArrayList<>();
        for (int i = 0; i < m.getInputsCount(); i++) {
            Wire.NamedValue input = m.getInputs(i);
            inputs.add(new Explanation.Input(input.getName(), Answers.value(input), m.getContributions(i)));
        }
        return new Explanation.Model(m.getName(), List.copyOf(inputs), m.getBias(), m.getMargin());
    }

    private static Explanation.Rule rule(Wire.ExplainedRule r) throws ProtocolFault {
        return new Explanation.Rule(
                r.getName(), r.getAbout(), r.getFile(), r.getLine(),
                known(Explanation.RuleMode.values(), r.getModeValue(), "mode of a rule"),
                known(Explanation.RuleFate.values(), r.getFateValue(), "fate of a rule"),
                Verdict.optional(r.getVerdictValue()), Verdict.optional(r.getVerdictOnErrorValue()), r.getScore(),
                r.getGroup(), r.getReason(), r.getCapped(), Verdict.optional(r.getVerdictIfLiveValue()),
                Times.ofMicros(r.getFromUs()), Times.ofMicros(r.getUntilUs()), r.getRollout(), r.getRolloutKey(),
                parts(r.getPartsList()), r.getBraked());
    }

    private static List<Explanation.Part> parts(List<Wire.ExplainedPart> given) {
        return given.stream()
                .map(p -> new Explanation.Part(
                        p.getText(), p.getDepth(), orFirst(Explanation.PartKind.values(), p.getKindValue()),
                        p.getType(), Answers.value(p.getValue()), p.getError(), p.getReached(), p.getDecides(),
                        p.getList(), p.getAdded(), orFirst(Explanation.ThresholdOrigin.values(), p.getOriginValue())))
                .toList();
    }

    /** The enums are in the order of their numbers. */
    private static <E> E known(E[] values, int number, String what) throws ProtocolFault {
        if (number < 0 || number >= values.length) {
            throw new ProtocolFault(what + ": " + number + " is not known");
        }
        return values[number];
    }

    private static <E> E orFirst(E[] values, int number) {
        return number < 0 || number >= values.length ? values[0] : values[number];
    }
}
