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
	// A request is not sent again to a standby later than this before the deadline: mostly there would be no answer by
	// then, and the call would end as possibly decided although no standby decides anything.
	answerMin = 2 * time.Millisecond
)

// event is why a waiting call woke up.
type event int

const (
	somethingChanged event = iota // what it waited for: an answer, room, a connection, the end of a back-off
	deadlinePassed
	callerLeft    // the caller's context was cancelled
	clientAborted // the time limit of closing is over
)

// call is one call with its retries: which address it goes to, when it is sent again, and how it ends. "One call" in the
// contract has a diagram.
type call struct {
	client  *Client
	request *request
	ctx     context.Context
	limit   time.Duration
	ends    time.Time
	timer   *time.Timer

	index   int // of the address that it was last sent to
	retries int
	broken  int    // connections that broke after it was sent
	last    *Error // the last refusal: ErrUnavailable, or a standby's; nil: none since a connection broke
	search  search // for the primary, once a standby has answered

	decisions []ScoreResult // the answer, if the fast decoder could read it; then run returns nil
}

func (c *Client) newCall(ctx context.Context, r *request, begun time.Time, limit time.Duration) *call {
	if ends, has := ctx.Deadline(); has {
		if left := ends.Sub(begun); left < limit {
			limit = left
		}
	}
	return &call{client: c, request: r, ctx: ctx, limit: limit, ends: begun.Add(limit)}
}

// timers are reused: allocating one per call is measurable.
var timers sync.Pool

func startTimer(length time.Duration) *time.Timer {
	if timer, ok := timers.Get().(*time.Timer); ok {
		timer.Reset(length)
		return timer
	}
	return time.NewTimer(length)
}

// stopTimer keeps a timer only if it has not fired, so that nothing is in its channel.
func stopTimer(timer *time.Timer) {
	if timer.Stop() {
		timers.Put(timer)
	}
}

// run returns the answer, or the error that the call ends with.
func (c *call) run() (*wire.Response, error) {
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

// enter waits until fewer than in_flight_max requests are in flight.
func (c *call) enter() error {
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
	case <-client.closing: // finish takes room, too: this may be what it has freed
		<-client.room
		return &Error{Code: ErrClosed, Message: "the client is closed"}
	default:
	}
	client.calls.Add(1)
	client.meter.inFlight(client.calls.Load)
	return nil
}

// wait returns why it woke up. A context whose deadline passed counts as deadlinePassed.
func (c *call) wait(something <-chan struct{}) event {
	select {
	case <-something:
		return somethingChanged
	case <-c.timer.C:
		return deadlinePassed
	case <-c.ctx.Done():
		return c.whyDone()
	case <-c.client.aborted:
		return clientAborted
	}
}

func (c *call) whyDone() event {
	if c.ctx.Err() == context.DeadlineExceeded {
		return deadlinePassed
	}
	return callerLeft
}

