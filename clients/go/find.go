package harrier

import (
	"context"
	"fmt"
	"math"
	"time"

	"harrier.example/harrier/internal/wire"
)

// Find returns a page of the transactions of the server's archive, the newest first. A server for which several searches
// are waiting answers ErrUnavailable.
func (c *Client) Find(ctx context.Context, query FindQuery, options ...CallOption) (*Findings, error) {
	encode := func(*callOptions) (*request, error) { return findRequest(query) }
	return ask(ctx, c, options, encode, decodeFindings)
}

func findRequest(query FindQuery) (*request, error) {
	if query.Limit < 0 || int64(query.Limit) > math.MaxUint32 {
		return nil, invalid("limit", fmt.Sprintf("%d; expected 0 to 1000", query.Limit))
	}
	if err := checkEach(text{"currency", query.Currency}, text{"rule", query.Rule},
		text{"transaction_id", query.TransactionID}, text{"cursor", query.Cursor}); err != nil {
		return nil, err
	}
	call := &wire.FindRequest{
		Currency: query.Currency, Rule: query.Rule, Shadow: query.Shadow, TransactionId: query.TransactionID,
		Limit: uint32(query.Limit), Cursor: query.Cursor,
	}
	for _, one := range []struct {
		name   string
		time   time.Time
		target *int64
	}{
		{"from_us", query.From, &call.FromUs},
		{"until_us", query.Until, &call.UntilUs},
		{"received_from_us", query.ReceivedFrom, &call.ReceivedFromUs},
		{"received_until_us", query.ReceivedUntil, &call.ReceivedUntilUs},
	} {
		us, err := microseconds(one.time, one.name)
		if err != nil {
			return nil, err
		}
		*one.target = us
	}
	if err := fillSets(query, call); err != nil {
		return nil, err
	}
	if query.Score != nil {
		call.Score = &wire.ScoreRange{Min: query.Score.Min, Max: query.Score.Max}
	}
	if query.Amount != nil {
		call.Amount = &wire.AmountRange{MinMinor: query.Amount.MinMinor, MaxMinor: query.Amount.MaxMinor}
	}
	return newRequest("find", 0, &wire.Request{Call: &wire.Request_Find{Find: call}})
}

func fillSets(query FindQuery, call *wire.FindRequest) error {
	for _, verdict := range query.Verdicts {
		number, is := verdictNumbers[verdict]
		if !is {
			return invalid("verdicts", fmt.Sprintf("%q is not a verdict", verdict))
		}
		call.Verdicts = append(call.Verdicts, number)
	}
	for _, label := range query.Labels {
		number, is := labelNumbers[label]
		if !is {
			return invalid("labels", fmt.Sprintf("%q is not a label", label))
		}
		call.Labels = append(call.Labels, number)
	}
	for _, key := range query.Keys {
		if err := checkEach(text{"keys", key.Field}, text{"keys", key.Value}); err != nil {
			return err
		}
		call.Keys = append(call.Keys, &wire.FindKey{Field: key.Field, Value: key.Value})
	}
	return nil
}

func decodeFindings(response *wire.Response) (*Findings, error) {
	var r reading
	given := response.GetFind()
	made := &Findings{
		Transactions: each(given.GetTransactions(), r.found), Cursor: given.GetCursor(), Incomplete: given.GetIncomplete(),
	}
	return made, r.fault
}

func (r *reading) found(f *wire.FoundTransaction) FoundTransaction {
	if f.Decision == nil {
		r.fail("a found transaction has no decision")
		return FoundTransaction{}
	}
	made := FoundTransaction{
		Transaction: r.transaction(f.Transaction), Decision: *r.decision(f.Decision), ReceiveTime: moment(f.ReceiveTimeUs),
		Label: known(r, labels, f.Label, "label"), OutcomeReceiveTime: moment(f.OutcomeReceiveTimeUs),
		OutcomeKnownTime: moment(f.OutcomeKnownTimeUs), AmendedTime: moment(f.AmendedTimeUs),
	}
	if f.Amended != nil {
		amended := decodeAmended(f.Amended)
		made.Amended = &amended
	}
	return made
}
