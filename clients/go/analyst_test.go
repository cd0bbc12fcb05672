package harrier

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"harrier.example/harrier/internal/wire"
)

// What an analyst's calls send and refuse to send, and what they make of answers.

func TestEveryFieldOfAnAnalystsAnswers(t *testing.T) {
	changes, response := decode(t, "response_change_list", "change_list", 4, decodeChanges)
	for i, result := range response.GetChangeList().Results {
		if changed := result.GetChanged(); changed != nil {
			compareFields(t, reflect.ValueOf(*changes[i].Changed), reflect.ValueOf(changed).Elem())
			continue
		}
		var found *Error
		if !errors.As(changes[i].Err, &found) || found.Code != ErrNotFound || found.Field != "list" || changes[i].Changed != nil {
			t.Errorf("%d: %+v", i, changes[i])
		}
	}
	page, response := decode(t, "response_get_list", "get_list", 0, decodeListPage)
	compareFields(t, reflect.ValueOf(*page), reflect.ValueOf(response.GetGetList()).Elem())
	if len(page.Lists) == 0 || len(page.Entries) == 0 {
		t.Error("the case has no lists or no entries")
	}
	brake, response := decode(t, "response_change_brake", "change_brake", 0, decodeBrakeChanged)
	compareFields(t, reflect.ValueOf(*brake), reflect.ValueOf(response.GetChangeBrake()).Elem())
	reload, response := decode(t, "response_reload", "reload", 0, decodeReload)
	compareFields(t, reflect.ValueOf(*reload), reflect.ValueOf(response.GetReload()).Elem())
	explanation, response := decode(t, "response_explain", "explain", 0, decodeExplanation)
	compareFields(t, reflect.ValueOf(*explanation), reflect.ValueOf(response.GetExplain()).Elem())
	if first := explanation.Then.Rules[0].Parts[1]; first.Kind != KindThreshold || first.Origin != OriginGroup || first.Value != 10.5 {
		t.Errorf("%+v", first)
	}
}

// Each enum has a name for every number of the protocol, and none twice.
func TestEveryMemberOfTheEnumsHasAName(t *testing.T) {
	expectNames(t, reloadResults, wire.ReloadResult_name)
	expectNames(t, kinds, wire.ExplainedKind_name)
	expectNames(t, origins, wire.ThresholdOrigin_name)
	expectNames(t, modes, wire.RuleMode_name)
	expectNames(t, fates, wire.RuleFate_name)
}

func expectNames[N ~int32, M ~string](t *testing.T, members map[N]M, numbers map[int32]string) {
	t.Helper()
	if len(members) != len(numbers) {
		t.Errorf("%d names, expected %d", len(members), len(numbers))
	}
	for number, name := range numbers {
		ours := strings.ToUpper(string(members[N(number)]))
		if ours == "NONE" && strings.HasSuffix(name, "_UNSPECIFIED") {
			continue
		}
		if ours == "" || !strings.HasSuffix(name, "_"+ours) {
			t.Errorf("%q is the name of %s", ours, name)
		}
	}
}

func explained() *wire.ExplainResponse {
	return &wire.ExplainResponse{
		Transaction: &wire.Transaction{Id: "t"},
		Archived:    &wire.Decision{TransactionId: "t", Verdict: wire.Verdict_VERDICT_APPROVE},
		Then:        &wire.ExplainedPolicy{Decision: &wire.Decision{TransactionId: "t", Verdict: wire.Verdict_VERDICT_REVIEW}},
	}
}

func readExplained(x *wire.ExplainResponse) (*Explanation, error) {
	return decodeExplanation(&wire.Response{Answer: &wire.Response_Explain{Explain: x}})
}

func TestWhatAnAnswerMayNotHave(t *testing.T) {
	if _, err := readExplained(explained()); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*wire.ExplainResponse){
		"no transaction":      func(x *wire.ExplainResponse) { x.Transaction = nil },
		"no archived":         func(x *wire.ExplainResponse) { x.Archived = nil },
		"archived verdict":    func(x *wire.ExplainResponse) { x.Archived.Verdict = 9 },
		"no policy":           func(x *wire.ExplainResponse) { x.Then = nil },
		"no derived verdict":  func(x *wire.ExplainResponse) { x.Then.Decision.Verdict = 0 },
		"empty attribute":     func(x *wire.ExplainResponse) { x.Transaction.Attributes = []*wire.Attribute{{Name: "a"}} },
		"label":               func(x *wire.ExplainResponse) { x.Outcomes = []*wire.ExplainedOutcome{{Label: 9}} },
		"contributions":       func(x *wire.ExplainResponse) { x.Then.Models = []*wire.ExplainedModel{{Contributions: []float64{1}}} },
		"rule mode":           func(x *wire.ExplainResponse) { x.Then.Rules = []*wire.ExplainedRule{{Mode: 9}} },
		"rule fate":           func(x *wire.ExplainResponse) { x.Then.Rules = []*wire.ExplainedRule{{Fate: 99}} },
		"rule verdict":        func(x *wire.ExplainResponse) { x.Then.Rules = []*wire.ExplainedRule{{VerdictOnError: 9}} },
		"no verdict of a cut": func(x *wire.ExplainResponse) { x.Then.Cutoffs = []*wire.ExplainedCutoff{{Score: 1}} },
		"origin": func(x *wire.ExplainResponse) {
			x.Then.Computed = []*wire.ExplainedComputed{{Parts: []*wire.ExplainedPart{{Origin: 9}}}}
		},
	} {
		x := explained()
		spoil(x)
		var found *Error
		if _, err := readExplained(x); !errors.As(err, &found) || found.Code != ErrProtocol || found.Decided != MayBeDecided {
			t.Errorf("%s: %v", what, err)
		}
	}
	unknown := &wire.Response{Answer: &wire.Response_Reload{Reload: &wire.ReloadResponse{Result: 9}}}
	if _, err := decodeReload(unknown); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
	empty := &wire.ChangeListResponse{Results: []*wire.ListChangeResult{{}}}
	if _, err := decodeChanges(&wire.Response{Answer: &wire.Response_ChangeList{ChangeList: empty}}); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
}

