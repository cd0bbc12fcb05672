package harrier

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"go.nanomsg.org/mangos/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// Conversion between the public types and protobuf's. Only this file and analyst_codec.go read and make messages of the
// generated code.

const (
	protocolVersion = 1
	itemsMax        = 1000
	requestSizeMax  = 2 << 20
	responseSizeMax = 8 << 20
	tokenMax        = 256

	// Fields of Request that are written anew at each sending.
	fieldProtocol    protowire.Number = 1
	fieldDeadline    protowire.Number = 2
	fieldToken       protowire.Number = 3
	fieldTraceparent protowire.Number = 4
	// The most bytes that they take: protocol, deadline, token, traceparent.
	headSizeMax = 2 + 11 + 3 + tokenMax + 2 + 55
)

var (
	verdicts = map[wire.Verdict]Verdict{
		wire.Verdict_VERDICT_APPROVE:   Approve,
		wire.Verdict_VERDICT_REVIEW:    Review,
		wire.Verdict_VERDICT_CHALLENGE: Challenge,
		wire.Verdict_VERDICT_DECLINE:   Decline,
	}
	labels = map[wire.Label]Label{
		wire.Label_LABEL_NONE:       NoOutcome,
		wire.Label_LABEL_LEGIT:      Legit,
		wire.Label_LABEL_FRAUD:      Fraud,
		wire.Label_LABEL_CHARGEBACK: Chargeback,
		wire.Label_LABEL_SUSPECTED:  Suspected,
	}
	labelNumbers   = make(map[Label]wire.Label)
	verdictNumbers = make(map[Verdict]wire.Verdict)
	kindNumbers    = map[AmendmentKind]wire.AmendmentKind{
		"":      wire.AmendmentKind_AMENDMENT_UNSPECIFIED, // the server refuses this amendment alone
		Void:    wire.AmendmentKind_AMENDMENT_VOID,
		Capture: wire.AmendmentKind_AMENDMENT_CAPTURE,
		Refund:  wire.AmendmentKind_AMENDMENT_REFUND,
		Restore: wire.AmendmentKind_AMENDMENT_RESTORE,
	}
	codes = map[wire.ErrorCode]Code{
		wire.ErrorCode_ERROR_INVALID:     ErrInvalid,
		wire.ErrorCode_ERROR_UNSUPPORTED: ErrUnsupported,
		wire.ErrorCode_ERROR_NOT_FOUND:   ErrNotFound,
		wire.ErrorCode_ERROR_ID_CONFLICT: ErrIDConflict,
		wire.ErrorCode_ERROR_TOO_LARGE:   ErrTooLarge,
		wire.ErrorCode_ERROR_DEADLINE:    ErrDeadline,
		wire.ErrorCode_ERROR_UNAVAILABLE: ErrUnavailable,
		wire.ErrorCode_ERROR_INTERNAL:    ErrInternal,
		wire.ErrorCode_ERROR_DENIED:      ErrDenied,
		wire.ErrorCode_ERROR_OVERLOADED:  ErrOverloaded,
		// Never a caller's: calls go to the primary. In the result of a single transaction: nothing happened.
		wire.ErrorCode_ERROR_NOT_PRIMARY: ErrUnavailable,
	}
)

func init() {
	for number, label := range labels {
		labelNumbers[label] = number
	}
	for number, verdict := range verdicts {
		verdictNumbers[verdict] = number
	}
}

func (v Verdict) known() bool {
	return v == Approve || v == Review || v == Challenge || v == Decline
}

// ---------------------------------------------------------------------------------------------------------------
// Requests

// request is the part of a call that does not change when it is sent again.
type request struct {
	call        string // its name in metrics
	count       int    // results that the answer must have; 0: calls without results
	body        []byte // the encoded field of Request's oneof
	traceparent string
	dryRun      bool
}

// writes returns whether only the primary answers it. A standby answers what only reads, and may answer a dry run.
func (r *request) writes() bool {
	switch r.call {
	case "score":
		return !r.dryRun
	case "report_outcome", "change_list", "change_brake", "amend":
		return true
	}
	return false
}

func newRequest(call string, count int, message *wire.Request) (*request, error) {
	body, err := proto.Marshal(message)
	if err != nil {
		return nil, invalid("", err.Error())
	}
	return encodedRequest(call, count, body)
}

