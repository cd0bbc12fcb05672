package io.harrier.client;

import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.Findings;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.wire.Wire;
import java.util.ArrayList;
import java.util.List;

/** Converts queries and answers of find. */
final class Searches {
    private static final long UINT32_MAX = 0xffffffffL;

    private Searches() {}

    static Wire.FindRequest request(FindQuery query) {
        Wire.FindRequest.Builder call = Wire.FindRequest.newBuilder()
                .setFromUs(Times.toMicros(query.from(), "from_us"))
                .setUntilUs(Times.toMicros(query.until(), "until_us"))
                .setReceivedFromUs(Times.toMicros(query.receivedFrom(), "received_from_us"))
                .setReceivedUntilUs(Times.toMicros(query.receivedUntil(), "received_until_us"))
                .setCurrency(Texts.check("currency", query.currency()))
                .setRule(Texts.check("rule", query.rule()))
                .setShadow(query.shadow())
                .setTransactionId(Texts.check("transaction_id", query.transactionId()))
                .setLimit((int) unsigned("limit", query.limit()))
                .setCursor(Texts.check("cursor", query.cursor()));
        query.verdicts().forEach(verdict -> call.addVerdicts(verdict.wire));
        query.labels().forEach(label -> call.addLabels(label.wire));
        query.keys().forEach((field, value) -> call.addKeys(Wire.FindKey.newBuilder()
                .setField(Texts.check("keys", field))
                .setValue(Texts.check("keys", value))));
        if (query.score() != null) {
            call.setScore(Wire.ScoreRange.newBuilder()
                    .setMin((int) unsigned("score", query.score().min()))
                    .setMax((int) unsigned("score", query.score().max())));
        }
        if (query.amountMinor() != null) {
            call.setAmount(Wire.AmountRange.newBuilder()
                    .setMinMinor(query.amountMinor().min())
                    .setMaxMinor(query.amountMinor().max()));
        }
        return call.build();
    }

    private static long unsigned(String field, long number) {
        if (number < 0 || number > UINT32_MAX) {
            throw HarrierException.invalid(field, number + "; expected 0 to " + UINT32_MAX);
        }
        return number;
    }

    static Findings findings(Wire.Response response) throws ProtocolFault {
        Wire.FindResponse given = response.getFind();
        List<Findings.Found> found = new ArrayList<>(given.getTransactionsCount());
        for (Wire.FoundTransaction one : given.getTransactionsList()) {
            if (!one.hasTransaction() || !one.hasDecision()) {
                throw new ProtocolFault("a found transaction lacks its transaction or its decision");
            }
            found.add(new Findings.Found(
                    Explanations.transaction(one.getTransaction()), Answers.decision(one.getDecision()),
                    Times.ofMicros(one.getReceiveTimeUs()), Label.of(one.getLabelValue()),
                    Times.ofMicros(one.getOutcomeReceiveTimeUs()), Times.ofMicros(one.getOutcomeKnownTimeUs()),
                    one.hasAmended() ? Amendment.AmendedTransaction.of(one.getAmended()) : null,
                    Times.ofMicros(one.getAmendedTimeUs())));
        }
        return new Findings(List.copyOf(found), given.getCursor(), given.getIncomplete());
    }
}
