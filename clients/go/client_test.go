package harrier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

var background = context.Background()

func transaction(number int) harrier.Transaction {
	return harrier.Transaction{
		ID: fmt.Sprintf("t%d", number), EventTime: time.Unix(1767225600, 0), AmountMinor: 100, Currency: "EUR", Card: "c1",
	}
}

func transactions(count int) []harrier.Transaction {
	var made []harrier.Transaction
	for number := 0; number < count; number++ {
		made = append(made, transaction(number))
	}
	return made
}

func address(t testing.TB, name string) string { return "ipc://" + t.TempDir() + "/" + name }

func newClient(t testing.TB, addresses []string, options ...harrier.Option) *harrier.Client {
	t.Helper()
	client, err := harrier.New(addresses, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// newPair is a server, and a client with time.
func newPair(t testing.TB, options ...harrier.Option) (*server, *harrier.Client) {
	t.Helper()
	s := newServer(t, address(t, "s"), nil)
	return s, newClient(t, []string{s.address}, append([]harrier.Option{harrier.WithDeadline(20 * time.Second)}, options...)...)
}

func expectCode(t *testing.T, err error, code harrier.Code, decided harrier.Decided) {
	t.Helper()
	var found *harrier.Error
	if !errors.As(err, &found) || found.Code != code || found.Decided != decided || !errors.Is(err, code) {
		t.Fatalf("%v (%+v), expected %s with decided %s", err, found, code, decided)
	}
	if found.Message == "" {
		t.Error("no message")
	}
}

func TestWrongOptions(t *testing.T) {
	fine := []string{"tcp://127.0.0.1:1"}
	for _, one := range []struct {
		field     string
		addresses []string
		option    harrier.Option
	}{
		{"addresses", nil, nil},
		{"addresses", []string{""}, nil},
		{"addresses", []string{"carrier-pigeon://roof"}, nil},
		{"addresses", []string{"tcp://127.0.0.1"}, nil},
		{"addresses", []string{"tcp://127.0.0.1:0"}, nil},
		{"addresses", []string{"tcp://127.0.0.1:70000"}, nil},
		{"addresses", []string{"tcp://:7731"}, nil},
		{"addresses", []string{"ipc://"}, nil},
		{"addresses", []string{"ipc:///" + strings.Repeat("x", 107)}, nil},
		{"addresses", []string{fine[0], fine[0]}, nil},
		{"deadline", fine, harrier.WithDeadline(0)},
		{"deadline", fine, harrier.WithDeadline(time.Hour + 1)},
		{"retries_max", fine, harrier.WithRetriesMax(-1)},
		{"in_flight_max", fine, harrier.WithInFlightMax(0)},
		{"eject_after", fine, harrier.WithEjectAfter(0)},
		{"fallback", fine, harrier.WithFallback("aprove")},
		{"token", fine, harrier.WithToken("sécret")},
		{"token", fine, harrier.WithToken(strings.Repeat("s", 257))},
	} {
		var options []harrier.Option
		if one.option != nil {
			options = append(options, one.option)
		}
		_, err := harrier.New(one.addresses, options...)
		expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
		if err.(*harrier.Error).Field != one.field {
			t.Errorf("%v, expected %s", err, one.field)
		}
	}
}

func TestMakingWaitsForNothing(t *testing.T) {
	begun := time.Now()
	newClient(t, []string{address(t, "nobody"), "tcp://192.0.2.1:7731"}).Close()
	if took := time.Since(begun); took > time.Second {
		t.Error(took)
	}
}

func TestCalls(t *testing.T) {
	_, client := newPair(t)
	decision, err := client.Score(background, transaction(1))
	if err != nil || decision.TransactionID != "t1" || decision.Verdict != harrier.Approve || decision.Fallback {
		t.Errorf("%+v, %v", decision, err)
	}
	results, err := client.ScoreMany(background, transactions(1000))
	if err != nil || len(results) != 1000 || results[999].Decision.TransactionID != "t999" {
		t.Error(len(results), err)
	}
	accepted, err := client.ReportOutcome(background, harrier.Outcome{TransactionID: "t1", Label: harrier.Fraud})
	if err != nil || !accepted.Changed {
		t.Errorf("%+v, %v", accepted, err)
	}
	amended, err := client.Amend(background, harrier.Amendment{TransactionID: "t1", Kind: harrier.Refund, AmountMinor: 5})
	if err != nil || !amended.Changed || amended.Position != 1 {
		t.Errorf("%+v, %v", amended, err)
	}
	status, err := client.Status(background, harrier.StateHash())
	if err != nil || status.State != "ready" {
		t.Errorf("%+v, %v", status, err)
	}
	entity, err := client.GetEntity(background, "card", []string{"c1"}, harrier.AtTime(time.Now()))
	if err != nil || entity.Entries != 3 {
		t.Errorf("%+v, %v", entity, err)
	}
}

func TestOneResultIsTheCallsError(t *testing.T) {
	s, client := newPair(t)
	s.set(func(*wire.Request) any {
		failed := &wire.ScoreResult{Result: &wire.ScoreResult_Error{Error: &wire.Error{Code: wire.ErrorCode_ERROR_INVALID, Message: "no"}}}
		return &wire.Response{Answer: &wire.Response_Score{Score: &wire.ScoreResponse{Results: []*wire.ScoreResult{failed}}}}
	})
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
	results, err := client.ScoreMany(background, transactions(1))
	if err != nil {
		t.Fatal(err)
	}
	expectCode(t, results[0].Err, harrier.ErrInvalid, harrier.NotDecided)
}

func TestManyGoroutines(t *testing.T) {
	_, client := newPair(t)
	var done sync.WaitGroup
	for number := 0; number < 1000; number++ {
		number := number
		done.Add(1)
		go func() {
			defer done.Done()
			decision, err := client.Score(background, transaction(number))
			if err != nil || decision.TransactionID != fmt.Sprintf("t%d", number) {
				t.Errorf("%d: %+v, %v", number, decision, err)
			}
		}()
	}
	done.Wait()
}

func TestDeadlineIsTheEarliest(t *testing.T) {
	s, client := newPair(t, harrier.WithDeadline(5*time.Minute))
	s.set(silent)
	if _, err := client.Status(background); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(background, 500*time.Millisecond)
	defer cancel()
	for _, call := range []func() error{
		func() error { _, err := client.Score(short, transaction(1)); return err },
		func() error {
			_, err := client.Score(background, transaction(1), harrier.Deadline(500*time.Millisecond))
			return err
		},
	} {
		begun := time.Now()
		err := call()
		expectCode(t, err, harrier.ErrDeadline, harrier.MayBeDecided)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error("not context.DeadlineExceeded")
		}
		if took := time.Since(begun); took < 400*time.Millisecond || took > time.Minute {
			t.Error(took)
		}
	}
	// A context alone makes nothing wait longer than the client's deadline.
	quick := newClient(t, []string{s.address}, harrier.WithDeadline(50*time.Millisecond))
	long, cancelLong := context.WithTimeout(background, time.Hour)
	defer cancelLong()
	if _, err := quick.Score(long, transaction(1)); err == nil {
		t.Error("an answer?")
	}
	_, err := client.Score(background, transaction(1), harrier.Deadline(-1))
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
}

func TestCancelled(t *testing.T) {
	s, client := newPair(t)
	s.set(silent)
	if _, err := client.Status(background); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	go func() {
		s.awaitScores(t, 1)
		cancel()
	}()
	_, err := client.Score(ctx, transaction(1))
	expectCode(t, err, harrier.ErrCanceled, harrier.MayBeDecided)
	if !errors.Is(err, context.Canceled) {
		t.Error("not context.Canceled")
	}
	_, err = client.Score(ctx, transaction(2))
	expectCode(t, err, harrier.ErrCanceled, harrier.NotDecided)
	if len(s.scores()) != 1 {
		t.Error("a call that was cancelled before was sent")
	}

	nobody := newClient(t, []string{address(t, "nobody")}, harrier.WithDeadline(time.Minute))
	waiting, leave := context.WithCancel(background)
	time.AfterFunc(20*time.Millisecond, leave)
	_, err = nobody.Score(waiting, transaction(3))
	expectCode(t, err, harrier.ErrCanceled, harrier.NotDecided)
}

func TestBusy(t *testing.T) {
	s, client := newPair(t, harrier.WithInFlightMax(1))
	s.set(silent)
	first := make(chan error)
	go func() {
		_, err := client.Score(background, transaction(1), harrier.Deadline(2*time.Second))
		first <- err
	}()
	s.awaitScores(t, 1)
	_, err := client.Score(background, transaction(2), harrier.Deadline(30*time.Millisecond))
	expectCode(t, err, harrier.ErrBusy, harrier.NotDecided)
	expectCode(t, <-first, harrier.ErrDeadline, harrier.MayBeDecided)
	if _, err := client.Status(background); err != nil {
		t.Error("the room is free again:", err)
	}
}

func TestNoServer(t *testing.T) {
	client := newClient(t, []string{address(t, "nobody")}, harrier.WithDeadline(30*time.Millisecond))
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
	if !strings.Contains(err.Error(), "no such file") || !errors.Is(err, context.DeadlineExceeded) {
		t.Error("does not say why:", err)
	}
}

// A server that accepts and never shakes hands is no connection.
func TestNoHandshake(t *testing.T) {
	path := t.TempDir() + "/mute"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := newClient(t, []string{"ipc://" + path}, harrier.WithDeadline(30*time.Millisecond))
	_, err = client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
	begun := time.Now()
	client.Close()
	if took := time.Since(begun); took > 8*time.Second { // the handshake would end after 10 s
		t.Error("closing waited for a handshake:", took)
	}
}

// A connected server that takes nothing: the call certainly was not sent, and the other address gets the next ones.
func TestAServerThatTakesNothing(t *testing.T) {
	path := t.TempDir() + "/stuffed"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte{0, 'S', 'P', 0, 0, 0x31, 0, 0})
		<-ended
	}()
	other := newServer(t, address(t, "other"), nil)
	client := newClient(t, []string{"ipc://" + path, other.address}, harrier.WithDeadline(time.Second), harrier.WithEjectAfter(2))
	large := transactions(1000)
	for i := range large {
		large[i].Attributes = []harrier.Attribute{harrier.String("note", strings.Repeat("x", 1000))}
	}
	time.Sleep(500 * time.Millisecond) // connected
	_, err = client.ScoreMany(background, large)
	expectCode(t, err, harrier.ErrDeadline, harrier.MayBeDecided) // begun to be written
	_, err = client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
	if !strings.Contains(err.Error(), "took no request") {
		t.Error(err)
	}
	if _, err := client.Score(background, transaction(2), harrier.Deadline(time.Minute)); err != nil {
		t.Error("the first is ejected:", err)
	}
}

