package harrier_test

import (
	"testing"
	"time"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

func TestAmendMany(t *testing.T) {
	told := new(figures)
	s, client := newPair(t, harrier.WithMetrics(told))
	known := time.UnixMicro(1_767_312_000_000_000)
	amendments := []harrier.Amendment{
		{TransactionID: "t1", Kind: harrier.Refund, AmountMinor: 300, KnownTime: known, Source: "settlement-feed"},
		{TransactionID: "t2", Kind: harrier.Void},
	}
	results, err := client.AmendMany(background, amendments, harrier.Traceparent(trace), harrier.Deadline(time.Minute))
	if err != nil || len(results) != 2 || results[1].Accepted.TransactionID != "t2" || results[1].Accepted.Position != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	sent := s.all()[0]
	first, second := sent.GetAmend().GetAmendments()[0], sent.GetAmend().GetAmendments()[1]
	if sent.Traceparent != trace || sent.DeadlineUs < 30_000_000 || first.Kind != wire.AmendmentKind_AMENDMENT_REFUND ||
		first.AmountMinor != 300 || first.KnownTimeUs != known.UnixMicro() || first.Source != "settlement-feed" ||
		second.Kind != wire.AmendmentKind_AMENDMENT_VOID || second.KnownTimeUs != 0 {
		t.Errorf("%v", sent)
	}
	told.expect(t, "set harrier_client_in_flight 1 map[]", "set harrier_client_address_up 1 map[address:"+s.address+"]",
		"set harrier_client_in_flight 0 map[]", "count harrier_client_calls_total 1 map[call:amend result:ok]",
		"observe harrier_client_call_seconds 0 map[call:amend]")

	_, err = client.AmendMany(background, nil)
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
	_, err = client.AmendMany(background, make([]harrier.Amendment, 1001))
	expectCode(t, err, harrier.ErrTooLarge, harrier.NotDecided)
	if len(s.all()) != 1 {
		t.Error("a call that is over a limit was sent")
	}
}

func TestARefusedAmendmentIsTheCallsError(t *testing.T) {
	s, client := newPair(t)
	refused := &wire.Error{Code: wire.ErrorCode_ERROR_NOT_FOUND, Field: "transaction_id", Message: "no such transaction"}
	s.set(func(*wire.Request) any {
		result := &wire.AmendmentResult{Result: &wire.AmendmentResult_Error{Error: refused}}
		return &wire.Response{Answer: &wire.Response_Amend{Amend: &wire.AmendResponse{Results: []*wire.AmendmentResult{result}}}}
	})
	void := harrier.Amendment{TransactionID: "t1", Kind: harrier.Void}
	accepted, err := client.Amend(background, void)
	expectCode(t, err, harrier.ErrNotFound, harrier.NotDecided)
	if accepted != nil {
		t.Errorf("%+v", accepted)
	}
	results, err := client.AmendMany(background, []harrier.Amendment{void})
	if err != nil || results[0].Accepted != nil {
		t.Errorf("%+v, %v", results, err)
	}
	expectCode(t, results[0].Err, harrier.ErrNotFound, harrier.NotDecided)
}

func TestAmendmentsAreSentAgain(t *testing.T) {
	s, client := newPair(t)
	s.set(func(request *wire.Request) any {
		if len(s.all()) < 3 {
			return failing(wire.ErrorCode_ERROR_UNAVAILABLE)(request)
		}
		return approve(request)
	})
	accepted, err := client.Amend(background, harrier.Amendment{TransactionID: "t1", Kind: harrier.Capture, AmountMinor: 7},
		harrier.Deadline(time.Minute))
	if err != nil || !accepted.Changed || len(s.all()) != 3 {
		t.Fatalf("%+v, %v, %d requests", accepted, err, len(s.all()))
	}
	for i, request := range s.all() {
		if one := request.GetAmend().GetAmendments()[0]; one.TransactionId != "t1" || one.AmountMinor != 7 {
			t.Errorf("%d: %v", i, request)
		}
	}
}
