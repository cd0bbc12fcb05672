package io.harrier.client;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.harrier.client.HarrierException.Decided;
import io.harrier.client.admin.BrakeChange;
import io.harrier.client.admin.Entity;
import io.harrier.client.admin.ListChange;
import io.harrier.client.admin.ListPage;
import io.harrier.client.admin.Reload;
import io.harrier.client.internal.ProtocolFault;
import io.harrier.client.internal.transport.Request;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Converts answers to the public types. Each method throws the error that the call ends with. */
final class Answers {
    /** Converts the answer to one kind of call. */
    @FunctionalInterface
    interface Converter<T> {
        T convert(Wire.Response response) throws ProtocolFault;
    }

    private Answers() {}

    /** Whether the answer may be an error for the whole request: all other answers can be decoded elsewhere. */
    static boolean mayBeError(byte[] answer) {
        try {
            CodedInputStream in = CodedInputStream.newInstance(answer);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                if (WireFormat.getTagFieldNumber(tag) == Wire.Response.ERROR_FIELD_NUMBER || !in.skipField(tag)) {
                    return true;
                }
            }
            return false;
        } catch (IOException invalid) {
            return true;
        }
    }

    /** The error for the whole request; null: it has none, or cannot be decoded. */
    static Wire.Error errorIn(byte[] answer) {
        try {
            Wire.Response response = Wire.Response.parseFrom(answer);
            return response.hasError() ? response.getError() : null;
        } catch (InvalidProtocolBufferException invalid) {
            return null;
        }
    }

    /** The answer to this request; throws the server's error, or that the answer cannot be used. */
    static <T> T decode(byte[] answer, Request request, Converter<T> converter) {
        Wire.Response response;
        try {
            response = Wire.Response.parseFrom(answer);
        } catch (InvalidProtocolBufferException invalid) {
            throw HarrierException.protocol("it cannot be decoded: " + invalid.getMessage());
        }
        if (response.hasError()) {
            throw error(response.getError());
        }
        if (!response.getAnswerCase().name().equalsIgnoreCase(request.call)) {
            throw HarrierException.protocol("it is to another call than " + request.call);
        }
        int count = count(response);
        if (count != request.count) {
            throw HarrierException.protocol(count + " results; expected " + request.count);
        }
        try {
            return converter.convert(response);
        } catch (ProtocolFault fault) {
            throw HarrierException.protocol(fault.getMessage());
        }
    }

    private static int count(Wire.Response response) {
        return switch (response.getAnswerCase()) {
            case SCORE -> response.getScore().getResultsCount();
            case REPORT_OUTCOME -> response.getReportOutcome().getResultsCount();
            case AMEND -> response.getAmend().getResultsCount();
            case CHANGE_LIST -> response.getChangeList().getResultsCount();
            default -> 0;
        };
    }

    static HarrierException error(Wire.Error error) {
        ErrorCode code = switch (error.getCode()) {
            case ERROR_INVALID -> ErrorCode.INVALID;
            case ERROR_UNSUPPORTED -> ErrorCode.UNSUPPORTED;
            case ERROR_NOT_FOUND -> ErrorCode.NOT_FOUND;
            case ERROR_ID_CONFLICT -> ErrorCode.ID_CONFLICT;
            case ERROR_TOO_LARGE -> ErrorCode.TOO_LARGE;
            case ERROR_DEADLINE -> ErrorCode.DEADLINE;
            // A call never ends with "not_primary". If a single transaction has it, no server took that one.
            case ERROR_UNAVAILABLE, ERROR_NOT_PRIMARY -> ErrorCode.UNAVAILABLE;
            case ERROR_DENIED -> ErrorCode.DENIED;
            case ERROR_OVERLOADED -> ErrorCode.OVERLOADED;
            default -> ErrorCode.INTERNAL;
        };
        Decided decided = code == ErrorCode.INTERNAL ? Decided.UNKNOWN : Decided.NO;
        return HarrierException.of(code, error.getField(), error.getMessage(), decided)
                .withFallback(Verdict.known(error.getFallbackValue()));
    }

    static List<Result<Decision>> decisions(Wire.Response response) throws ProtocolFault {
        List<Wire.ScoreResult> results = response.getScore().getResultsList();
        List<Result<Decision>> found = new ArrayList<>(results.size());
        for (Wire.ScoreResult result : results) {
            switch (result.getResultCase()) {
                case DECISION -> found.add(Result.of(decision(result.getDecision())));
                case ERROR -> found.add(Result.failed(error(result.getError())));
                default -> throw new ProtocolFault("a result is empty");
            }
        }
        return found;
    }

    static Decision decision(Wire.Decision d) throws ProtocolFault {
        return new Decision(
                d.getTransactionId(), Verdict.required(d.getVerdictValue()), d.getScore(), reasons(d.getReasonsList()),
                d.getSnapshotId(), d.getGenerationId(), d.getPosition(), d.getDegraded(), d.getDegradedReason(),
                d.getDuplicate(), d.getDryRun(), Times.duration(Integer.toUnsignedLong(d.getServerUs())),
                d.getRuleErrors(), values(d.getFeaturesList()), false, null, List.copyOf(d.getFailedRulesList()),
                arm(d.getArmValue()));
    }

    /** One that is not known is none: nobody has to understand it to act on the verdict. */
    static String arm(int number) {
        return switch (number) {
            case Wire.Arm.ARM_CHAMPION_VALUE -> "champion";
            case Wire.Arm.ARM_CHALLENGER_VALUE -> "challenger";
            default -> "";
        };
    }

    private static List<Reason> reasons(List<Wire.Reason> given) throws ProtocolFault {
        if (given.isEmpty()) {
            return List.of();
        }
        Reason[] reasons = new Reason[given.size()];
        for (int i = 0; i < reasons.length; i++) {
            Wire.Reason r = given.get(i);
            reasons[i] = new Reason(
                    r.getRule(), r.getText(), r.getScore(), Verdict.optional(r.getVerdictValue()), r.getShadow(),
                    r.getSuppressed(), List.copyOf(r.getTagsList()), r.getGroup(), r.getCapped(),
                    Verdict.optional(r.getVerdictIfLiveValue()));
        }
        return List.of(reasons);
    }

    static List<NamedValue> values(List<Wire.NamedValue> given) {
        return given.stream().map(one -> new NamedValue(one.getName(), value(one))).toList();
    }

    /** Null if it is absent. */
    static Object value(Wire.NamedValue value) {
        return switch (value.getValueCase()) {
            case FLAG -> (Object) value.getFlag();
            case INTEGER -> value.getInteger();
            case NUMBER -> value.getNumber();
            case TEXT -> value.getText();
            case TIMESTAMP_US -> Times.exactly(value.getTimestampUs());
            case DURATION_US -> Times.duration(value.getDurationUs());
            default -> null;
        };
    }

    static List<Result<Outcome.Accepted>> outcomes(Wire.Response response) throws ProtocolFault {
        List<Result<Outcome.Accepted>> found = new ArrayList<>(response.getReportOutcome().getResultsCount());
        for (Wire.OutcomeResult result : response.getReportOutcome().getResultsList()) {
            switch (result.getResultCase()) {
                case ACCEPTED -> {
                    Wire.OutcomeAccepted a = result.getAccepted();
                    found.add(Result.of(new Outcome.Accepted(
                            a.getTransactionId(), a.getPosition(), a.getChanged(), Label.of(a.getPreviousValue()))));
                }
                case ERROR -> found.add(Result.failed(error(result.getError())));
                default -> throw new ProtocolFault("a result is empty");
            }
        }
        return found;
    }

    static List<Result<Amendment.Accepted>> amendments(Wire.Response response) throws ProtocolFault {
        List<Result<Amendment.Accepted>> found = new ArrayList<>(response.getAmend().getResultsCount());
        for (Wire.AmendmentResult result : response.getAmend().getResultsList()) {
            switch (result.getResultCase()) {
                case ACCEPTED -> {
                    Wire.AmendmentAccepted a = result.getAccepted();
                    found.add(Result.of(new Amendment.Accepted(
                            a.getTransactionId(), a.getPosition(), a.getChanged(),
                            Amendment.AmendedTransaction.of(a.getPrevious()),
                            Amendment.AmendedTransaction.of(a.getNow()))));
                }
                case ERROR -> found.add(Result.failed(error(result.getError())));
                default -> throw new ProtocolFault("a result is empty");
            }
        }
        return found;
    }

    static Entity entity(Wire.Response response) {
        Wire.GetEntityResponse e = response.getGetEntity();
        return new Entity(
                values(e.getFeaturesList()), Times.ofMicros(e.getNewestTimeUs()), e.getEntries(), e.getStateBytes(),
                e.getStateHash(), Times.ofMicros(e.getAtTimeUs()));
    }

    static Status status(Wire.Response response) {
        Wire.StatusResponse s = response.getStatus();
        Map<Label, Long> labels = new EnumMap<>(Label.class);
        for (Wire.LabelCount one : s.getLabelsList()) {
            try {
                labels.put(Label.of(one.getLabelValue()), one.getTransactions());
            } catch (ProtocolFault newer) {
                continue; // a figure about a label of a newer server
            }
        }
        return new Status(
                s.getVersion(), s.getState(), s.getStateReason(), Times.ofMicros(s.getStartedTimeUs()),
                new Status.Policy(
                        s.getPolicyName(), s.getSnapshotId(), s.getReloadError(),
                        Times.ofMicros(s.getRefusedSinceTimeUs()),
                        new Status.Warming(
                                List.copyOf(s.getWarmingFeaturesList()), s.getWarmingFeatureCount(),
                                List.copyOf(s.getWarmingRulesList()), s.getWarmingRuleCount())),
                new Status.Tables(
                        s.getGenerationId(), s.getGenerationPosition(), Times.ofMicros(s.getGenerationTimeUs()),
                        s.getStale(), s.getSwapState(), s.getSwapReason(), s.getComparedEntities(),
                        s.getDifferingEntities()),
                new Status.Archive(
                        s.getPosition(), s.getSyncedPosition(), s.getTransactions(), s.getOutcomes(),
                        Map.copyOf(labels), Times.ofMicros(s.getNewestEventTimeUs())),
                new Status.Overlay(s.getOverlayEntities(), s.getOverlayBytes(), s.getOverlayMemoryBytes()),
                new Status.Cluster(s.getNode(), s.getPrimary(), s.getCommittedPosition()), s.getStateHash(),
                s.getDuplicates(), s.getRejected(),
                s.getBrakesList().stream()
                        .map(b -> new Status.Brake(
                                b.getRule(), b.getDefinition(), b.getApplies(), Times.ofMicros(b.getPulledTimeUs()),
                                b.getPosition(), b.getSource(), b.getReason()))
                        .toList(),
                s.getBrakeCount(), s.getSourcesList().stream().map(Answers::source).toList(),
                s.getOtherSourceTransactions());
    }

    private static Status.Source source(Wire.SourceStatus s) {
        return new Status.Source(
                s.getSource(), s.getTransactions(), Times.ofMicros(s.getLastReceiveTimeUs()), s.getFirst(), s.getHighest(),
                s.getGaps(), s.getMissed(), s.getLate(), s.getRepeats(), s.getRestarts(),
                s.getMissingList().stream().map(r -> new Status.SourceRange(r.getFirst(), r.getLast())).toList());
    }

    static BrakeChange.Changed brake(Wire.Response response) {
        Wire.ChangeBrakeResponse c = response.getChangeBrake();
        return new BrakeChange.Changed(c.getChanged(), c.getPosition(), c.getDefinition());
    }

    static List<Result<ListChange.Changed>> changes(Wire.Response response) throws ProtocolFault {
        List<Result<ListChange.Changed>> found = new ArrayList<>(response.getChangeList().getResultsCount());
        for (Wire.ListChangeResult result : response.getChangeList().getResultsList()) {
            switch (result.getResultCase()) {
                case CHANGED -> {
                    Wire.ListChanged c = result.getChanged();
                    found.add(Result.of(new ListChange.Changed(
                            c.getList(), c.getValue(), c.getPosition(), c.getChanged(), c.getWasThere(),
                            Times.ofMicros(c.getPreviousExpiryTimeUs()), c.getInPolicy())));
                }
                case ERROR -> found.add(Result.failed(error(result.getError())));
                default -> throw new ProtocolFault("a result is empty");
            }
        }
        return found;
    }

    static ListPage list(Wire.Response response) {
        Wire.GetListResponse page = response.getGetList();
        List<ListPage.Summary> lists = page.getListsList().stream()
                .map(l -> new ListPage.Summary(
                        l.getList(), l.getType(), l.getAbout(), l.getDeclared(), l.getRuntime(), l.getFile(),
                        l.getPolicyEntries(), l.getAddedEntries(), l.getUsedEntries(), l.getChanges(),
                        Times.ofMicros(l.getLastChangeTimeUs())))
                .toList();
        List<ListPage.Entry> entries = page.getEntriesList().stream()
                .map(e -> new ListPage.Entry(
                        e.getValue(), Times.ofMicros(e.getExpiryTimeUs()), e.getPosition(),
                        Times.ofMicros(e.getReceiveTimeUs()), e.getSource(), e.getReason()))
                .toList();
        return new ListPage(lists, entries, page.getNextPosition());
    }

    static Reload reload(Wire.Response response) throws ProtocolFault {
        Wire.ReloadResponse r = response.getReload();
        List<Reload.Shadow> shadows = new ArrayList<>();
        for (Wire.ShadowReload s : r.getShadowsList()) {
            shadows.add(new Reload.Shadow(
                    s.getFolder(), reloadResult(s.getResultValue()), s.getPolicyName(), s.getSnapshotId(),
                    s.getError(), s.getMessages()));
        }
        return new Reload(
                reloadResult(r.getResultValue()), r.getPolicyName(), r.getSnapshotId(), r.getError(), r.getMessages(),
                new Status.Warming(
                        List.copyOf(r.getWarmingFeaturesList()), r.getWarmingFeatureCount(),
                        List.copyOf(r.getWarmingRulesList()), r.getWarmingRuleCount()),
                List.copyOf(shadows));
    }

    private static Reload.Result reloadResult(int number) throws ProtocolFault {
        Reload.Result[] results = Reload.Result.values();
        if (number < 0 || number >= results.length) {
            throw new ProtocolFault("result " + number + " of a reload is not known");
        }
        return results[number]; // in the order of their numbers
    }
}
