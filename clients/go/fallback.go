package harrier

import "fmt"

// Fallback decisions: what scoring returns if there is no decision in time.

func standsForCall(code Code) bool {
	switch code {
	case ErrDeadline, ErrUnavailable, ErrBusy, ErrOverloaded, ErrInternal, ErrProtocol:
		return true
	}
	return false
}

func standsForTransaction(code Code) bool {
	switch code {
	case ErrDeadline, ErrUnavailable, ErrOverloaded, ErrInternal:
		return true
	}
	return false
}

// fallBack passes a copy of the transaction: otherwise those of every call would escape to the heap.
func fallBack(choose FallbackFunc, transaction Transaction, err error) (*Decision, error) {
	verdict, failure := choose(&transaction, err)
	if failure != nil {
		return nil, failure
	}
	if !verdict.known() {
		return nil, invalid("fallback", fmt.Sprintf("the function returned %q; expected approve, review, challenge or decline", string(verdict)))
	}
	return &Decision{TransactionID: transaction.ID, Verdict: verdict, Fallback: true, FallbackReason: codeOf(err)}, nil
}

// fallBackForCall replaces the error that a call ended with by decisions, or returns the error.
func fallBackForCall(choose FallbackFunc, transactions []Transaction, err error, m *meter) ([]ScoreResult, error) {
	code := codeOf(err)
	if choose == nil || !standsForCall(code) {
		return nil, err
	}
	results := make([]ScoreResult, len(transactions))
	for i := range transactions {
		decision, failure := fallBack(choose, transactions[i], err)
		if failure != nil {
			return nil, failure
		}
		results[i].Decision = decision
	}
	m.fellBack(code, len(transactions))
	return results, nil
}

// fallBackForResults replaces the errors of single transactions by decisions.
func fallBackForResults(choose FallbackFunc, transactions []Transaction, results []ScoreResult, m *meter) ([]ScoreResult, error) {
	for i := range results {
		code := codeOf(results[i].Err)
		if choose == nil || !standsForTransaction(code) {
			continue
		}
		decision, failure := fallBack(choose, transactions[i], results[i].Err)
		if failure != nil {
			return nil, failure
		}
		results[i] = ScoreResult{Decision: decision}
		m.fellBack(code, 1)
	}
	return results, nil
}
