package harrier

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"harrier.example/harrier/internal/wire"
)

// Version of this client.
const Version = "0.1.0"

const probeDeadlineMin = 100 * time.Millisecond

// Client asks one server, or others when it is away. Any number of goroutines may use it. Close it.
type Client struct {
	options *options
	meter   meter
	routes  *routes
	links   []*link

	room    chan struct{} // one of each request in flight, and of the end
	calls   atomic.Int64  // in flight
	closing chan struct{} // closed: no new calls
	aborted chan struct{} // closed: calls under way end
	closed  chan struct{} // closed: nothing is left

	closeOnce, abortOnce sync.Once
	background           sync.WaitGroup // links and probes
}

// New makes a client without waiting for a connection. The addresses are in the order of preference: tcp://HOST:PORT,
// tls+tcp://HOST:PORT or ipc://PATH.
func New(addresses []string, options ...Option) (*Client, error) {
	made, err := makeOptions(addresses, options)
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: made,
		meter:   meter{hook: made.metrics},
		routes:  newRoutes(made.addresses, made.ejectAfter),
		room:    make(chan struct{}, made.inFlightMax),
		closing: make(chan struct{}),
		aborted: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	for i, one := range made.addresses {
		c.links = append(c.links, c.newLink(i, one))
	}
	for _, one := range c.links {
		one := one
		c.inBackground(one.run)
	}
	return c, nil
}

func (c *Client) newLink(index int, one address) *link {
	up := func(conn *connection) {
		probe := c.routes.connected(index, conn)
		c.tellUp(index)
		if probe {
			c.probe(index)
		}
	}
	down := func(why error) {
		c.routes.disconnected(index, why)
		c.tellUp(index)
	}
	return newLink(one, c.options.tls, up, down)
}

func (c *Client) inBackground(run func()) {
	c.background.Add(1)
	go func() {
		defer c.background.Done()
		run()
	}()
}

func (c *Client) tellUp(index int) {
	c.meter.up(c.options.addresses[index].text, func() bool { return c.routes.isUp(index) })
}

// ---------------------------------------------------------------------------------------------------------------
// Calls

// Score asks for the decision of one transaction.
func (c *Client) Score(ctx context.Context, transaction Transaction, options ...CallOption) (*Decision, error) {
	results, err := c.ScoreMany(ctx, []Transaction{transaction}, options...)
	if err != nil {
		return nil, err
	}
	return results[0].Decision, results[0].Err
}

// ScoreMany sends 1 to 1,000 transactions in one message. They are decided in their order, and there are as many
// results. The error is that of the call as a whole.
func (c *Client) ScoreMany(ctx context.Context, transactions []Transaction, options ...CallOption) ([]ScoreResult, error) {
	begun := time.Now()
	call, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	return c.scoreMany(ctx, begun, transactions, &call)
}

func (c *Client) scoreMany(ctx context.Context, begun time.Time, transactions []Transaction, call *callOptions) ([]ScoreResult, error) {
	fallback := c.options.fallback
	if call.dryRun {
		fallback = nil
	}
	r, err := scoreRequest(transactions, call.dryRun, call.returnFeatures)
	if err != nil {
		return nil, err
	}
	var results []ScoreResult
	course := c.begin(ctx, begun, r, call)
	response, err := course.run()
	if results = course.decisions; err == nil && results == nil {
		results, err = decodeDecisions(response)
	}
	c.tell(r, begun, err)
	if err != nil {
		return fallBackForCall(fallback, transactions, err, &c.meter)
	}
	return fallBackForResults(fallback, transactions, results, &c.meter)
}

// ReportOutcome says what turned out about one transaction. Reporting it again changes nothing.
func (c *Client) ReportOutcome(ctx context.Context, outcome Outcome, options ...CallOption) (*OutcomeAccepted, error) {
	results, err := c.ReportOutcomes(ctx, []Outcome{outcome}, options...)
	if err != nil {
		return nil, err
	}
	return results[0].Accepted, results[0].Err
}

// ReportOutcomes sends 1 to 1,000 outcomes in one message.
func (c *Client) ReportOutcomes(ctx context.Context, outcomes []Outcome, options ...CallOption) ([]OutcomeResult, error) {
	begun := time.Now()
	call, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	r, err := outcomeRequest(outcomes)
	if err != nil {
		return nil, err
	}
	var results []OutcomeResult
	response, err := c.do(ctx, begun, r, &call)
	if err == nil {
		results, err = decodeOutcomes(response)
	}
	c.tell(r, begun, err)
	return results, err
}