func encodedRequest(call string, count int, body []byte) (*request, error) {
	if size := len(body) + headSizeMax; size > requestSizeMax {
		return nil, &Error{Code: ErrTooLarge,
			Message: fmt.Sprintf("a request of %d bytes; expected at most %d", size, requestSizeMax)}
	}
	return &request{call: call, count: count, body: body}, nil
}

// appendTo encodes the request with the time that is left. The fields are in the order of their numbers.
func (r *request) appendTo(data []byte, left time.Duration, token string) []byte {
	data = protowire.AppendTag(data, fieldProtocol, protowire.VarintType)
	data = protowire.AppendVarint(data, protocolVersion)
	microseconds := left.Microseconds()
	if microseconds < 1 {
		microseconds = 1 // 0 would mean: no deadline
	}
	data = protowire.AppendTag(data, fieldDeadline, protowire.VarintType)
	data = protowire.AppendVarint(data, uint64(microseconds))
	if token != "" {
		data = protowire.AppendTag(data, fieldToken, protowire.BytesType)
		data = protowire.AppendString(data, token)
	}
	if r.traceparent != "" {
		data = protowire.AppendTag(data, fieldTraceparent, protowire.BytesType)
		data = protowire.AppendString(data, r.traceparent)
	}
	return append(data, r.body...)
}

func (r *request) message(left time.Duration, token string) *mangos.Message {
	message := mangos.NewMessage(len(r.body) + headSizeMax)
	message.Body = r.appendTo(message.Body, left, token)
	return message
}

func checkCount(count int, what string) error {
	if count == 0 {
		return invalid(what, fmt.Sprintf("no %s; expected 1 to %d", what, itemsMax))
	}
	if count > itemsMax {
		return &Error{Code: ErrTooLarge, Field: what,
			Message: fmt.Sprintf("%d %s; expected at most %d", count, what, itemsMax)}
	}
	return nil
}

type text struct{ field, value string }

func checkEach(texts ...text) error {
	for _, one := range texts {
		if !utf8.ValidString(one.value) {
			return invalid(one.field, "expected UTF-8")
		}
	}
	return nil
}

// microseconds is 0 for the zero time.
func microseconds(t time.Time, field string) (int64, error) {
	if t.IsZero() {
		return 0, nil
	}
	const secondsMax = math.MaxInt64/1_000_000 - 1
	if seconds := t.Unix(); seconds > secondsMax || seconds < -secondsMax {
		return 0, invalid(field, fmt.Sprintf("%v; expected microseconds since 1970 of 64 bits", t))
	}
	return t.UnixMicro(), nil
}

func outcomeRequest(outcomes []Outcome) (*request, error) {
	if err := checkCount(len(outcomes), "outcomes"); err != nil {
		return nil, err
	}
	call := &wire.ReportOutcomeRequest{Outcomes: make([]*wire.Outcome, len(outcomes))}
	for i, outcome := range outcomes {
		label, known := labelNumbers[outcome.Label]
		if !known {
			return nil, invalid("label", fmt.Sprintf("%q; expected none, legit, fraud, chargeback or suspected", string(outcome.Label)))
		}
		time, err := microseconds(outcome.KnownTime, "known_time_us")
		if err != nil {
			return nil, err
		}
		if err := checkEach(text{"transaction_id", outcome.TransactionID}, text{"source", outcome.Source}); err != nil {
			return nil, err
		}
		call.Outcomes[i] = &wire.Outcome{
			TransactionId: outcome.TransactionID, Label: label, KnownTimeUs: time, Source: outcome.Source,
			UnlessLabelled: outcome.UnlessLabelled,
		}
	}
	message := &wire.Request{Call: &wire.Request_ReportOutcome{ReportOutcome: call}}
	return newRequest("report_outcome", len(outcomes), message)
}

