package harrier

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"harrier.example/harrier/internal/wire"
)

func findQueryOf(w *wire.FindRequest) FindQuery {
	query := FindQuery{
		From: moment(w.FromUs), Until: moment(w.UntilUs), ReceivedFrom: moment(w.ReceivedFromUs),
		ReceivedUntil: moment(w.ReceivedUntilUs), Currency: w.Currency, Rule: w.Rule, Shadow: w.Shadow,
		TransactionID: w.TransactionId, Limit: int(w.Limit), Cursor: w.Cursor,
	}
	for _, verdict := range w.Verdicts {
		query.Verdicts = append(query.Verdicts, verdicts[verdict])
	}
	for _, label := range w.Labels {
		query.Labels = append(query.Labels, labels[label])
	}
	for _, key := range w.Keys {
		query.Keys = append(query.Keys, FindKey{key.Field, key.Value})
	}
	if w.Score != nil {
		query.Score = &ScoreRange{w.Score.Min, w.Score.Max}
	}
	if w.Amount != nil {
		query.Amount = &AmountRange{w.Amount.MinMinor, w.Amount.MaxMinor}
	}
	return query
}

func TestEveryFieldOfFindings(t *testing.T) {
	page, response := decode(t, "response_find", "find", 0, decodeFindings)
	given := response.GetFind()
	if page.Cursor != given.Cursor || page.Incomplete != given.Incomplete || len(page.Transactions) != 2 {
		t.Errorf("%+v", page)
	}
	for i, found := range page.Transactions {
		if found.Amended == nil { // nothing to compare with
			found.Amended = &AmendedTransaction{}
			given.Transactions[i].Amended = &wire.AmendedTransaction{}
		}
		compareFields(t, reflect.ValueOf(found), reflect.ValueOf(given.Transactions[i]).Elem())
	}
	if page.Transactions[0].Amended == nil || page.Transactions[1].Amended != nil {
		t.Error("the first one was amended, the second one was not")
	}
}

func TestWhatAFindingMayNotHave(t *testing.T) {
	good := func() *wire.FoundTransaction {
		return &wire.FoundTransaction{
			Transaction: &wire.Transaction{Id: "t"}, Decision: &wire.Decision{Verdict: wire.Verdict_VERDICT_APPROVE},
		}
	}
	for i, change := range []func(*wire.FoundTransaction){
		func(f *wire.FoundTransaction) { f.Transaction = nil },
		func(f *wire.FoundTransaction) { f.Decision = nil },
		func(f *wire.FoundTransaction) { f.Decision.Verdict = 9 },
		func(f *wire.FoundTransaction) { f.Label = 9 },
	} {
		found := good()
		change(found)
		answer := &wire.FindResponse{Transactions: []*wire.FoundTransaction{good(), found}}
		if _, err := decodeFindings(&wire.Response{Answer: &wire.Response_Find{Find: answer}}); !errors.Is(err, ErrProtocol) {
			t.Error(i, err)
		}
	}
}

func TestWhatAFilterCannotHold(t *testing.T) {
	for field, query := range map[string]FindQuery{
		"limit":             {Limit: -1},
		"rule":              {Rule: "\xff"},
		"currency":          {Currency: "\xff"},
		"cursor":            {Cursor: "\xff"},
		"keys":              {Keys: []FindKey{{"card", "\xff"}}},
		"verdicts":          {Verdicts: []Verdict{"no"}},
		"labels":            {Labels: []Label{"no"}},
		"received_until_us": {ReceivedUntil: time.Unix(1<<60, 0)},
	} {
		_, err := findRequest(query)
		var found *Error
		if !errors.As(err, &found) || found.Code != ErrInvalid || found.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