// An answer over the limit breaks the connection; nothing is reserved for what it claims.
func TestAnAnswerThatIsTooLarge(t *testing.T) {
	s, client := newPair(t, harrier.WithRetriesMax(1))
	s.set(func(*wire.Request) any { return make([]byte, 9<<20) })
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.MayBeDecided)
	if len(s.scores()) != 2 {
		t.Error(len(s.scores()))
	}
}

func TestFallbackFunction(t *testing.T) {
	var asked []string
	choose := func(one *harrier.Transaction, err error) (harrier.Verdict, error) {
		if !errors.Is(err, harrier.ErrInternal) {
			t.Error(err)
		}
		asked = append(asked, one.ID)
		if one.AmountMinor < 500 {
			return harrier.Approve, nil
		}
		return harrier.Review, nil
	}
	s, client := newPair(t, harrier.WithFallbackFunc(choose))
	s.set(failing(wire.ErrorCode_ERROR_INTERNAL))
	two := transactions(2)
	two[1].AmountMinor = 501
	results, err := client.ScoreMany(background, two)
	if err != nil || results[0].Decision.Verdict != harrier.Approve || results[1].Decision.Verdict != harrier.Review {
		t.Fatal(results, err)
	}
	one := results[1].Decision
	if !one.Fallback || one.FallbackReason != harrier.ErrInternal || one.TransactionID != "t1" || one.Position != 0 {
		t.Errorf("%+v", one)
	}
	if strings.Join(asked, " ") != "t0 t1" {
		t.Error(asked)
	}
	_, err = client.Score(background, transaction(1), harrier.DryRun())
	expectCode(t, err, harrier.ErrInternal, harrier.MayBeDecided)
	s.set(failing(wire.ErrorCode_ERROR_DENIED))
	_, err = client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrDenied, harrier.NotDecided)
}