func amendRequest(amendments []Amendment) (*request, error) {
	if err := checkCount(len(amendments), "amendments"); err != nil {
		return nil, err
	}
	call := &wire.AmendRequest{Amendments: make([]*wire.Amendment, len(amendments))}
	for i, amendment := range amendments {
		kind, known := kindNumbers[amendment.Kind]
		if !known {
			return nil, invalid("kind", fmt.Sprintf("%q; expected void, capture, refund or restore", string(amendment.Kind)))
		}
		time, err := microseconds(amendment.KnownTime, "known_time_us")
		if err != nil {
			return nil, err
		}
		if err := checkEach(text{"transaction_id", amendment.TransactionID}, text{"source", amendment.Source}, text{"currency", amendment.Currency}); err != nil {
			return nil, err
		}
		call.Amendments[i] = &wire.Amendment{
			TransactionId: amendment.TransactionID, Kind: kind, AmountMinor: amendment.AmountMinor, KnownTimeUs: time,
			Source: amendment.Source, Currency: amendment.Currency,
		}
	}
	return newRequest("amend", len(amendments), &wire.Request{Call: &wire.Request_Amend{Amend: call}})
}

func entityRequest(entity string, key []string, at time.Time) (*request, error) {
	time, err := microseconds(at, "at_time_us")
	if err != nil {
		return nil, err
	}
	texts := []text{{"entity", entity}}
	for _, part := range key {
		texts = append(texts, text{"key", part})
	}
	if err := checkEach(texts...); err != nil {
		return nil, err
	}
	call := &wire.GetEntityRequest{Entity: entity, Key: key, AtTimeUs: time}
	return newRequest("get_entity", 0, &wire.Request{Call: &wire.Request_GetEntity{GetEntity: call}})
}

func statusRequest(stateHash bool) (*request, error) {
	call := &wire.StatusRequest{StateHash: stateHash}
	return newRequest("status", 0, &wire.Request{Call: &wire.Request_Status{Status: call}})
}

// ---------------------------------------------------------------------------------------------------------------
// Responses

func protocolError(message string) *Error {
	return &Error{Code: ErrProtocol, Message: message, Decided: MayBeDecided}
}

func decodeError(given *wire.Error) *Error {
	code, known := codes[given.GetCode()]
	if !known {
		code = ErrInternal
	}
	made := &Error{Code: code, Field: given.GetField(), Message: given.GetMessage(), Fallback: verdicts[given.GetFallback()]}
	if given.GetCode() == wire.ErrorCode_ERROR_NOT_PRIMARY {
		made.standby = &standbyAnswer{primary: given.GetPrimary()}
	}
	if code == ErrInternal {
		made.Decided = MayBeDecided
	}
	return made
}

// decodeResponse returns an answer to this request, or the error that the server answered with, or ErrProtocol.
func decodeResponse(data []byte, r *request) (*wire.Response, *Error) {
	response := new(wire.Response)
	if err := proto.Unmarshal(data, response); err != nil {
		return nil, protocolError("the server's answer cannot be decoded: " + err.Error())
	}
	if response.Error != nil {
		return nil, decodeError(response.Error)
	}
	call, count := answered(response)
	if call != r.call {
		return nil, protocolError(fmt.Sprintf("the server answered %s; expected %s", call, r.call))
	}
	if count != r.count {
		return nil, protocolError(fmt.Sprintf("the server answered %d results; expected %d", count, r.count))
	}
	return response, nil
}

func answered(response *wire.Response) (string, int) {
	switch answer := response.Answer.(type) {
	case *wire.Response_Score:
		return "score", len(answer.Score.GetResults())
	case *wire.Response_ReportOutcome:
		return "report_outcome", len(answer.ReportOutcome.GetResults())
	case *wire.Response_GetEntity:
		return "get_entity", 0
	case *wire.Response_Status:
		return "status", 0
	case *wire.Response_ChangeList:
		return "change_list", len(answer.ChangeList.GetResults())
	case *wire.Response_GetList:
		return "get_list", 0
	case *wire.Response_ChangeBrake:
		return "change_brake", 0
	case *wire.Response_Reload:
		return "reload", 0
	case *wire.Response_Explain:
		return "explain", 0
	case *wire.Response_Find:
		return "find", 0
	case *wire.Response_Amend:
		return "amend", len(answer.Amend.GetResults())
	}
	return "nothing", 0
}

var errEmptyResult = protocolError("the server's answer: a result is empty")

func decodeDecisions(response *wire.Response) ([]ScoreResult, error) {
	results := response.GetScore().GetResults()
	found := make([]ScoreResult, len(results))
	decisions := make([]Decision, len(results))
	for i, result := range results {
		switch one := result.GetResult().(type) {
		case *wire.ScoreResult_Decision:
			if err := decodeDecision(&decisions[i], one.Decision); err != nil {
				return nil, err
			}
			found[i].Decision = &decisions[i]
		case *wire.ScoreResult_Error:
			found[i].Err = decodeError(one.Error)
		default:
			return nil, errEmptyResult
		}
	}
	return found, nil
}