// GetEntity asks what the server knows of an entity, as the policy names it. The key has one string for each field that
// makes it up, mostly one.
func (c *Client) GetEntity(ctx context.Context, entity string, key []string, options ...CallOption) (*Entity, error) {
	begun := time.Now()
	call, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	r, err := entityRequest(entity, key, call.atTime)
	if err != nil {
		return nil, err
	}
	response, err := c.do(ctx, begun, r, &call)
	c.tell(r, begun, err)
	if err != nil {
		return nil, err
	}
	return decodeEntity(response), nil
}

// Status asks the server how it does.
func (c *Client) Status(ctx context.Context, options ...CallOption) (*Status, error) {
	begun := time.Now()
	call, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	r, err := statusRequest(call.stateHash)
	if err != nil {
		return nil, err
	}
	response, err := c.do(ctx, begun, r, &call)
	c.tell(r, begun, err)
	if err != nil {
		return nil, err
	}
	return decodeStatus(response), nil
}

func (c *Client) do(ctx context.Context, begun time.Time, r *request, call *callOptions) (*wire.Response, error) {
	return c.begin(ctx, begun, r, call).run()
}

func (c *Client) begin(ctx context.Context, begun time.Time, r *request, call *callOptions) *course {
	limit := call.deadline
	if limit == 0 {
		limit = c.options.deadline
	}
	r.traceparent = c.options.trace(ctx, call)
	return c.newCourse(ctx, r, begun, limit)
}

// tell tells the metrics how a call went.
func (c *Client) tell(r *request, begun time.Time, err error) {
	if c.meter.hook == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = string(codeOf(err))
	}
	c.meter.called(r.call, result, time.Since(begun))
	if r.call == "score" {
		c.meter.scored(r.count)
	}
}

// leave gives the room back.
func (c *Client) leave() {
	c.calls.Add(-1)
	c.meter.inFlight(c.calls.Load)
	<-c.room
}

func (c *Client) token() (string, *Error) {
	if c.options.token == nil {
		return "", nil
	}
	token, err := c.options.token()
	if err != nil {
		return "", &Error{Code: ErrInvalid, Field: "token", Message: "the token's function failed", cause: err}
	}
	return token, checkToken(token)
}

// ---------------------------------------------------------------------------------------------------------------
// Addresses

func (c *Client) failed(index int) {
	if length := c.routes.failed(index); length > 0 {
		c.tellUp(index)
		c.ejected(index, length)
	}
}

func (c *Client) ejected(index int, length time.Duration) {
	c.meter.ejected(c.options.addresses[index].text)
	// The timer of a client that is closed meanwhile finds nothing to do.
	time.AfterFunc(length, func() { c.probe(index) })
}

func (c *Client) succeeded(index int) {
	if c.routes.succeeded(index) {
		c.tellUp(index)
	}
}

// probe asks an ejected address for its status, beside the calls: none waits for an address that may be dead.
func (c *Client) probe(index int) {
	conn := c.routes.takeProbe(index, func() { c.background.Add(1) })
	if conn == nil {
		return
	}
	go func() {
		defer c.background.Done()
		if c.lives(conn) {
			c.succeeded(index)
		} else if length := c.routes.probeFailed(index); length > 0 {
			c.ejected(index, length)
		}
	}()
}

func (c *Client) lives(conn *connection) bool {
	limit := c.options.deadline
	if limit < probeDeadlineMin {
		limit = probeDeadlineMin
	}
	r, err := statusRequest(false)
	if err != nil {
		return false
	}
	token, failure := c.token()
	if failure != nil {
		return false // a call meets it, too, and says so
	}
	x := newExchange()
	x.message = r.message(limit, token)
	if !conn.send(x) {
		return false
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var got outcomeOf
	select {
	case got = <-x.done:
	case <-timer.C:
		if conn.withdraw(x) {
			return false
		}
		got = <-x.done
	}
	if got.answer == nil {
		return false
	}
	defer got.answer.Free()
	return isReady(got.answer.Body, r)
}

// ---------------------------------------------------------------------------------------------------------------
// The end

// Close refuses new calls, waits for those under way, which their deadlines bound, and closes the connections. Closing
// again does nothing.
func (c *Client) Close() error { return c.Shutdown(context.Background()) }

// Shutdown is Close with a limit: when ctx is done, calls that are still under way end with ErrClosed, and ctx's error
// is returned.
func (c *Client) Shutdown(ctx context.Context) error {
	c.closeOnce.Do(func() {
		close(c.closing)
		go c.finish()
	})
	select {
	case <-c.closed:
		return nil
	case <-ctx.Done():
	}
	c.abortOnce.Do(func() { close(c.aborted) })
	<-c.closed
	return ctx.Err()
}

// finish takes all the room: then no call is under way.
func (c *Client) finish() {
	for i := 0; i < cap(c.room); i++ {
		c.room <- struct{}{}
	}
	c.routes.close()
	for _, one := range c.links {
		one.close()
	}
	c.background.Wait()
	close(c.closed)
}