func TestAnUnknownKindIsOther(t *testing.T) {
	x := explained()
	x.Then.Rules = []*wire.ExplainedRule{{Parts: []*wire.ExplainedPart{{Kind: 77, Text: "new"}}}}
	found, err := readExplained(x)
	if err != nil || found.Then.Rules[0].Parts[0].Kind != KindOther {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestARefusedTransactionHasNoDecision(t *testing.T) {
	x := explained()
	x.Then = &wire.ExplainedPolicy{Name: "p", Refusal: "no card", RefusedField: "card"}
	found, err := readExplained(x)
	if err != nil || !reflect.DeepEqual(found.Then, ExplainedPolicy{Name: "p", Refusal: "no card", RefusedField: "card"}) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestAnExplanationHasModelsAndArms(t *testing.T) {
	x := explained()
	x.Experiment = "spring"
	x.Then.Shadows = []*wire.ExplainedShadow{{Name: "b", Verdict: wire.Verdict_VERDICT_APPROVE, Arm: wire.Arm_ARM_CHALLENGER}, {}}
	x.Then.Models = []*wire.ExplainedModel{{
		Name: "models.fraud", Contributions: []float64{0.5, -0.25}, Bias: -1, Margin: -0.75,
		Inputs: []*wire.NamedValue{{Name: "count", Value: &wire.NamedValue_Integer{Integer: 3}}, {Name: "ratio"}},
	}}
	found, err := readExplained(x)
	if err != nil {
		t.Fatal(err)
	}
	models := []ExplainedModel{{
		Name: "models.fraud", Inputs: []ExplainedInput{{"count", int64(3), 0.5}, {"ratio", nil, -0.25}}, Bias: -1, Margin: -0.75,
	}}
	if !reflect.DeepEqual(found.Then.Models, models) {
		t.Errorf("%v", found.Then.Models)
	}
	if found.Experiment != "spring" || found.Then.Shadows[0].Arm != ArmChallenger || found.Then.Shadows[1].Arm != "" {
		t.Errorf("%q, %v", found.Experiment, found.Then.Shadows)
	}
}

func TestAnExplainedTransactionHasAllItsFields(t *testing.T) {
	given := &wire.Transaction{
		Id: "t", EventTimeUs: 1_000_001, AmountMinor: 5, Currency: "EUR", Card: "c", Customer: "u", Account: "a", Merchant: "m",
		Terminal: "e", Device: "d", Ip: "::1", Country: "DE", Mcc: "1234", Channel: "pos", Email: "x@y", Phone: "1",
		Location: &wire.Location{LatitudeE7: -15_000_000, LongitudeE7: 20_000_000},
		Attributes: []*wire.Attribute{
			{Name: "text", Value: &wire.Attribute_Text{Text: ""}}, {Name: "whole", Value: &wire.Attribute_Integer{Integer: -7}},
			{Name: "number", Value: &wire.Attribute_Number{Number: 0.5}}, {Name: "flag", Value: &wire.Attribute_Flag{}},
		},
		Source: "shop", Sequence: 7,
	}
	var r reading
	got := r.transaction(given)
	wanted := Transaction{
		"t", time.Unix(1, 1000).UTC(), 5, "EUR", "c", "u", "a", "m", "e", "d", "::1", "DE", "1234", "pos", "x@y", "1",
		&Location{-1.5, 2}, []Attribute{String("text", ""), Int("whole", -7), Float("number", 0.5), Bool("flag", false)},
		"shop", 7,
	}
	if r.fault != nil || !reflect.DeepEqual(got, wanted) {
		t.Errorf("%+v, %v", got, r.fault)
	}
	if value := got.Attributes[1].Value(); value != int64(-7) {
		t.Error(value)
	}
}

func TestWhatAnAnalystsFieldCannotHold(t *testing.T) {
	change := func(c ListChange) error { _, err := changeRequest([]ListChange{{}, c}); return err }
	list := func(name string, limit int) error { _, err := listRequest(name, 0, limit); return err }
	_, explain := explainRequest("\xff")
	for _, one := range []struct {
		field string
		err   error
	}{
		{"list", change(ListChange{List: "\xff"})},
		{"value", change(ListChange{Value: "\xff"})},
		{"source", change(ListChange{Source: "\xff"})},
		{"reason", change(ListChange{Reason: "\xff"})},
		{"expiry_time_us", change(ListChange{ExpiryTime: time.Unix(math.MaxInt64/1000, 0)})},
		{"list", list("\xff", 0)},
		{"limit", list("l", -1)},
		{"transaction_id", explain},
	} {
		var found *Error
		if !errors.As(one.err, &found) || found.Code != ErrInvalid || found.Field != one.field || found.Decided != NotDecided {
			t.Errorf("%s: %v", one.field, one.err)
		}
	}
}

func TestLimitsOfChanges(t *testing.T) {
	if _, err := changeRequest(nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if made, err := changeRequest(make([]ListChange, 1000)); err != nil || made.count != 1000 {
		t.Error(err)
	}
	if _, err := changeRequest(make([]ListChange, 1001)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	long := make([]ListChange, 1000)
	for i := range long {
		long[i].Value = strings.Repeat("x", 3000)
	}
	if _, err := changeRequest(long); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := explainRequest(strings.Repeat("x", requestSizeMax)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}