func decodeDecision(target *Decision, d *wire.Decision) error {
	verdict, err := decodeVerdict(d.Verdict)
	if err != nil {
		return err
	}
	*target = Decision{
		TransactionID:  d.TransactionId,
		Verdict:        verdict,
		Score:          d.Score,
		SnapshotID:     d.SnapshotId,
		GenerationID:   d.GenerationId,
		Position:       d.Position,
		Degraded:       d.Degraded,
		DegradedReason: d.DegradedReason,
		Duplicate:      d.Duplicate,
		DryRun:         d.DryRun,
		ServerTime:     time.Duration(d.ServerUs) * time.Microsecond,
		RuleErrors:     d.RuleErrors,
		FailedRules:    d.FailedRules,
		Arm:            arms[d.Arm],
		Features:       decodeFeatures(d.Features),
	}
	target.Reasons, err = decodeReasons(d.Reasons)
	return err
}

// One that is not known is none: nobody has to understand it to act on the verdict.
var arms = map[wire.Arm]Arm{wire.Arm_ARM_CHAMPION: ArmChampion, wire.Arm_ARM_CHALLENGER: ArmChallenger}

func decodeVerdict(number wire.Verdict) (Verdict, error) {
	verdict, known := verdicts[number]
	if !known {
		return "", protocolError(fmt.Sprintf("the server's answer: verdict %d is not known", number))
	}
	return verdict, nil
}

// verdictOf returns "" for a number that is not a verdict.
func verdictOf(number int32) Verdict { return verdicts[wire.Verdict(number)] }

func decodeReasons(given []*wire.Reason) ([]Reason, error) {
	if len(given) == 0 {
		return nil, nil
	}
	reasons := make([]Reason, len(given))
	for i, r := range given {
		reasons[i] = Reason{
			Rule: r.Rule, Text: r.Text, Score: r.Score, Shadow: r.Shadow, Suppressed: r.Suppressed, Tags: r.Tags,
			Group: r.Group, Capped: r.Capped,
		}
		var err error
		if r.Verdict != wire.Verdict_VERDICT_UNSPECIFIED {
			if reasons[i].Verdict, err = decodeVerdict(r.Verdict); err != nil {
				return nil, err
			}
		}
		if r.VerdictIfLive != wire.Verdict_VERDICT_UNSPECIFIED {
			if reasons[i].VerdictIfLive, err = decodeVerdict(r.VerdictIfLive); err != nil {
				return nil, err
			}
		}
	}
	return reasons, nil
}

func decodeFeatures(given []*wire.NamedValue) []Feature {
	if len(given) == 0 {
		return nil
	}
	features := make([]Feature, len(given))
	for i, one := range given {
		features[i] = Feature{one.Name, decodeValue(one)}
	}
	return features
}

func decodeValue(named *wire.NamedValue) any {
	switch value := named.Value.(type) {
	case *wire.NamedValue_Flag:
		return value.Flag
	case *wire.NamedValue_Integer:
		return value.Integer
	case *wire.NamedValue_Number:
		return value.Number
	case *wire.NamedValue_Text:
		return value.Text
	case *wire.NamedValue_TimestampUs:
		return time.UnixMicro(value.TimestampUs).UTC()
	case *wire.NamedValue_DurationUs:
		// Go's durations end at some 292 years.
		const most = math.MaxInt64 / int64(time.Microsecond)
		if value.DurationUs > most || value.DurationUs < -most {
			return time.Duration(math.MaxInt64)
		}
		return time.Duration(value.DurationUs) * time.Microsecond
	}
	return nil
}

func decodeOutcomes(response *wire.Response) ([]OutcomeResult, error) {
	results := response.GetReportOutcome().GetResults()
	found := make([]OutcomeResult, len(results))
	for i, result := range results {
		switch one := result.GetResult().(type) {
		case *wire.OutcomeResult_Accepted:
			previous, known := labels[one.Accepted.GetPrevious()]
			if !known {
				return nil, protocolError(fmt.Sprintf("the server's answer: label %d is not known", one.Accepted.Previous))
			}
			found[i].Accepted = &OutcomeAccepted{
				TransactionID: one.Accepted.GetTransactionId(), Position: one.Accepted.GetPosition(),
				Changed: one.Accepted.GetChanged(), Previous: previous,
			}
		case *wire.OutcomeResult_Error:
			found[i].Err = decodeError(one.Error)
		default:
			return nil, errEmptyResult
		}
	}
	return found, nil
}

