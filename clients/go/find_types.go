package harrier

import "time"

// FindQuery has the filters of Find; all that are given must hold, and a zero value is no filter. Times are from the
// first on and before the second; the other ranges include both ends.
type FindQuery struct {
	From, Until                 time.Time
	ReceivedFrom, ReceivedUntil time.Time
	Verdicts                    []Verdict
	Score                       *ScoreRange
	// Amount is the amount that was scored; it needs Currency.
	Amount   *AmountRange
	Currency string
	// Rule fired and had effect; with Shadow it may also have fired in shadow, or been suppressed.
	Rule   string
	Shadow bool
	// Keys are fields of the transaction and what they are: "card", "customer", …
	Keys []FindKey
	// Labels are what is known by now; NoOutcome: nothing is.
	Labels        []Label
	TransactionID string
	// Limit is at most 1,000; 0: 100.
	Limit int
	// Cursor is that of the page before, with the same filters.
	Cursor string
}

// ScoreRange includes both ends.
type ScoreRange struct {
	Min, Max uint32
}

// AmountRange includes both ends, in minor units of the currency.
type AmountRange struct {
	MinMinor, MaxMinor int64
}

// FindKey is a text field of a transaction and its value, byte by byte.
type FindKey struct {
	Field, Value string
}

// Findings are a page of transactions, the newest first.
type Findings struct {
	Transactions []FoundTransaction
	// Cursor is that of the next page; empty: there is none.
	Cursor string
	// Incomplete: the search took too long, or the page would be too large, before the limit was reached.
	Incomplete bool
}

// FoundTransaction has its decision as archived, and what is known about it by now.
type FoundTransaction struct {
	Transaction Transaction
	Decision    Decision
	ReceiveTime time.Time
	// Label is what is known. With NoOutcome the next two are zero.
	Label              Label
	OutcomeReceiveTime time.Time
	OutcomeKnownTime   time.Time
	// Amended is nil if there was no amendment.
	Amended     *AmendedTransaction
	AmendedTime time.Time
}
