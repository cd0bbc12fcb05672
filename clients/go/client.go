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

// Client asks one server, or others when it is not available. Any number of goroutines may use it. Close it.
type Client struct {
	options   *options
	meter     meter
	routes    *routes
	endpoints []*endpoint

	room    chan struct{} // a semaphore: one element for each request in flight
	calls   atomic.Int64  // in flight
	closing chan struct{} // closed when new calls are refused
	aborted chan struct{} // closed when calls in flight must end
	closed  chan struct{} // closed when all connections and goroutines have ended

	closeOnce, abortOnce sync.Once
	background           sync.WaitGroup // endpoints and probes
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
		c.endpoints = append(c.endpoints, c.newEndpoint(i, one))
	}
	for _, one := range c.endpoints {
		one := one
		c.inBackground(one.run)
	}
	return c, nil
}

func (c *Client) newEndpoint(index int, one address) *endpoint {
	up := func(conn *connection) {
		probe := c.routes.connected(index, conn)
		c.reportUp(index)
		if probe {
			c.probe(index)
		}
	}
	down := func(why error) {
		c.routes.disconnected(index, why)
		c.reportUp(index)
	}
	return newEndpoint(one, c.options.tls, up, down)
}

func (c *Client) inBackground(run func()) {
	c.background.Add(1)
	go func() {
		defer c.background.Done()
		run()
	}()
}

func (c *Client) reportUp(index int) {
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
	chosen, err := makeCallOptions(options)
	if err != nil {
		return nil, err
	}
	return c.scoreMany(ctx, begun, transactions, &chosen)
}

func (c *Client) scoreMany(ctx context.Context, begun time.Time, transactions []Transaction, chosen *callOptions) ([]ScoreResult, error) {
	fallback := c.options.fallback
	if chosen.dryRun {
		fallback = nil
	}
	r, err := scoreRequest(transactions, chosen.dryRun, chosen.returnFeatures)
	if err != nil {
		return nil, err
	}
	var results []ScoreResult
	call := c.begin(ctx, begun, r, chosen)
	response, err := call.run()
	if results = call.decisions; err == nil && results == nil {
		results, err = decodeDecisions(response)
	}
	c.record(r, begun, err)
	if err != nil {
		return fallBackForCall(fallback, transactions, err, &c.meter)
	}
	return fallBackForResults(fallback, transactions, results, &c.meter)
}

// ReportOutcome reports the outcome of one transaction. Reporting it again changes nothing.
func (c *Client) ReportOutcome(ctx context.Context, outcome Outcome, options ...CallOption) (*OutcomeAccepted, error) {
	results, err := c.ReportOutcomes(ctx, []Outcome{outcome}, options...)
	if err != nil {
		return nil, err
	}
	return results[0].Accepted, results[0].Err
}

// ReportOutcomes sends 1 to 1,000 outcomes in one message.
func (c *Client) ReportOutcomes(ctx context.Context, outcomes []Outcome, options ...CallOption) ([]OutcomeResult, error) {
	encode := func(*callOptions) (*request, error) { return outcomeRequest(outcomes) }
	return ask(ctx, c, options, encode, decodeOutcomes)
}

// Amend reports that a transaction was voided, captured with another amount, refunded or restored. What is
// reported last holds.
func (c *Client) Amend(ctx context.Context, amendment Amendment, options ...CallOption) (*AmendmentAccepted, error) {
	results, err := c.AmendMany(ctx, []Amendment{amendment}, options...)
	if err != nil {
		return nil, err
	}
	return results[0].Accepted, results[0].Err
}

// AmendMany sends 1 to 1,000 amendments in one message. They are applied in their order, and there are as many results.
// The error is that of the call as a whole.
func (c *Client) AmendMany(ctx context.Context, amendments []Amendment, options ...CallOption) ([]AmendmentResult, error) {
	encode := func(*callOptions) (*request, error) { return amendRequest(amendments) }
	return ask(ctx, c, options, encode, decodeAmendments)
}