func decodeAmendments(response *wire.Response) ([]AmendmentResult, error) {
	results := response.GetAmend().GetResults()
	found := make([]AmendmentResult, len(results))
	for i, result := range results {
		switch one := result.GetResult().(type) {
		case *wire.AmendmentResult_Accepted:
			found[i].Accepted = &AmendmentAccepted{
				TransactionID: one.Accepted.GetTransactionId(), Position: one.Accepted.GetPosition(),
				Changed: one.Accepted.GetChanged(), Previous: decodeAmended(one.Accepted.GetPrevious()),
				Now: decodeAmended(one.Accepted.GetNow()),
			}
		case *wire.AmendmentResult_Error:
			found[i].Err = decodeError(one.Error)
		default:
			return nil, errEmptyResult
		}
	}
	return found, nil
}

func decodeAmended(t *wire.AmendedTransaction) AmendedTransaction {
	return AmendedTransaction{t.GetVoided(), t.GetAmountMinor(), t.GetRefundedMinor()}
}

// moment returns the zero time for 0.
func moment(microseconds int64) time.Time {
	if microseconds == 0 {
		return time.Time{}
	}
	return time.UnixMicro(microseconds).UTC()
}

func decodeEntity(response *wire.Response) (*Entity, error) {
	found := response.GetGetEntity()
	return &Entity{
		Features:   decodeFeatures(found.GetFeatures()),
		NewestTime: moment(found.GetNewestTimeUs()),
		AtTime:     moment(found.GetAtTimeUs()),
		Entries:    found.GetEntries(),
		StateBytes: found.GetStateBytes(),
		StateHash:  found.GetStateHash(),
	}, nil
}

func decodeStatus(response *wire.Response) (*Status, error) {
	found := response.GetStatus()
	return &Status{
		Version:        found.GetVersion(),
		State:          found.GetState(),
		StateReason:    found.GetStateReason(),
		StartedTime:    moment(found.GetStartedTimeUs()),
		PolicyName:     found.GetPolicyName(),
		SnapshotID:     found.GetSnapshotId(),
		GenerationID:   found.GetGenerationId(),
		Position:       found.GetPosition(),
		SyncedPosition: found.GetSyncedPosition(),
		Transactions:   found.GetTransactions(),
		Outcomes:       found.GetOutcomes(),
		StateHash:      found.GetStateHash(),
		Stale:          found.GetStale(),
		ReloadError:    found.GetReloadError(),

		Node:              found.GetNode(),
		Primary:           found.GetPrimary(),
		CommittedPosition: found.GetCommittedPosition(),

		Brakes:     each(found.GetBrakes(), decodeBrake),
		BrakeCount: found.GetBrakeCount(),

		Sources:                 each(found.GetSources(), decodeSource),
		OtherSourceTransactions: found.GetOtherSourceTransactions(),
	}, nil
}

func decodeSource(s *wire.SourceStatus) Source {
	return Source{
		Source:          s.GetSource(),
		Transactions:    s.GetTransactions(),
		LastReceiveTime: moment(s.GetLastReceiveTimeUs()),
		First:           s.GetFirst(),
		Highest:         s.GetHighest(),
		Gaps:            s.GetGaps(),
		Missed:          s.GetMissed(),
		Late:            s.GetLate(),
		Repeats:         s.GetRepeats(),
		Restarts:        s.GetRestarts(),
		Missing: each(s.GetMissing(), func(r *wire.SourceRange) SourceRange {
			return SourceRange{First: r.GetFirst(), Last: r.GetLast()}
		}),
	}
}

// isReady returns whether the answer to a probe reports the state "ready", or "standby": such a server is in order, too.
func isReady(data []byte, r *request) bool {
	response, err := decodeResponse(data, r)
	state := response.GetStatus().GetState()
	return err == nil && (state == "ready" || state == "standby")
}

// codeOf returns the code of an *Error, "" for any other error.
func codeOf(err error) Code {
	var found *Error
	if errors.As(err, &found) {
		return found.Code
	}
	return ""
}
