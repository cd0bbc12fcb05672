package harrier

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"time"

	"harrier.example/harrier/internal/wire"
)

const (
	backOffMin = 10 * time.Millisecond
	backOffMax = 500 * time.Millisecond
)

// event is what a call that waits wakes up for.
type event int

const (
	somethingChanged event = iota // what it waited for: an answer, room, a connection, the end of a pause
	timeIsUp
	callerLeft    // its context was cancelled
	clientAborted // closing has no more patience
)

// course is one call on its way: which address, when again, and how it ends. The contract draws it.
type course struct {
	client  *Client
	request *request
	ctx     context.Context
	limit   time.Duration
	ends    time.Time
	timer   *time.Timer

	index   int // of the address it went to last
	retries int
	broken  int    // connections, under it
	last    *Error // the server's unavailable

	decisions []ScoreResult // the answer, if it was plain; then run returns none
}

func (c *Client) newCourse(ctx context.Context, r *request, begun time.Time, limit time.Duration) *course {
	if ends, has := ctx.Deadline(); has {
		if left := ends.Sub(begun); left < limit {
			limit = left
		}
	}
	return &course{client: c, request: r, ctx: ctx, limit: limit, ends: begun.Add(limit)}
}

// timers are used again: a call has little time.
var timers sync.Pool

func startTimer(length time.Duration) *time.Timer {
	if timer, ok := timers.Get().(*time.Timer); ok {
		timer.Reset(length)
		return timer
	}
	return time.NewTimer(length)
}

// stopTimer keeps only a timer that has certainly not fired: nothing is in its channel.
func stopTimer(timer *time.Timer) {
	if timer.Stop() {
		timers.Put(timer)
	}
}

// run returns the answer, or what the call ends with.
func (c *course) run() (*wire.Response, error) {
	c.timer = startTimer(time.Until(c.ends))
	defer stopTimer(c.timer)
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.client.leave()
	for {
		response, again, err := c.attempt()
		if !again {
			return response, err
		}
	}
}

// enter waits for room.
func (c *course) enter() error {
	client := c.client
	select {
	case client.room <- struct{}{}:
	default:
		select {
		case client.room <- struct{}{}:
		case <-client.closing:
		case <-c.timer.C:
			return c.failure(&Error{Code: ErrBusy, Message: fmt.Sprintf(
				"%d requests were in flight until the deadline (in_flight_max)", cap(client.room))}, context.DeadlineExceeded)
		case <-c.ctx.Done():
			return c.left(NotDecided)
		}
	}
	select {
	case <-client.closing: // the room may be that of the end
		<-client.room
		return &Error{Code: ErrClosed, Message: "the client is closed"}
	default:
	}
	client.calls.Add(1)
	client.meter.inFlight(client.calls.Load)
	return nil
}

// wait returns why it ended; timeIsUp also when the caller's context says so.
func (c *course) wait(something <-chan struct{}) event {
	select {
	case <-something:
		return somethingChanged
	case <-c.timer.C:
		return timeIsUp
	case <-c.ctx.Done():
		return c.whyDone()
	case <-c.client.aborted:
		return clientAborted
	}
}

func (c *course) whyDone() event {
	if c.ctx.Err() == context.DeadlineExceeded {
		return timeIsUp
	}
	return callerLeft
}

// attempt sends once. It returns whether to call it again.
func (c *course) attempt() (response *wire.Response, again bool, err error) {
	left := time.Until(c.ends)
	if left <= 0 {
		return nil, false, c.unavailable()
	}
	if c.ctx.Err() == context.Canceled {
		return nil, false, c.left(c.decided())
	}
	index, conn, changed := c.client.routes.choose()
	c.index = index
	if conn == nil {
		why := c.wait(changed)
		return nil, why == somethingChanged, c.notSent(why)
	}
	token, failure := c.client.token()
	if failure != nil {
		failure.Decided = c.decided()
		return nil, false, failure
	}
	x := newExchange()
	x.message = c.request.message(left, token)
	if !conn.send(x) {
		return nil, true, nil
	}
	return c.await(conn, x, changed)
}

// await waits for the answer to what was handed to the connection.
func (c *course) await(conn *connection, x *exchange, changed <-chan struct{}) (*wire.Response, bool, error) {
	if len(c.client.links) == 1 {
		changed = nil
	}
	for {
		why := somethingChanged
		select {
		case got := <-x.done:
			return c.received(x, got)
		case <-changed:
			// A request that its connection has not taken moves to a better address.
			index, better, next := c.client.routes.choose()
			changed = next
			if index != c.index && better != nil && conn.withdrawUnsent(x) {
				return nil, true, nil
			}
			continue
		case <-c.timer.C:
			why = timeIsUp
		case <-c.ctx.Done():
			why = c.whyDone()
		case <-c.client.aborted:
			why = clientAborted
		}
		if !conn.withdraw(x) {
			return c.received(x, <-x.done) // just in time
		}
		if !x.sent {
			return nil, false, c.notSent(why)
		}
		return nil, false, c.silent(why)
	}
}

