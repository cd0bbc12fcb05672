package harrier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// The bytes are those of tests/cases/wire, and what comes back is what they say.

const (
	casesFolder = "../../tests/cases/wire"
	protoFile   = "../../proto/harrier.proto"
)

type wireCase struct {
	Message string
	Value   json.RawMessage
	Hex     string
	Unknown string
	Error   string
}

func (c *wireCase) bytes(t *testing.T) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(c.Hex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readCase(t *testing.T, name string) *wireCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(casesFolder, name+".json"))
	if os.IsNotExist(err) {
		t.Skip("not in Harrier's tree")
	}
	found := new(wireCase)
	if err == nil {
		err = json.Unmarshal(data, found)
	}
	if err != nil {
		t.Fatal(name, err)
	}
	return found
}

func caseNames(t *testing.T, pattern string) []string {
	t.Helper()
	if _, err := os.Stat(casesFolder); err != nil {
		t.Skip("not in Harrier's tree")
	}
	paths, err := filepath.Glob(filepath.Join(casesFolder, pattern+".json"))
	if err != nil || len(paths) == 0 {
		t.Fatal(pattern, err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
	}
	return names
}

func emptyMessage(t *testing.T, name string) proto.Message {
	switch name {
	case "Request":
		return new(wire.Request)
	case "Response":
		return new(wire.Response)
	}
	t.Fatalf("%s is no message of this protocol", name)
	return nil
}

func TestGeneratedCodeReadsAndWritesTheseBytes(t *testing.T) {
	for _, name := range append(caseNames(t, "request_*"), caseNames(t, "response_*")...) {
		one := readCase(t, name)
		wanted, data := emptyMessage(t, one.Message), one.bytes(t)
		if err := protojson.Unmarshal(one.Value, wanted); err != nil {
			t.Fatal(name, err)
		}
		decoded := emptyMessage(t, one.Message)
		if err := proto.Unmarshal(data, decoded); err != nil {
			t.Fatal(name, err)
		}
		unknown, _ := hex.DecodeString(one.Unknown)
		if got := decoded.ProtoReflect().GetUnknown(); !bytes.Equal(got, unknown) {
			t.Errorf("%s: what is not known is %x", name, got)
		}
		decoded.ProtoReflect().SetUnknown(nil)
		if !proto.Equal(wanted, decoded) {
			t.Errorf("%s: decoded as %v", name, decoded)
		}
		encoded, err := proto.Marshal(wanted)
		if err != nil || !bytes.Equal(encoded, data[:len(data)-len(unknown)]) {
			t.Errorf("%s: encoded as %x, %v", name, encoded, err)
		}
	}
}

// transactionOf makes the public type of a protobuf one, field by field.
func transactionOf(w *wire.Transaction) Transaction {
	t := Transaction{
		ID: w.Id, EventTime: time.UnixMicro(w.EventTimeUs), AmountMinor: w.AmountMinor, Currency: w.Currency, Card: w.Card,
		Customer: w.Customer, Account: w.Account, Merchant: w.Merchant, Terminal: w.Terminal, Device: w.Device, IP: w.Ip,
		Country: w.Country, MCC: w.Mcc, Channel: w.Channel, Email: w.Email, Phone: w.Phone,
		Source: w.Source, Sequence: w.Sequence,
	}
	if w.Location != nil {
		t.Location = &Location{float64(w.Location.LatitudeE7) / 1e7, float64(w.Location.LongitudeE7) / 1e7}
	}
	for _, a := range w.Attributes {
		switch value := a.Value.(type) {
		case *wire.Attribute_Text:
			t.Attributes = append(t.Attributes, String(a.Name, value.Text))
		case *wire.Attribute_Integer:
			t.Attributes = append(t.Attributes, Int(a.Name, value.Integer))
		case *wire.Attribute_Number:
			t.Attributes = append(t.Attributes, Float(a.Name, value.Number))
		case *wire.Attribute_Flag:
			t.Attributes = append(t.Attributes, Bool(a.Name, value.Flag))
		}
	}
	return t
}

func requestOf(t *testing.T, w *wire.Request) *request {
	t.Helper()
	var made *request
	var err error
	switch call := w.Call.(type) {
	case *wire.Request_Score:
		var transactions []Transaction
		for _, one := range call.Score.Transactions {
			transactions = append(transactions, transactionOf(one))
		}
		made, err = scoreRequest(transactions, call.Score.DryRun, call.Score.ReturnFeatures)
	case *wire.Request_ReportOutcome:
		var outcomes []Outcome
		for _, one := range call.ReportOutcome.Outcomes {
			outcomes = append(outcomes, Outcome{
				one.TransactionId, labels[one.Label], moment(one.KnownTimeUs), one.Source, one.UnlessLabelled,
			})
		}
		made, err = outcomeRequest(outcomes)
	case *wire.Request_Amend:
		var amendments []Amendment
		for _, one := range call.Amend.Amendments {
			kind := strings.ToLower(strings.TrimPrefix(one.Kind.String(), "AMENDMENT_"))
			if one.Kind == wire.AmendmentKind_AMENDMENT_UNSPECIFIED {
				kind = ""
			}
			amendments = append(amendments, Amendment{
				one.TransactionId, AmendmentKind(kind), one.AmountMinor, moment(one.KnownTimeUs), one.Source, one.Currency,
			})
		}
		made, err = amendRequest(amendments)
	case *wire.Request_GetEntity:
		made, err = entityRequest(call.GetEntity.Entity, call.GetEntity.Key, moment(call.GetEntity.AtTimeUs))
	case *wire.Request_Status:
		made, err = statusRequest(call.Status.StateHash)
	case *wire.Request_ChangeList:
		var changes []ListChange
		for _, one := range call.ChangeList.Changes {
			changes = append(changes, ListChange{one.List, one.Value, one.Remove, moment(one.ExpiryTimeUs), one.Source, one.Reason})
		}
		made, err = changeRequest(changes)
	case *wire.Request_GetList:
		made, err = listRequest(call.GetList.List, call.GetList.AfterPosition, int(call.GetList.Limit))
	case *wire.Request_ChangeBrake:
		one := call.ChangeBrake
		made, err = brakeRequest(BrakeChange{one.Rule, one.Policy, one.Pull, one.Definition, one.Source, one.Reason})
	case *wire.Request_Reload:
		made, err = reloadRequest(call.Reload.Wait)
	case *wire.Request_Explain:
		made, err = explainRequest(call.Explain.TransactionId)
	case *wire.Request_Find:
		made, err = findRequest(findQueryOf(call.Find))
	default:
		t.Fatalf("no such call: %T", w.Call)
	}
	if err != nil {
		t.Fatal(err)
	}
	made.traceparent = w.Traceparent
	return made
}

func TestRequestsAreTheseBytes(t *testing.T) {
	compared := 0
	for _, name := range caseNames(t, "request_*") {
		one := readCase(t, name)
		value := new(wire.Request)
		if err := protojson.Unmarshal(one.Value, value); err != nil {
			t.Fatal(name, err)
		}
		if _, isThere := value.Call.(*wire.Request_Backfill); isThere {
			continue // the command sends it
		}
		made := requestOf(t, value)
		unknown, _ := hex.DecodeString(one.Unknown)
		data := one.bytes(t)
		wanted := data[:len(data)-len(unknown)]
		encoded := made.appendTo(nil, time.Duration(value.DeadlineUs)*time.Microsecond, value.Token)
		if value.DeadlineUs == 0 { // a client always sends one
			encoded = bytes.Replace(encoded, []byte{0x10, 1}, nil, 1)
		}
		if !bytes.Equal(encoded, wanted) {
			t.Errorf("%s:\n%x, expected\n%x", name, encoded, wanted)
		}
		compared++
	}
	if compared < 15 {
		t.Error("compared only", compared)
	}
}

func scoreOne(t *testing.T) *request {
	t.Helper()
	made, err := scoreRequest([]Transaction{{ID: "t", EventTime: time.UnixMicro(1)}}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestErrorsOfTheServer(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range caseNames(t, "response_error_*") {
		one := readCase(t, name)
		_, err := decodeResponse(one.bytes(t), scoreOne(t))
		var wanted struct {
			Error struct{ Message, Field, Primary string }
		}
		if json.Unmarshal(one.Value, &wanted) != nil || err == nil {
			t.Fatal(name, err)
		}
		code := Code(strings.TrimPrefix(name, "response_error_"))
		if (err.standby != nil) != (code == "not_primary") {
			t.Errorf("%s: a standby's answer: %v", name, err.standby)
		}
		if err.standby != nil {
			if err.standby.primary != wanted.Error.Primary {
				t.Errorf("%s: %q is the primary", name, err.standby.primary)
			}
			code = ErrUnavailable // all that a caller may see of it
		}
		if err.Code != code || err.Message != wanted.Error.Message || err.Field != wanted.Error.Field || !errors.Is(err, code) {
			t.Errorf("%s: %#v", name, err)
		}
		if (err.Decided == MayBeDecided) != (code == ErrInternal) {
			t.Errorf("%s: decided %v", name, err.Decided)
		}
		seen[name] = true
	}
	if len(seen) != len(codes) {
		t.Error("seen only", seen)
	}
	data, _ := proto.Marshal(&wire.Response{Error: &wire.Error{Code: 99, Message: "new"}})
	if _, err := decodeResponse(data, scoreOne(t)); err.Code != ErrInternal || err.Decided != MayBeDecided {
		t.Errorf("a code that is not known: %v", err)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	answers := [][]byte{nil, {0xff}, {0x52, 0x00}, {0x6a, 0x00}}
	for _, name := range []string{"refused_response_empty", "response_status"} {
		answers = append(answers, readCase(t, name).bytes(t))
	}
	for _, answer := range answers {
		if _, err := decodeResponse(answer, scoreOne(t)); err == nil || err.Code != ErrProtocol || err.Decided != MayBeDecided {
			t.Errorf("%x: %v", answer, err)
		}
	}
	response, failure := decodeResponse(readCase(t, "refused_response_verdict").bytes(t), scoreOne(t))
	if failure != nil {
		t.Fatal(failure)
	}
	if _, err := decodeDecisions(response); !errors.Is(err, ErrProtocol) {
		t.Errorf("a verdict that is not known: %v", err)
	}
}

func decode[T any](t *testing.T, name, call string, count int, to func(*wire.Response) (T, error)) (T, *wire.Response) {
	t.Helper()
	response, err := decodeResponse(readCase(t, name).bytes(t), &request{call: call, count: count})
	if err != nil {
		t.Fatal(name, err)
	}
	found, failure := to(response)
	if failure != nil {
		t.Fatal(name, failure)
	}
	return found, response
}

func TestEveryFieldOfDecisions(t *testing.T) {
	for name, count := range map[string]int{"response_score": 3, "response_score_failed_rules": 1, "response_score_arm": 1} {
		results, response := decode(t, name, "score", count, decodeDecisions)
		for i, one := range response.GetScore().Results {
			if one.GetError() != nil {
				if codeOf(results[i].Err) != codes[one.GetError().Code] {
					t.Errorf("%d: %v", i, results[i].Err)
				}
				continue
			}
			// The other way round, by the names of the fields: nothing is forgotten.
			compareFields(t, reflect.ValueOf(results[i].Decision).Elem(), reflect.ValueOf(one.GetDecision()).Elem())
		}
	}
}

var renamed = map[string]string{
	"TransactionID": "TransactionId", "SnapshotID": "SnapshotId", "GenerationID": "GenerationId", "ServerTime": "ServerUs",
	"StartedTime": "StartedTimeUs", "NewestTime": "NewestTimeUs", "AtTime": "AtTimeUs",
	"PreviousExpiryTime": "PreviousExpiryTimeUs", "LastChangeTime": "LastChangeTimeUs", "ExpiryTime": "ExpiryTimeUs",
	"OutcomeReceiveTime": "OutcomeReceiveTimeUs", "OutcomeKnownTime": "OutcomeKnownTimeUs", "AmendedTime": "AmendedTimeUs",
	"ReceiveTime": "ReceiveTimeUs", "KnownTime": "KnownTimeUs", "From": "FromUs", "Until": "UntilUs",
	"PulledTime": "PulledTimeUs", "LastReceiveTime": "LastReceiveTimeUs",
}

// compareFields holds each field of ours against protobuf's.
func compareFields(t *testing.T, ours, theirs reflect.Value) {
	t.Helper()
	for i := 0; i < ours.NumField(); i++ {
		name := ours.Type().Field(i).Name
		other := name
		if renamed[name] != "" {
			other = renamed[name]
		}
		if strings.HasPrefix(name, "Fallback") {
			continue // ours alone
		}
		field := theirs.FieldByName(other)
		if !field.IsValid() {
			t.Errorf("%s is nothing of the server's", name)
			continue
		}
		var equal bool
		switch value := ours.Field(i).Interface().(type) {
		case Verdict:
			number := field.Interface().(wire.Verdict)
			equal = value == verdicts[number]
		case Arm:
			equal = value == arms[field.Interface().(wire.Arm)]
		case Label:
			equal = value == labels[field.Interface().(wire.Label)]
		case time.Duration:
			equal = uint64(value.Microseconds()) == field.Uint()
		case time.Time:
			equal = value.Equal(moment(field.Int()))
		case []Feature:
			equal = reflect.DeepEqual(value, decodeFeatures(field.Interface().([]*wire.NamedValue)))
		case Transaction:
			equal = reflect.DeepEqual(value, ofWire(field.Interface().(*wire.Transaction)))
		case ReloadResult:
			equal = value == reloadResults[field.Interface().(wire.ReloadResult)]
		case ExplainedKind:
			equal = value == kinds[field.Interface().(wire.ExplainedKind)]
		case ThresholdOrigin:
			equal = value == origins[field.Interface().(wire.ThresholdOrigin)]
		case RuleMode:
			equal = value == modes[field.Interface().(wire.RuleMode)]
		case RuleFate:
			equal = value == fates[field.Interface().(wire.RuleFate)]
		default:
			equal = compareNested(t, name, ours.Field(i), field)
		}
		if !equal {
			t.Errorf("%s: %v, expected %v", name, ours.Field(i), field)
		}
	}
}

// compareNested compares structs and slices of them field by field, and everything else as it is.
func compareNested(t *testing.T, name string, ours, theirs reflect.Value) bool {
	t.Helper()
	switch {
	case ours.Kind() == reflect.Pointer && ours.Elem().Kind() == reflect.Struct:
		compareFields(t, ours.Elem(), theirs.Elem())
	case ours.Kind() == reflect.Struct:
		compareFields(t, ours, theirs.Elem())
	case ours.Kind() == reflect.Slice && ours.Type().Elem().Kind() == reflect.Struct:
		if ours.Len() != theirs.Len() {
			return false
		}
		for i := 0; i < ours.Len(); i++ {
			compareFields(t, ours.Index(i), theirs.Index(i).Elem())
		}
	case ours.Kind() == reflect.Interface: // the value of a part
		value, _ := theirs.Interface().(*wire.NamedValue)
		return value == nil && ours.IsNil() || value != nil && reflect.DeepEqual(ours.Interface(), decodeValue(value))
	default:
		return reflect.DeepEqual(ours.Interface(), theirs.Interface())
	}
	return true
}

// ofWire is transactionOf with an absent time as absent.
func ofWire(w *wire.Transaction) Transaction {
	made := transactionOf(w)
	made.EventTime = moment(w.EventTimeUs)
	return made
}

func TestEveryFieldOfTheOtherAnswers(t *testing.T) {
	status, response := decode(t, "response_status", "status", 0, decodeStatus)
	compareFields(t, reflect.ValueOf(*status), reflect.ValueOf(response.GetStatus()).Elem())
	node := &wire.StatusResponse{Node: "harrier-2", Primary: "tcp://10.1.0.5:7130", CommittedPosition: 7}
	status, _ = decodeStatus(&wire.Response{Answer: &wire.Response_Status{Status: node}})
	compareFields(t, reflect.ValueOf(*status), reflect.ValueOf(node).Elem())
	status, response = decode(t, "response_status_brakes", "status", 0, decodeStatus)
	compareFields(t, reflect.ValueOf(*status), reflect.ValueOf(response.GetStatus()).Elem())
	if len(status.Brakes) != 2 {
		t.Error("the case has other brakes")
	}
	status, response = decode(t, "response_status_sources", "status", 0, decodeStatus)
	compareFields(t, reflect.ValueOf(*status), reflect.ValueOf(response.GetStatus()).Elem())
	if len(status.Sources) != 2 || len(status.Sources[0].Missing) != 2 {
		t.Error("the case has other sources")
	}
	entity, response := decode(t, "response_get_entity", "get_entity", 0, decodeEntity)
	compareFields(t, reflect.ValueOf(*entity), reflect.ValueOf(response.GetGetEntity()).Elem())

	one := readCase(t, "response_report_outcome")
	value := new(wire.Response)
	if err := protojson.Unmarshal(one.Value, value); err != nil {
		t.Fatal(err)
	}
	outcomes, err := decodeOutcomes(value)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range value.GetReportOutcome().Results {
		if accepted := result.GetAccepted(); accepted != nil {
			compareFields(t, reflect.ValueOf(*outcomes[i].Accepted), reflect.ValueOf(accepted).Elem())
		} else if codeOf(outcomes[i].Err) != codes[result.GetError().Code] {
			t.Errorf("%d: %v", i, outcomes[i].Err)
		}
	}
}

func TestAReasonHasAllItsFields(t *testing.T) {
	given := &wire.Reason{
		Rule: "r", Text: "words", Score: -5, Verdict: wire.Verdict_VERDICT_REVIEW, Shadow: true, Suppressed: true,
		Tags: []string{"a", "b"}, Group: "g", Capped: 7, VerdictIfLive: wire.Verdict_VERDICT_CHALLENGE,
	}
	got, err := decodeReasons([]*wire.Reason{given})
	wanted := []Reason{{"r", "words", -5, Review, true, true, []string{"a", "b"}, "g", 7, Challenge}}
	if err != nil || !reflect.DeepEqual(got, wanted) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestFeatureValues(t *testing.T) {
	got := decodeFeatures([]*wire.NamedValue{
		{Name: "absent"},
		{Name: "flag", Value: &wire.NamedValue_Flag{Flag: false}},
		{Name: "integer", Value: &wire.NamedValue_Integer{Integer: -3}},
		{Name: "number", Value: &wire.NamedValue_Number{Number: 0.5}},
		{Name: "text", Value: &wire.NamedValue_Text{Text: "x"}},
		{Name: "time", Value: &wire.NamedValue_TimestampUs{TimestampUs: 1_000_001}},
		{Name: "age", Value: &wire.NamedValue_DurationUs{DurationUs: -2_000_000}},
		{Name: "ages", Value: &wire.NamedValue_DurationUs{DurationUs: math.MaxInt64}},
	})
	wanted := []Feature{
		{"absent", nil}, {"flag", false}, {"integer", int64(-3)}, {"number", 0.5}, {"text", "x"},
		{"time", time.Unix(1, 1000).UTC()}, {"age", -2 * time.Second}, {"ages", time.Duration(math.MaxInt64)},
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%v", got)
	}
}

func TestWhatAFieldCannotHold(t *testing.T) {
	now := time.Now()
	for _, one := range []struct {
		field       string
		transaction Transaction
	}{
		{"card", Transaction{ID: "t", EventTime: now, Card: "\xff"}},
		{"event_time_us", Transaction{ID: "t", EventTime: time.Unix(math.MaxInt64/1000, 0)}},
		{"location", Transaction{ID: "t", EventTime: now, Location: &Location{1e9, 0}}},
		{"location", Transaction{ID: "t", EventTime: now, Location: &Location{0, math.NaN()}}},
		{"location", Transaction{ID: "t", EventTime: now, Location: &Location{math.Inf(-1), 0}}},
		{"note", Transaction{ID: "t", EventTime: now, Attributes: []Attribute{String("note", "a\xc3")}}},
		{"attributes", Transaction{ID: "t", EventTime: now, Attributes: []Attribute{{}}}},
	} {
		_, err := scoreRequest([]Transaction{one.transaction}, false, false)
		var found *Error
		if !errors.As(err, &found) || found.Code != ErrInvalid || found.Field != one.field || found.Decided != NotDecided {
			t.Errorf("%s: %v", one.field, err)
		}
	}
	if _, err := outcomeRequest([]Outcome{{TransactionID: "t", Label: "theft"}}); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := scoreRequest(nil, false, false); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if _, err := scoreRequest(make([]Transaction, 1000), false, false); err != nil {
		t.Error(err)
	}
	if _, err := scoreRequest(make([]Transaction, 1001), false, false); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// To the byte: what is sent with the longest of everything is within 2 MiB, and one byte more would not be.
	longest := func(length int) (*request, error) {
		return scoreRequest([]Transaction{{ID: "t", Card: strings.Repeat("x", length)}}, false, false)
	}
	length := requestSizeMax - headSizeMax - 100
	for ; ; length++ {
		made, err := longest(length + 1)
		if errors.Is(err, ErrTooLarge) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		made.traceparent = strings.Repeat("0", 55)
		if size := len(made.appendTo(nil, time.Hour, strings.Repeat("x", tokenMax))); size > requestSizeMax {
			t.Fatal(size)
		}
	}
	made, err := longest(length)
	if err != nil {
		t.Fatal(err)
	}
	if size := len(made.body) + headSizeMax; size != requestSizeMax {
		t.Errorf("the last that is allowed has %d bytes", size)
	}
}

// A standby answers the others itself.
func TestWhichCallsWrite(t *testing.T) {
	wanted := map[string]bool{
		"request_score_minimal": true, "request_report_outcome": true, "request_change_list": true, "request_status": false,
		"request_get_entity": false, "request_get_list": false, "request_reload": false, "request_explain": false,
		"request_find": false,
	}
	for name, writes := range wanted {
		value := new(wire.Request)
		if err := protojson.Unmarshal(readCase(t, name).Value, value); err != nil {
			t.Fatal(name, err)
		}
		if requestOf(t, value).writes() != writes {
			t.Error(name)
		}
	}
	amend, err := amendRequest([]Amendment{{TransactionID: "t", Kind: Void}})
	if err != nil || !amend.writes() {
		t.Error("an amendment", err)
	}
	dry, err := scoreRequest([]Transaction{{ID: "t", EventTime: time.UnixMicro(1)}}, true, false)
	if err != nil || dry.writes() {
		t.Error("a dry run", err)
	}
}

func TestWhatAProbeAccepts(t *testing.T) {
	r, err := statusRequest(false)
	if err != nil {
		t.Fatal(err)
	}
	for state, wanted := range map[string]bool{"ready": true, "standby": true, "starting": false, "draining": false, "": false} {
		status := &wire.Response_Status{Status: &wire.StatusResponse{State: state}}
		data, _ := proto.Marshal(&wire.Response{Answer: status})
		if isReady(data, r) != wanted {
			t.Errorf("%q: %v", state, !wanted)
		}
	}
	if isReady([]byte{0xff}, r) || isReady(readCase(t, "response_error_not_primary").bytes(t), r) {
		t.Error("not a status")
	}
}

func TestADeadlineIsNeverNone(t *testing.T) {
	for _, left := range []time.Duration{0, -time.Second, 1} {
		sent := new(wire.Request)
		if err := proto.Unmarshal(scoreOne(t).appendTo(nil, left, ""), sent); err != nil || sent.DeadlineUs != 1 {
			t.Errorf("%v: %v, %v", left, sent, err)
		}
	}
}

func TestGeneratedCodeIsOfTheProtocol(t *testing.T) {
	source, err := os.ReadFile(protoFile)
	if err != nil {
		t.Skip("not in Harrier's tree")
	}
	sum := sha256.Sum256(source)
	if hex.EncodeToString(sum[:]) != wire.SourceSHA256 {
		t.Error("proto/harrier.proto is not what internal/wire was made from; run clients/go/generate")
	}
}

func TestTraceparents(t *testing.T) {
	for text, wanted := range map[string]bool{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":    true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff":    true,
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":    false,
		"00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":    false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0":     false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-xx": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01":    false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7x01":    false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":    false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":    false,
		"": false,
	} {
		if got := wellFormedTraceparent(text); got != wanted {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// FuzzAnswers: whatever a server sends, a call ends with results that fit or with an error of the client's.
func FuzzAnswers(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join(casesFolder, "*response*.json"))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		var one wireCase
		if err := json.Unmarshal(data, &one); err != nil {
			f.Fatal(err)
		}
		seed, _ := hex.DecodeString(one.Hex)
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, count int) {
		for call, read := range map[string]func(*wire.Response) (int, error){
			"score":          func(r *wire.Response) (int, error) { found, err := decodeDecisions(r); return len(found), err },
			"report_outcome": func(r *wire.Response) (int, error) { found, err := decodeOutcomes(r); return len(found), err },
			"get_entity":     func(r *wire.Response) (int, error) { _, err := decodeEntity(r); return count, err },
			"status":         func(r *wire.Response) (int, error) { _, err := decodeStatus(r); return count, err },
			"change_list":    func(r *wire.Response) (int, error) { found, err := decodeChanges(r); return len(found), err },
			"get_list":       func(r *wire.Response) (int, error) { _, err := decodeListPage(r); return count, err },
			"change_brake":   func(r *wire.Response) (int, error) { _, err := decodeBrakeChanged(r); return count, err },
			"reload":         func(r *wire.Response) (int, error) { _, err := decodeReload(r); return count, err },
			"explain":        func(r *wire.Response) (int, error) { _, err := decodeExplanation(r); return count, err },
			"amend":          func(r *wire.Response) (int, error) { found, err := decodeAmendments(r); return len(found), err },
		} {
			response, failure := decodeResponse(data, &request{call: call, count: count})
			if failure != nil {
				if failure.Code == "" {
					t.Error("an error without a code")
				}
				continue
			}
			if got, err := read(response); err == nil && got != count || err != nil && codeOf(err) != ErrProtocol {
				t.Errorf("%s: %d results of %d, %v", call, got, count, err)
			}
		}
	})
}