// attempt sends the request once. again: the call goes on with another attempt.
func (c *call) attempt() (response *wire.Response, again bool, err error) {
	left := time.Until(c.ends)
	if left <= 0 {
		return nil, false, c.unavailable()
	}
	if c.ctx.Err() == context.Canceled {
		return nil, false, c.left(c.decided())
	}
	index, conn, changed := c.client.routes.choose(&c.search)
	c.index = index
	if conn == nil {
		c.search.waiting()
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

// await waits for the answer to an exchange that was queued on the connection.
func (c *call) await(conn *connection, x *exchange, changed <-chan struct{}) (*wire.Response, bool, error) {
	if len(c.client.endpoints) == 1 {
		changed = nil
	}
	for {
		why := somethingChanged
		select {
		case got := <-x.done:
			return c.received(x, got)
		case <-changed:
			// A request that has not been written yet moves to a better address.
			index, better, next := c.client.routes.choose(&c.search)
			changed = next
			if index != c.index && better != nil && conn.withdrawUnsent(x) {
				return nil, true, nil
			}
			continue
		case <-c.timer.C:
			why = deadlinePassed
		case <-c.ctx.Done():
			why = c.whyDone()
		case <-c.client.aborted:
			why = clientAborted
		}
		if !conn.withdraw(x) {
			return c.received(x, <-x.done) // the answer has just arrived
		}
		if !x.sent {
			return nil, false, c.notSent(why)
		}
		return nil, false, c.silent(why)
	}
}

// notSent returns the error of a call whose request was not written; nil: the call goes on.
func (c *call) notSent(why event) error {
	switch why {
	case deadlinePassed:
		return c.unavailable()
	case callerLeft:
		return c.left(c.decided())
	case clientAborted:
		return &Error{Code: ErrClosed, Message: "the client was closed", Decided: c.decided()}
	}
	return nil
}

// silent returns the error of a call whose request was sent and not answered.
func (c *call) silent(why event) error {
	switch why {
	case callerLeft:
		return c.left(MayBeDecided)
	case clientAborted:
		return &Error{Code: ErrClosed, Message: "the client was closed before an answer arrived", Decided: MayBeDecided}
	}
	c.client.failed(c.index)
	return c.failure(&Error{Code: ErrDeadline, Decided: MayBeDecided,
		Message: fmt.Sprintf("no answer from %s within %v", c.address(), c.limit)}, context.DeadlineExceeded)
}

func (c *call) left(decided Decided) error {
	return &Error{Code: ErrCanceled, Message: "the caller's context was cancelled", Decided: decided, cause: c.ctx.Err()}
}

// failure adds the cause that errors.Is(err, context.DeadlineExceeded) looks for.
func (c *call) failure(err *Error, cause error) *Error {
	err.cause = cause
	return err
}

func (c *call) received(x *exchange, got reply) (*wire.Response, bool, error) {
	if got.answer == nil {
		if !x.sent {
			return nil, true, nil
		}
		c.broken++
		c.last = nil
		c.client.failed(c.index)
		return c.again("connection")
	}
	x.recycle()
	if c.request.call == "score" {
		if c.decisions = readDecisions(got.answer.Body, c.request.count); c.decisions != nil {
			got.answer.Free()
			c.client.succeeded(c.index)
			c.decides()
			return nil, false, nil
		}
	}
	response, failure := decodeResponse(got.answer.Body, c.request)
	got.answer.Free()
	if failure != nil && failure.standby != nil {
		return c.refused(failure)
	}
	c.decides()
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

// again backs off before another attempt, unless no retry is left.
func (c *call) again(reason string) (*wire.Response, bool, error) {
	if c.retries >= c.client.options.retriesMax {
		return nil, false, c.unavailable()
	}
	c.retries++
	c.client.meter.retried(reason)
	if c.client.routes.anotherMayDecide(c.index) {
		return nil, true, nil
	}
	pause := backOff(c.retries)
	// At most half of the time that is left: the answer needs some, too.
	if most := time.Until(c.ends) / 2; pause > most {
		pause = most
	}
	c.search.waiting()
	why := c.pause(pause)
	return nil, why == somethingChanged, c.notSent(why)
}

// refused goes on after the answer of a standby, which decided nothing: to an address that may be the primary, else after
// a back-off to any. Only the deadline ends this.
func (c *call) refused(failure *Error) (*wire.Response, bool, error) {
	routes := c.client.routes
	primary := routes.find(failure.standby.primary)
	routes.refused(c.index, primary)
	c.search.answered(c.index, len(c.client.endpoints), primary)
	c.client.succeeded(c.index) // a standby is as well as a primary is
	c.last = failure
	if routes.mayDecide(&c.search) {
		c.client.meter.retried("not_primary")
		return nil, true, nil
	}
	c.search.waiting()
	c.search.waits++
	pause := backOff(c.search.waits)
	if time.Until(c.ends)-pause < answerMin {
		return nil, false, c.notSent(c.wait(nil))
	}
	c.client.meter.retried("not_primary")
	why := c.pause(pause)
	return nil, why == somethingChanged, c.notSent(why)
}

// decides notes that the answer was not that of a standby.
func (c *call) decides() {
	if c.request.writes() {
		c.client.routes.decides(c.index)
	}
}

// backOff returns the pause before the n-th attempt, which is random.
func backOff(n int) time.Duration {
	longest := backOffMax
	if n < 7 {
		longest = backOffMin << (n - 1)
	}
	return time.Duration(rand.Int63n(int64(longest)))
}

func (c *call) pause(length time.Duration) event {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return somethingChanged
	case <-c.timer.C:
		return deadlinePassed
	case <-c.ctx.Done():
		return c.whyDone()
	case <-c.client.aborted:
		return clientAborted
	}
}

func (c *call) address() string { return c.client.options.addresses[c.index].text }

func (c *call) decided() Decided {
	if c.broken > 0 {
		return MayBeDecided
	}
	return NotDecided
}

func (c *call) unavailable() error {
	err := &Error{Code: ErrUnavailable, Decided: c.decided()}
	_, conn, _ := c.client.routes.choose(&c.search)
	switch {
	case c.last != nil && c.last.standby != nil:
		err.Message = c.noPrimary(c.last.standby.primary)
	case c.broken > 0:
		err.Message = fmt.Sprintf("the connection to %s broke %d times before an answer arrived", c.addresses(), c.broken)
	case c.last != nil:
		err.Message = fmt.Sprintf("%s says: %s", c.address(), c.last.Message)
		err.Field = c.last.Field
	case conn != nil:
		c.client.failed(c.index)
		err.Message = fmt.Sprintf("%s took no request within %v", c.address(), c.limit)
	default:
		err.Message = fmt.Sprintf("no connection to %s within %v", c.addresses(), c.limit)
		if why := c.client.routes.lastError(); why != nil {
			err.Message += ": " + why.Error()
		}
	}
	if time.Until(c.ends) <= 0 {
		err.cause = context.DeadlineExceeded
	}
	return err
}

// noPrimary says what the last standby named, for those who gave too few addresses, or spelled one otherwise.
func (c *call) noPrimary(named string) string {
	words := fmt.Sprintf("no server at %s was the primary within %v", c.addresses(), c.limit)
	if named == "" {
		return words
	}
	words += "; a standby names " + named
	if c.client.routes.find(named) < 0 {
		words += ", which is not among the addresses"
	}
	return words
}

func (c *call) addresses() string {
	var texts []string
	for _, one := range c.client.options.addresses {
		texts = append(texts, one.text)
	}
	return strings.Join(texts, ", ")
}