// notSent: nothing took it. nil: the call goes on.
func (c *course) notSent(why event) error {
	switch why {
	case timeIsUp:
		return c.unavailable()
	case callerLeft:
		return c.left(c.decided())
	case clientAborted:
		return &Error{Code: ErrClosed, Message: "the client was closed", Decided: c.decided()}
	}
	return nil
}

// silent: it was sent, and nothing came back.
func (c *course) silent(why event) error {
	switch why {
	case callerLeft:
		return c.left(MayBeDecided)
	case clientAborted:
		return &Error{Code: ErrClosed, Message: "the client was closed before there was an answer", Decided: MayBeDecided}
	}
	c.client.failed(c.index)
	return c.failure(&Error{Code: ErrDeadline, Decided: MayBeDecided,
		Message: fmt.Sprintf("no answer from %s within %v", c.address(), c.limit)}, context.DeadlineExceeded)
}

func (c *course) left(decided Decided) error {
	return &Error{Code: ErrCanceled, Message: "the caller's context was cancelled", Decided: decided, cause: c.ctx.Err()}
}

// failure has the cause that Go's callers look for.
func (c *course) failure(err *Error, cause error) *Error {
	err.cause = cause
	return err
}

func (c *course) received(x *exchange, got outcomeOf) (*wire.Response, bool, error) {
	if got.answer == nil {
		if !x.sent {
			return nil, true, nil
		}
		c.broken++
		c.client.failed(c.index)
		return c.again("connection")
	}
	x.recycle()
	if c.request.call == "score" {
		if c.decisions = readDecisions(got.answer.Body, c.request.count); c.decisions != nil {
			got.answer.Free()
			c.client.succeeded(c.index)
			return nil, false, nil
		}
	}
	response, failure := decodeResponse(got.answer.Body, c.request)
	got.answer.Free()
	if failure != nil && failure.Code == ErrUnavailable {
		c.last = failure
		c.client.failed(c.index)
		return c.again("unavailable")
	}
	c.client.succeeded(c.index)
	if failure != nil {
		return nil, false, failure
	}
	return response, false, nil
}

// again pauses, if it is to be sent again.
func (c *course) again(reason string) (*wire.Response, bool, error) {
	if c.retries >= c.client.options.retriesMax {
		return nil, false, c.unavailable()
	}
	c.retries++
	c.client.meter.retried(reason)
	if c.client.routes.anotherIsUp(c.index) {
		return nil, true, nil
	}
	longest := backOffMax
	if c.retries < 7 {
		longest = backOffMin << (c.retries - 1)
	}
	pause := time.Duration(rand.Int63n(int64(longest)))
	// Not all of what is left: there must be time for the answer.
	if most := time.Until(c.ends) / 2; pause > most {
		pause = most
	}
	why := c.pause(pause)
	return nil, why == somethingChanged, c.notSent(why)
}

func (c *course) pause(length time.Duration) event {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return somethingChanged
	case <-c.timer.C:
		return timeIsUp
	case <-c.ctx.Done():
		return c.whyDone()
	case <-c.client.aborted:
		return clientAborted
	}
}

func (c *course) address() string { return c.client.options.addresses[c.index].text }

func (c *course) decided() Decided {
	if c.broken > 0 {
		return MayBeDecided
	}
	return NotDecided
}

func (c *course) unavailable() error {
	err := &Error{Code: ErrUnavailable, Decided: c.decided()}
	_, conn, _ := c.client.routes.choose()
	switch {
	case c.broken > 0:
		err.Message = fmt.Sprintf("the connection to %s broke %d times before there was an answer", c.addresses(), c.broken)
	case c.last != nil:
		err.Message = fmt.Sprintf("%s says: %s", c.address(), c.last.Message)
		err.Field = c.last.Field
	case conn != nil:
		c.client.failed(c.index)
		err.Message = fmt.Sprintf("%s took no request within %v", c.address(), c.limit)
	default:
		err.Message = fmt.Sprintf("no connection to %s within %v", c.addresses(), c.limit)
		if why := c.client.routes.trouble(); why != nil {
			err.Message += ": " + why.Error()
		}
	}
	if time.Until(c.ends) <= 0 {
		err.cause = context.DeadlineExceeded
	}
	return err
}

func (c *course) addresses() string {
	var texts []string
	for _, one := range c.client.options.addresses {
		texts = append(texts, one.text)
	}
	return strings.Join(texts, ", ")
}
