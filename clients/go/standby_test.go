package harrier_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

// standby answers what only reads itself, and names a primary.
func standby(primary string) func(*wire.Request) any {
	return func(request *wire.Request) any {
		switch request.Call.(type) {
		case *wire.Request_Score, *wire.Request_ReportOutcome, *wire.Request_ChangeList, *wire.Request_Amend:
			return &wire.Response{Error: &wire.Error{Code: wire.ErrorCode_ERROR_NOT_PRIMARY, Message: "a standby", Primary: primary}}
		case *wire.Request_Status:
			return &wire.Response{Answer: &wire.Response_Status{Status: &wire.StatusResponse{
				State: "standby", Node: "n2", Primary: primary, CommittedPosition: 41,
			}}}
		}
		return approve(request)
	}
}

// newCluster is two servers, and a client with time that is connected to both.
func newCluster(t *testing.T, options ...harrier.Option) (first, second *server, client *harrier.Client, told *figures) {
	t.Helper()
	first, second, told = newServer(t, address(t, "a"), nil), newServer(t, address(t, "b"), nil), new(figures)
	options = append([]harrier.Option{harrier.WithDeadline(time.Minute), harrier.WithMetrics(told)}, options...)
	client = newClient(t, []string{first.address, second.address}, options...)
	for _, one := range []*server{first, second} {
		for end := time.Now().Add(2 * time.Minute); told.times(upOf(one)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("not connected to", one.address)
			}
		}
	}
	return first, second, client, told
}

func upOf(s *server) string { return "set harrier_client_address_up 1 map[address:" + s.address + "]" }

const retriedNotPrimary = "count harrier_client_retries_total 1 map[reason:not_primary]"

func scoreAll(t *testing.T, client *harrier.Client, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		decision, err := client.Score(background, transaction(number))
		if err != nil || decision.Fallback {
			t.Fatalf("%d: %+v, %v", number, decision, err)
		}
	}
}

func expectScores(t *testing.T, s *server, count int) {
	t.Helper()
	if got := len(s.scores()); got != count {
		t.Errorf("%d requests, expected %d", got, count)
	}
}

func TestCallsGoToThePrimary(t *testing.T) {
	first, second, client, _ := newCluster(t)
	first.set(standby(second.address))
	scoreAll(t, client, 1, 2, 3)
	expectScores(t, first, 1) // then it is marked
	expectScores(t, second, 3)
	if _, err := client.ReportOutcome(background, harrier.Outcome{TransactionID: "t1", Label: harrier.Fraud}); err != nil {
		t.Error(err)
	}
	if _, err := client.Amend(background, harrier.Amendment{TransactionID: "t1", Kind: harrier.Void}); err != nil {
		t.Error(err)
	}
	status, err := client.Status(background)
	if err != nil || status.State != "ready" {
		t.Errorf("calls that only read go the same way: %+v, %v", status, err)
	}
	// The other way round.
	first.set(approve)
	second.set(standby(first.address))
	scoreAll(t, client, 4, 5)
	expectScores(t, first, 3)
	expectScores(t, second, 4)
}

func TestTheStatusOfAStandby(t *testing.T) {
	s, client := newPair(t)
	s.set(standby("tcp://10.1.0.5:7130"))
	status, err := client.Status(background)
	if err != nil || status.State != "standby" || status.Node != "n2" || status.Primary != "tcp://10.1.0.5:7130" ||
		status.CommittedPosition != 41 {
		t.Errorf("%+v, %v", status, err)
	}
}

// Nobody knows the primary for a while, and it takes longer than retries_max attempts. Then the second is.
func TestATakeOver(t *testing.T) {
	first, second, client, told := newCluster(t, harrier.WithRetriesMax(0))
	first.set(standby(""))
	var asked atomic.Int32
	second.set(func(request *wire.Request) any {
		if request.GetScore() != nil && asked.Add(1) < 4 {
			return standby("")(request)
		}
		return approve(request)
	})
	scoreAll(t, client, 1)
	// In turn: either may have become the primary.
	expectScores(t, first, 4)
	expectScores(t, second, 4)
	if got := told.times(retriedNotPrimary); got != 7 {
		t.Error("counted", got)
	}
	scoreAll(t, client, 2, 3)
	expectScores(t, first, 4)
}