func TestAFallbackFunctionThatFails(t *testing.T) {
	noRule := errors.New("no rule for this")
	verdict := harrier.Verdict("")
	s, client := newPair(t, harrier.WithFallbackFunc(func(*harrier.Transaction, error) (harrier.Verdict, error) {
		if verdict == "" {
			return "", noRule
		}
		return verdict, nil
	}))
	s.set(failing(wire.ErrorCode_ERROR_INTERNAL))
	if _, err := client.Score(background, transaction(1)); err != noRule {
		t.Error(err)
	}
	verdict = "perhaps"
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
}

func TestClosed(t *testing.T) {
	_, client := newPair(t)
	if _, err := client.Score(background, transaction(1)); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrClosed, harrier.NotDecided)
}

func TestShutdownEndsCalls(t *testing.T) {
	s, client := newPair(t)
	s.set(silent)
	errs := make(chan error)
	for number := 0; number < 8; number++ {
		number := number
		go func() {
			_, err := client.Score(background, transaction(number))
			errs <- err
		}()
	}
	s.awaitScores(t, 8)
	limited, cancel := context.WithTimeout(background, 30*time.Millisecond)
	defer cancel()
	if err := client.Shutdown(limited); err != context.DeadlineExceeded {
		t.Error(err)
	}
	for number := 0; number < 8; number++ {
		expectCode(t, <-errs, harrier.ErrClosed, harrier.MayBeDecided)
	}

	nobody := newClient(t, []string{address(t, "nobody")}, harrier.WithDeadline(time.Minute))
	go func() {
		_, err := nobody.Score(background, transaction(1))
		errs <- err
	}()
	time.Sleep(20 * time.Millisecond)
	now, done := context.WithCancel(background)
	done()
	_ = nobody.Shutdown(now)
	expectCode(t, <-errs, harrier.ErrClosed, harrier.NotDecided)
}

