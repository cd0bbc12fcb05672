package harrier_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"harrier.example/harrier"
)

func newBatcher(t *testing.T, client *harrier.Client, window time.Duration, sizeMax int) *harrier.Batcher {
	t.Helper()
	batcher, err := client.NewBatcher(window, sizeMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { batcher.Close() })
	return batcher
}

func TestBatcherGroups(t *testing.T) {
	s, client := newPair(t)
	batcher := newBatcher(t, client, 100*time.Millisecond, 10)
	var calls sync.WaitGroup
	for number := 0; number < 45; number++ {
		number := number
		calls.Add(1)
		go func() {
			defer calls.Done()
			decision, err := batcher.Score(background, transaction(number))
			if err != nil || decision.TransactionID != fmt.Sprintf("t%d", number) {
				t.Errorf("%d: %+v, %v", number, decision, err)
			}
		}()
	}
	calls.Wait()
	sum := 0
	for _, score := range s.scores() {
		if len(score.Transactions) > 10 {
			t.Error(len(score.Transactions))
		}
		sum += len(score.Transactions)
	}
	if sum != 45 || len(s.scores()) > 20 {
		t.Errorf("%d transactions in %d messages", sum, len(s.scores()))
	}
}

func TestOneAtFaultFailsAlone(t *testing.T) {
	_, client := newPair(t)
	batcher := newBatcher(t, client, time.Second, 3)
	wrong := transaction(7)
	wrong.Card = "\xff"
	errs := make([]error, 3)
	var calls sync.WaitGroup
	for i, one := range []harrier.Transaction{transaction(1), wrong, transaction(2)} {
		i, one := i, one
		calls.Add(1)
		go func() {
			defer calls.Done()
			_, errs[i] = batcher.Score(background, one)
		}()
	}
	calls.Wait()
	if errs[0] != nil || errs[2] != nil {
		t.Error(errs)
	}
	expectCode(t, errs[1], harrier.ErrInvalid, harrier.NotDecided)
}

func TestBatcherDeadlines(t *testing.T) {
	s, client := newPair(t)
	batcher := newBatcher(t, client, time.Second, 0)
	begun := time.Now()
	if _, err := batcher.Score(background, transaction(1), harrier.Deadline(900*time.Millisecond)); err != nil {
		t.Error("there must be time for the answer:", err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Error("waited for the window:", took)
	}
	s.set(silent)
	quick := newBatcher(t, client, 0, 0)
	ctx, cancel := context.WithTimeout(background, 500*time.Millisecond)
	defer cancel()
	_, err := quick.Score(ctx, transaction(2))
	expectCode(t, err, harrier.ErrDeadline, harrier.MayBeDecided)
	leaving, leave := context.WithCancel(background)
	time.AfterFunc(500*time.Millisecond, leave)
	_, err = quick.Score(leaving, transaction(3), harrier.Deadline(3*time.Second))
	expectCode(t, err, harrier.ErrCanceled, harrier.MayBeDecided)
}

func TestClosingABatcherSends(t *testing.T) {
	s, client := newPair(t)
	batcher := newBatcher(t, client, time.Second, 0)
	begun := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { batcher.Close() })
	if _, err := batcher.Score(background, transaction(1), harrier.Traceparent(trace)); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 800*time.Millisecond {
		t.Error(took)
	}
	if got := s.all()[0].Traceparent; got != trace {
		t.Error(got)
	}
	_, err := batcher.Score(background, transaction(2))
	expectCode(t, err, harrier.ErrClosed, harrier.NotDecided)
}

func TestBatcherSendsTheFirstTrace(t *testing.T) {
	s, client := newPair(t)
	batcher := newBatcher(t, client, time.Second, 3)
	done := make(chan error)
	for _, one := range []string{"", trace, other} {
		one := one
		go func() {
			_, err := batcher.Score(background, transaction(1), harrier.Traceparent(one))
			done <- err
		}()
		time.Sleep(20 * time.Millisecond)
	}
	for i := 0; i < 3; i++ {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(s.all()) != 1 || s.all()[0].Traceparent != trace {
		t.Error(s.all())
	}
}

func TestWrongBatchers(t *testing.T) {
	_, client := newPair(t)
	for _, one := range []struct {
		window  time.Duration
		sizeMax int
	}{{-1, 1}, {2 * time.Second, 1}, {1, -1}, {1, 1001}} {
		_, err := client.NewBatcher(one.window, one.sizeMax)
		expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
	}
	_, err := newBatcher(t, client, 0, 0).Score(background, transaction(1), harrier.DryRun())
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
}
