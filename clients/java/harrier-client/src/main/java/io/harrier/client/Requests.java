package io.harrier.client;

import io.harrier.client.admin.BrakeChange;
import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.ListChange;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.wire.Wire;
import java.util.List;

/** Makes the requests of all calls but scores, with the generated code. */
final class Requests {
    static final int ITEMS_MAX = 1000;
    static final int SIZE_MAX = 2 << 20;

    private Requests() {}

    static void checkCount(int count, String what) {
        if (count == 0) {
            throw HarrierException.invalid(what, "no " + what + "; expected 1 to " + ITEMS_MAX);
        }
        if (count > ITEMS_MAX) {
            throw HarrierException.of(
                    ErrorCode.TOO_LARGE, what, count + " " + what + "; expected at most " + ITEMS_MAX,
                    HarrierException.Decided.NO);
        }
    }

    /** The server may close the connection, which others share, for a larger one. */
    static Request of(String call, int count, boolean writes, byte[] body, int length, String traceparent) {
        int most = length + Request.HEAD_MAX;
        if (most > SIZE_MAX) {
            throw HarrierException.of(
                    ErrorCode.TOO_LARGE, "", "a request of " + most + " bytes; expected at most " + SIZE_MAX,
                    HarrierException.Decided.NO);
        }
        return new Request(call, count, writes, body, length, traceparent);
    }

    static Request outcomes(List<Outcome> outcomes, CallOptions options) {
        checkCount(outcomes.size(), "outcomes");
        Wire.ReportOutcomeRequest.Builder call = Wire.ReportOutcomeRequest.newBuilder();
        for (Outcome outcome : outcomes) {
            call.addOutcomes(Wire.Outcome.newBuilder()
                    .setTransactionId(Texts.check("transaction_id", outcome.transactionId()))
                    .setLabel(outcome.label().wire)
                    .setKnownTimeUs(Times.toMicros(outcome.knownTime(), "known_time_us"))
                    .setSource(Texts.check("source", outcome.source())));
        }
        return make("report_outcome", outcomes.size(), Wire.Request.newBuilder().setReportOutcome(call), options);
    }

    static Request amendments(List<Amendment> amendments, CallOptions options) {
        checkCount(amendments.size(), "amendments");
        Wire.AmendRequest.Builder call = Wire.AmendRequest.newBuilder();
        for (Amendment amendment : amendments) {
            call.addAmendments(Wire.Amendment.newBuilder()
                    .setTransactionId(Texts.check("transaction_id", amendment.transactionId()))
                    .setKind(amendment.kind().wire)
                    .setAmountMinor(amendment.amountMinor())
                    .setKnownTimeUs(Times.toMicros(amendment.knownTime(), "known_time_us"))
                    .setSource(Texts.check("source", amendment.source()))
                    .setCurrency(Texts.check("currency", amendment.currency())));
        }
        return make("amend", amendments.size(), Wire.Request.newBuilder().setAmend(call), options);
    }

    static Request status(CallOptions options) {
        Wire.StatusRequest call = Wire.StatusRequest.newBuilder().setStateHash(options.stateHash).build();
        return make("status", 0, Wire.Request.newBuilder().setStatus(call), options);
    }

    static Request entity(String entity, List<String> key, CallOptions options) {
        Wire.GetEntityRequest.Builder call = Wire.GetEntityRequest.newBuilder()
                .setEntity(Texts.check("entity", entity))
                .setAtTimeUs(Times.toMicros(options.atTime, "at_time_us"));
        for (String part : key) {
            call.addKey(Texts.check("key", part));
        }
        return make("get_entity", 0, Wire.Request.newBuilder().setGetEntity(call), options);
    }

    static Request changes(List<ListChange> changes, CallOptions options) {
        checkCount(changes.size(), "changes");
        Wire.ChangeListRequest.Builder call = Wire.ChangeListRequest.newBuilder();
        for (ListChange change : changes) {
            call.addChanges(Wire.ListChange.newBuilder()
                    .setList(Texts.check("list", change.list()))
                    .setValue(Texts.check("value", change.value()))
                    .setRemove(change.remove())
                    .setExpiryTimeUs(Times.toMicros(change.expiryTime(), "expiry_time_us"))
                    .setSource(Texts.check("source", change.source()))
                    .setReason(Texts.check("reason", change.reason())));
        }
        return make("change_list", changes.size(), Wire.Request.newBuilder().setChangeList(call), options);
    }

    static Request list(String list, long afterPosition, int limit, CallOptions options) {
        if (limit < 0) {
            throw HarrierException.invalid("limit", limit + "; expected at least 0");
        }
        Wire.GetListRequest call = Wire.GetListRequest.newBuilder()
                .setList(Texts.check("list", list))
                .setAfterPosition(afterPosition)
                .setLimit(limit)
                .build();
        return make("get_list", 0, Wire.Request.newBuilder().setGetList(call), options);
    }

    static Request brake(BrakeChange change, CallOptions options) {
        Wire.ChangeBrakeRequest call = Wire.ChangeBrakeRequest.newBuilder()
                .setRule(Texts.check("rule", change.rule()))
                .setPolicy(change.policy())
                .setPull(change.pull())
                .setDefinition(change.definition())
                .setSource(Texts.check("source", change.source()))
                .setReason(Texts.check("reason", change.reason()))
                .build();
        return make("change_brake", 0, Wire.Request.newBuilder().setChangeBrake(call), options);
    }

    static Request reload(boolean wait, CallOptions options) {
        Wire.ReloadRequest call = Wire.ReloadRequest.newBuilder().setWait(wait).build();
        return make("reload", 0, Wire.Request.newBuilder().setReload(call), options);
    }

    static Request explain(String transactionId, CallOptions options) {
        Wire.ExplainRequest call = Wire.ExplainRequest.newBuilder()
                .setTransactionId(Texts.check("transaction_id", transactionId))
                .build();
        return make("explain", 0, Wire.Request.newBuilder().setExplain(call), options);
    }

    static Request find(FindQuery query, CallOptions options) {
        return make("find", 0, Wire.Request.newBuilder().setFind(Searches.request(query)), options);
    }

    private static Request make(String call, int count, Wire.Request.Builder message, CallOptions options) {
        byte[] body = message.build().toByteArray();
        // Outcomes, amendments and list changes have results; the others have none.
        boolean writes = count > 0 || call.equals("change_brake");
        return of(call, count, writes, body, body.length, options.traceparent);
    }
}
