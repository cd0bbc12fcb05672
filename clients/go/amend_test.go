package harrier

import (
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"harrier.example/harrier/internal/wire"
)

// What Amend sends and refuses to send, and what it makes of answers.

// Made by tests/cases/wire/encode.py, which shares no code with the generated one.
const (
	amendRequestBytes = "9201490a290a03742d31100218ffbfcaf384a3022080c0de9fc6eb91032a0f736574746c656d656e742d66656564" +
		"0a0a0a03742d31100318e8070a070a03742d3210010a070a03742d321004"
	amendResponseBytes = "92016f0a220a200a03742d3110878080808020180122031088272a0b10ffbfcaf384a30218e807" +
		"0a150a130a03742d32220508011088272a0508011088270a2912270801120c616d6f756e745f6d696e6f72" +
		"1a153930303020726566756e646564206f6620343530300a070a050a03742d33"
)

func TestAmendmentsAreTheseBytes(t *testing.T) {
	made, err := amendRequest([]Amendment{
		{"t-1", Capture, 9_999_999_999_999, time.UnixMicro(1_767_312_000_000_000), "settlement-feed", ""},
		{"t-1", Refund, 1000, time.Time{}, "", ""},
		{"t-2", Void, 0, time.Time{}, "", ""},
		{"t-2", Restore, 0, time.Time{}, "", ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(made.body); got != amendRequestBytes || made.call != "amend" || made.count != 4 {
		t.Errorf("%s of %d: %s", made.call, made.count, got)
	}
}

func TestTheAnswersToAmendments(t *testing.T) {
	data, err := hex.DecodeString(amendResponseBytes)
	if err != nil {
		t.Fatal(err)
	}
	response, failure := decodeResponse(data, &request{call: "amend", count: 4})
	if failure != nil {
		t.Fatal(failure)
	}
	results, err := decodeAmendments(response)
	if err != nil {
		t.Fatal(err)
	}
	voided := AmendedTransaction{Voided: true, AmountMinor: 5000}
	for i, wanted := range map[int]*AmendmentAccepted{
		0: {"t-1", 1<<40 + 7, true, AmendedTransaction{AmountMinor: 5000}, AmendedTransaction{false, 9_999_999_999_999, 1000}},
		1: {"t-2", 0, false, voided, voided},
		3: {TransactionID: "t-3"}, // without what it was and is: as if all of that were 0
	} {
		if !reflect.DeepEqual(results[i], AmendmentResult{Accepted: wanted}) {
			t.Errorf("%d: %+v, %v", i, results[i].Accepted, results[i].Err)
		}
	}
	var refused *Error
	if !errors.As(results[2].Err, &refused) || results[2].Accepted != nil {
		t.Fatalf("%+v", results[2])
	}
	if refused.Code != ErrInvalid || refused.Field != "amount_minor" || refused.Message != "9000 refunded of 4500" ||
		refused.Decided != NotDecided {
		t.Errorf("%+v", refused)
	}
	// For one more amendment than there are results.
	if _, failure := decodeResponse(data, &request{call: "amend", count: 5}); failure == nil || failure.Code != ErrProtocol {
		t.Error(failure)
	}
	empty := &wire.AmendResponse{Results: []*wire.AmendmentResult{{}}}
	if _, err := decodeAmendments(&wire.Response{Answer: &wire.Response_Amend{Amend: empty}}); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
}

func TestEveryKindOfAmendmentHasAName(t *testing.T) {
	names := make(map[wire.AmendmentKind]AmendmentKind)
	for kind, number := range kindNumbers {
		if kind == "" {
			kind = "unspecified"
		}
		names[number] = kind
	}
	expectNames(t, names, wire.AmendmentKind_name)
}

func TestWhatAnAmendmentCannotHold(t *testing.T) {
	for _, one := range []struct {
		field     string
		amendment Amendment
	}{
		{"transaction_id", Amendment{TransactionID: "t\xff", Kind: Void}},
		{"kind", Amendment{TransactionID: "t", Kind: "theft"}},
		{"known_time_us", Amendment{TransactionID: "t", Kind: Void, KnownTime: time.Unix(math.MaxInt64/1000, 0)}},
		{"source", Amendment{TransactionID: "t", Kind: Void, Source: "\xff"}},
	} {
		_, err := amendRequest([]Amendment{{TransactionID: "good", Kind: Void}, one.amendment})
		var found *Error
		if !errors.As(err, &found) || found.Code != ErrInvalid || found.Field != one.field || found.Decided != NotDecided {
			t.Errorf("%s: %v", one.field, err)
		}
	}
	// The server refuses one without a kind, and not the others of the message.
	if _, err := amendRequest([]Amendment{{TransactionID: "t"}}); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfAmendments(t *testing.T) {
	for count, wanted := range map[int]error{0: ErrInvalid, 1: nil, 1000: nil, 1001: ErrTooLarge} {
		_, err := amendRequest(make([]Amendment, count))
		var found *Error
		if !errors.Is(err, wanted) || wanted != nil && (!errors.As(err, &found) || found.Field != "amendments") {
			t.Errorf("%d: %v", count, err)
		}
	}
}

func TestExplainedAmendmentsHaveAllTheirFields(t *testing.T) {
	x := explained()
	x.Amendments = []*wire.ExplainedAmendment{
		{
			Position: 7, ReceiveTimeUs: 2_000_000, KnownTimeUs: 1_000_000, Source: "feed",
			Previous: &wire.AmendedTransaction{AmountMinor: 500},
			Now:      &wire.AmendedTransaction{Voided: true, AmountMinor: 400, RefundedMinor: 30},
		},
		{Position: 8},
	}
	found, err := readExplained(x)
	if err != nil || len(found.Amendments) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	compareFields(t, reflect.ValueOf(found.Amendments[0]), reflect.ValueOf(x.Amendments[0]).Elem())
	if found.Amendments[1] != (ExplainedAmendment{Position: 8}) {
		t.Errorf("%+v", found.Amendments[1])
	}
}