// GetEntity returns the features of an entity of the policy. The key has one string for each field of the entity's key,
// mostly one.
func (c *Client) GetEntity(ctx context.Context, entity string, key []string, options ...CallOption) (*Entity, error) {
	encode := func(chosen *callOptions) (*request, error) { return entityRequest(entity, key, chosen.atTime) }
	return ask(ctx, c, options, encode, decodeEntity)
}

// Status returns the server's state and figures.
func (c *Client) Status(ctx context.Context, options ...CallOption) (*Status, error) {
	encode := func(chosen *callOptions) (*request, error) { return statusRequest(chosen.stateHash) }
	return ask(ctx, c, options, encode, decodeStatus)
}

// ask is a call from beginning to end. Go has no generic methods.
func ask[T any](ctx context.Context, c *Client, options []CallOption, encode func(*callOptions) (*request, error),
	decode func(*wire.Response) (T, error)) (T, error) {
	var none T
	begun := time.Now()
	chosen, err := makeCallOptions(options)
	if err != nil {
		return none, err
	}
	r, err := encode(&chosen)
	if err != nil {
		return none, err
	}
	found := none
	response, err := c.do(ctx, begun, r, &chosen)
	if err == nil {
		found, err = decode(response)
	}
	c.record(r, begun, err)
	if err != nil {
		return none, err
	}
	return found, nil
}

func (c *Client) do(ctx context.Context, begun time.Time, r *request, chosen *callOptions) (*wire.Response, error) {
	return c.begin(ctx, begun, r, chosen).run()
}

func (c *Client) begin(ctx context.Context, begun time.Time, r *request, chosen *callOptions) *call {
	limit := chosen.deadline
	if limit == 0 {
		limit = c.options.deadline
	}
	r.traceparent = c.options.trace(ctx, chosen)
	return c.newCall(ctx, r, begun, limit)
}

// record reports a finished call to the metrics.
func (c *Client) record(r *request, begun time.Time, err error) {
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

// leave makes room for another request.
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
		return "", &Error{Code: ErrInvalid, Field: "token", Message: "the token function failed", cause: err}
	}
	return token, checkToken(token)
}

// ---------------------------------------------------------------------------------------------------------------
// Addresses

func (c *Client) failed(index int) {
	if length := c.routes.failed(index); length > 0 {
		c.reportUp(index)
		c.ejected(index, length)
	}
}

func (c *Client) ejected(index int, length time.Duration) {
	c.meter.ejected(c.options.addresses[index].text)
	// If the client is closed meanwhile, the probe does nothing.
	time.AfterFunc(length, func() { c.probe(index) })
}

func (c *Client) succeeded(index int) {
	if c.routes.succeeded(index) {
		c.reportUp(index)
	}
}

// probe asks an ejected address for its status in the background, so that no call waits for an address that may be dead.
func (c *Client) probe(index int) {
	conn := c.routes.takeProbe(index, func() { c.background.Add(1) })
	if conn == nil {
		return
	}
	go func() {
		defer c.background.Done()
		if c.probeSucceeds(conn) {
			c.succeeded(index)
		} else if length := c.routes.probeFailed(index); length > 0 {
			c.ejected(index, length)
		}
	}()
}

func (c *Client) probeSucceeds(conn *connection) bool {
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
		return false // calls fail with this error, too, and report it
	}
	x := newExchange()
	x.message = r.message(limit, token)
	if !conn.send(x) {
		return false
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var got reply
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

// Close refuses new calls, waits for those in flight, which their deadlines bound, and closes the connections. Closing
// again does nothing.
func (c *Client) Close() error { return c.Shutdown(context.Background()) }

// Shutdown is Close with a limit: when ctx is done, calls that are still in flight end with ErrClosed, and ctx's error
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

// finish takes all room, which means that no call is in flight any more.
func (c *Client) finish() {
	for i := 0; i < cap(c.room); i++ {
		c.room <- struct{}{}
	}
	c.routes.close()
	for _, one := range c.endpoints {
		one.close()
	}
	c.background.Wait()
	close(c.closed)
}
