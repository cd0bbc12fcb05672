package harrier

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Batcher groups calls of Score made within a short time into one message. Any number of goroutines may use it.
type Batcher struct {
	client  *Client
	window  time.Duration
	sizeMax int

	lock   sync.Mutex
	open   *batch
	closed bool
}

// batch becomes one message. Its transactions are in the order of the calls.
type batch struct {
	transactions []Transaction
	begun        time.Time
	ends         time.Time
	traceparent  string
	window       *time.Timer

	done    chan struct{} // closed when there are results, or one error for all
	results []ScoreResult
	failure error
}

const (
	windowMax      = time.Second
	windowDefault  = time.Millisecond
	sizeMaxDefault = 100
)

// NewBatcher makes a batcher. A batch is sent window after its first call (0: a millisecond), or when it has sizeMax
// transactions (0: 100), whichever is first.
func (c *Client) NewBatcher(window time.Duration, sizeMax int) (*Batcher, error) {
	if window == 0 {
		window = windowDefault
	}
	if sizeMax == 0 {
		sizeMax = sizeMaxDefault
	}
	if window < 0 || window > windowMax {
		return nil, invalid("window", fmt.Sprintf("%v; expected up to %v", window, windowMax))
	}
	if sizeMax < 1 || sizeMax > itemsMax {
		return nil, invalid("size_max", fmt.Sprintf("%d; expected 1 to %d", sizeMax, itemsMax))
	}
	return &Batcher{client: c, window: window, sizeMax: sizeMax}, nil
}

// Score is like Client.Score, without DryRun and ReturnFeatures, which apply to a whole message. A call whose context is
// cancelled returns at once; its transaction may still be sent with the others.
func (b *Batcher) Score(ctx context.Context, transaction Transaction, options ...CallOption) (*Decision, error) {
	begun := time.Now()
	chosen, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	if chosen.dryRun || chosen.returnFeatures {
		return nil, invalid("options", "a batcher takes neither DryRun nor ReturnFeatures")
	}
	limit := chosen.deadline
	if limit == 0 {
		limit = b.client.options.deadline
	}
	ends := begun.Add(limit)
	if earlier, has := ctx.Deadline(); has && earlier.Before(ends) {
		ends = earlier
	}
	joined, index, err := b.join(transaction, ends, b.client.options.trace(ctx, &chosen))
	if err != nil {
		return nil, err
	}
	select {
	case <-joined.done:
	case <-ctx.Done():
		if ctx.Err() == context.DeadlineExceeded { // the batch ends then, too
			<-joined.done
			break
		}
		return nil, &Error{Code: ErrCanceled, Message: "the caller's context was cancelled", Decided: MayBeDecided, cause: ctx.Err()}
	}
	if joined.failure != nil {
		return nil, joined.failure
	}
	return joined.results[index].Decision, joined.results[index].Err
}

func (b *Batcher) join(transaction Transaction, ends time.Time, traceparent string) (*batch, int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.closed {
		return nil, 0, &Error{Code: ErrClosed, Message: "the batcher is closed"}
	}
	if b.open == nil {
		opened := &batch{begun: time.Now(), ends: ends, done: make(chan struct{})}
		opened.window = time.AfterFunc(b.window, func() { b.expire(opened) })
		b.open = opened
	}
	joined := b.open
	joined.transactions = append(joined.transactions, transaction)
	if joined.traceparent == "" {
		joined.traceparent = traceparent
	}
	if ends.Before(joined.ends) {
		joined.ends = ends
	}
	switch {
	case len(joined.transactions) == b.sizeMax:
		b.send(joined)
	case joined.ends.Before(joined.begun.Add(2 * b.window)):
		joined.window.Reset(time.Until(joined.ends) / 2) // there must be time for the answer
	}
	return joined, len(joined.transactions) - 1, nil
}

// expire sends a batch at the end of its window, if it is still open.
func (b *Batcher) expire(expired *batch) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.open == expired {
		b.send(expired)
	}
}

// send is called with the lock.
func (b *Batcher) send(full *batch) {
	full.window.Stop()
	b.open = nil
	go func() {
		defer close(full.done)
		full.results, full.failure = b.sendAll(full)
	}()
}

func (b *Batcher) sendAll(full *batch) ([]ScoreResult, error) {
	results, err := b.scoreMany(full, full.transactions)
	if code := codeOf(err); (code != ErrInvalid && code != ErrTooLarge) || len(full.transactions) == 1 {
		return results, err
	}
	// The client refuses a batch as a whole when one transaction cannot be encoded, or makes it too large.
	results = make([]ScoreResult, len(full.transactions))
	for i := range full.transactions {
		one, err := b.scoreMany(full, full.transactions[i:i+1])
		if err != nil {
			results[i].Err = err
		} else {
			results[i] = one[0]
		}
	}
	return results, nil
}

func (b *Batcher) scoreMany(full *batch, transactions []Transaction) ([]ScoreResult, error) {
	begun := time.Now()
	limit := full.ends.Sub(begun)
	if limit <= 0 {
		limit = 1 // a call whose deadline has passed still gets its error, or its fallback decision, from the client
	}
	return b.client.scoreMany(context.Background(), begun, transactions, &callOptions{deadline: limit, traceparent: full.traceparent})
}

// Close sends the open batch. The client stays open.
func (b *Batcher) Close() error {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.closed = true
	if b.open != nil {
		b.send(b.open)
	}
	return nil
}