func TestClientsKnowNothingOfEachOther(t *testing.T) {
	s, client := newPair(t)
	other := newClient(t, []string{s.address}, harrier.WithDeadline(20*time.Second))
	client.Close()
	if _, err := other.Score(background, transaction(1)); err != nil {
		t.Error(err)
	}
}

// moody is silent, late, quick, broken or unavailable, as the id says.
func moody(request *wire.Request) any {
	score := request.GetScore()
	if score == nil {
		return approve(request)
	}
	switch kind := int(score.Transactions[0].Id[1]) % 10; kind {
	case 0:
		return nil
	case 1:
		return []byte{0xff}
	case 2:
		return failing(wire.ErrorCode_ERROR_UNAVAILABLE)(request)
	case 3, 4:
		time.Sleep(time.Duration(kind) * 5 * time.Millisecond)
	}
	return approve(request)
}

// Calls end in all the ways they can while the client closes and servers go: no goroutine is left, and each call ends.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for round := 0; round < 20; round++ {
		func() {
			first, err := startServer(address(t, fmt.Sprint("a", round)), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer first.stop()
			first.set(moody)
			second, err := startServer(address(t, fmt.Sprint("b", round)), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer second.stop()
			client, err := harrier.New([]string{first.address, second.address, address(t, "nobody"), "tcp://192.0.2.1:1"},
				harrier.WithDeadline(30*time.Millisecond), harrier.WithEjectAfter(2), harrier.WithInFlightMax(40))
			if err != nil {
				t.Fatal(err)
			}
			batcher, err := client.NewBatcher(0, 7)
			if err != nil {
				t.Fatal(err)
			}
			var calls sync.WaitGroup
			for number := 0; number < 60; number++ {
				number := number
				ctx, cancel := context.WithTimeout(background, time.Duration(rand.Intn(60))*time.Millisecond)
				calls.Add(1)
				go func() {
					defer calls.Done()
					defer cancel()
					var err error
					if number%3 == 0 {
						_, err = batcher.Score(ctx, transaction(number))
					} else {
						_, err = client.Score(ctx, transaction(number))
					}
					var found *harrier.Error
					if err != nil && !errors.As(err, &found) {
						t.Errorf("%T %v", err, err)
					}
				}()
			}
			time.Sleep(time.Duration(rand.Intn(20)) * time.Millisecond)
			if round%4 == 0 {
				first.stop()
			}
			limited, cancel := context.WithTimeout(background, time.Duration(rand.Intn(20))*time.Millisecond)
			defer cancel()
			batcher.Close()
			_ = client.Shutdown(limited)
			calls.Wait()
		}()
	}
	expectGoroutines(t, before)
}

func expectGoroutines(t *testing.T, most int) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); runtime.NumGoroutine() > most; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), most, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestFilesAreClosed(t *testing.T) {
	count := func() int {
		found, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc")
		}
		return len(found)
	}
	s := newServer(t, address(t, "s"), nil)
	newClient(t, []string{s.address}).Close() // what the runtime opens once
	before := count()
	for i := 0; i < 20; i++ {
		client := newClient(t, []string{s.address}, harrier.WithDeadline(time.Minute))
		if _, err := client.Status(background); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	for end := time.Now().Add(2 * time.Minute); count() > before+2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d files, %d before", count(), before)
		}
	}
}