// Whatever a server answers to a call that writes, it is no standby any more.
func TestThePrimaryLosesItsMark(t *testing.T) {
	outcome := func(client *harrier.Client) error {
		_, err := client.ReportOutcome(background, harrier.Outcome{TransactionID: "t1", Label: harrier.Fraud})
		return err
	}
	change := func(client *harrier.Client) error {
		_, err := client.ChangeList(background, []harrier.ListChange{{List: "blocked", Value: "c1"}})
		return err
	}
	amend := func(client *harrier.Client) error {
		_, err := client.Amend(background, harrier.Amendment{TransactionID: "t1", Kind: harrier.Void})
		return err
	}
	for name, one := range map[string]struct {
		call   func(*harrier.Client) error
		answer func(*wire.Request) any
		wanted error
	}{
		"an amendment":     {amend, approve, nil},
		"an outcome":       {outcome, approve, nil},
		"a change":         {change, approve, nil},
		"an error":         {outcome, failing(wire.ErrorCode_ERROR_NOT_FOUND), harrier.ErrNotFound},
		"no answer at all": {change, func(*wire.Request) any { return []byte{0xff} }, harrier.ErrProtocol},
	} {
		one := one
		t.Run(name, func(t *testing.T) {
			first, second, client, _ := newCluster(t)
			first.set(standby(""))
			var asked atomic.Int32
			second.set(func(request *wire.Request) any {
				if asked.Add(1) < 3 {
					return standby("")(request)
				}
				return one.answer(request)
			})
			if err := one.call(client); !errors.Is(err, one.wanted) {
				t.Error(err)
			}
			before := len(first.all())
			second.set(approve)
			scoreAll(t, client, 2)
			if len(first.all()) != before {
				t.Error("the primary is still marked")
			}
		})
	}
}

// inVain is the error of a call that finds no primary, with a deadline that is long enough for this machine to have an
// answer before.
func inVain(t *testing.T, client *harrier.Client) error {
	t.Helper()
	for deadline := 300 * time.Millisecond; ; deadline *= 2 {
		begun := time.Now()
		_, err := client.Score(background, transaction(1), harrier.Deadline(deadline))
		if took := time.Since(begun); took < deadline-20*time.Millisecond {
			t.Fatal("not until the deadline:", took, err)
		}
		if deadline > time.Minute || errors.Is(err, harrier.ErrUnavailable) && strings.Contains(err.Error(), "primary") {
			return err
		}
	}
}

func TestNoPrimary(t *testing.T) {
	s, client := newPair(t, harrier.WithRetriesMax(0))
	elsewhere := newServer(t, address(t, "elsewhere"), nil)
	s.set(standby(elsewhere.address))
	err := inVain(t, client)
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
	for _, words := range []string{"no server at " + s.address + " was the primary", elsewhere.address, "not among the addresses"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("not context.DeadlineExceeded")
	}
	if len(elsewhere.all()) != 0 {
		t.Error("an address outside of the list was asked")
	}
}

func TestStandbysAreNotEjected(t *testing.T) {
	first, second, client, told := newCluster(t, harrier.WithEjectAfter(2))
	first.set(standby(""))
	var asked atomic.Int32
	second.set(func(request *wire.Request) any {
		if asked.Add(1) < 4 {
			return standby("")(request)
		}
		return approve(request)
	})
	scoreAll(t, client, 1)
	for _, one := range []*server{first, second} {
		if told.times("count harrier_client_ejections_total 1 map[address:"+one.address+"]") > 0 {
			t.Error("ejected:", one.address)
		}
	}
}

// The primary is not ready: the call waits for it, and asks no standby meanwhile.
func TestAPrimaryThatIsNotReady(t *testing.T) {
	first, second, client, _ := newCluster(t)
	first.set(standby(second.address))
	scoreAll(t, client, 1)
	var refused atomic.Int32
	second.set(func(request *wire.Request) any {
		if refused.Add(1) <= 2 {
			return failing(wire.ErrorCode_ERROR_UNAVAILABLE)(request)
		}
		return approve(request)
	})
	scoreAll(t, client, 2)
	expectScores(t, first, 1)
	expectScores(t, second, 4)
}

// A transaction that a server has not decided because it stepped down: nothing happened.
func TestNotPrimaryInAResult(t *testing.T) {
	s, client := newPair(t)
	s.set(func(*wire.Request) any {
		failed := &wire.ScoreResult{Result: &wire.ScoreResult_Error{Error: &wire.Error{
			Code: wire.ErrorCode_ERROR_NOT_PRIMARY, Message: "a standby"}}}
		return &wire.Response{Answer: &wire.Response_Score{Score: &wire.ScoreResponse{Results: []*wire.ScoreResult{failed}}}}
	})
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
}

func TestClosingWaitsForTheSearch(t *testing.T) {
	s, client := newPair(t)
	s.set(standby(""))
	failed := make(chan error, 1)
	go func() {
		_, err := client.Score(background, transaction(1), harrier.Deadline(time.Minute))
		failed <- err
	}()
	s.awaitScores(t, 1)
	go client.Close()
	s.awaitScores(t, 3)
	s.set(approve)
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestTheSearchCanBeLeft(t *testing.T) {
	s, client := newPair(t)
	s.set(standby(""))
	ctx, cancel := context.WithCancel(background)
	go func() {
		s.awaitScores(t, 10) // by now it mostly waits
		cancel()
	}()
	_, err := client.Score(ctx, transaction(1), harrier.Deadline(time.Minute))
	if !errors.Is(err, harrier.ErrCanceled) {
		t.Error(err)
	}
}
