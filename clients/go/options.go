package harrier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	deadlineMax    = time.Hour
	inFlightMost   = 1 << 20
	ipcPathMax     = 107 // of sockaddr_un
	addressExample = "expected for example tcp://127.0.0.1:7731, tls+tcp://scores.example:7731 or ipc:///run/harrier/harrier.sock"
)

// FallbackFunc returns the verdict for a transaction that got no decision because of err. If it returns an error, the
// call fails with it.
type FallbackFunc func(transaction *Transaction, err error) (Verdict, error)

// TokenFunc returns the token to send. It is called for each request, by any goroutine, and must be quick.
type TokenFunc func() (string, error)

// Metrics receives a client's metrics. It is called by any goroutine within calls: it must be quick and must not call
// the client. A panic in it is recovered. The labels must not be changed or kept.
type Metrics interface {
	Count(name string, amount float64, labels map[string]string)
	Observe(name string, value float64, labels map[string]string)
	Set(name string, value float64, labels map[string]string)
}

// Option is an option of New.
type Option func(*options)

type options struct {
	addresses   []address
	deadline    time.Duration
	fallback    FallbackFunc
	retriesMax  int
	inFlightMax int
	ejectAfter  int
	metrics     Metrics
	token       TokenFunc // a function even for a fixed token, so that printing a client does not show it
	traceparent func(context.Context) string
	tls         *tls.Config
	fault       error
}

// WithDeadline sets the deadline of calls that do not set their own: more than 0, at most one hour. Default: 100 ms.
func WithDeadline(deadline time.Duration) Option {
	return func(o *options) { o.deadline = deadline }
}

// WithFallback sets the verdict of fallback decisions, which scoring returns if there is no decision in time.
func WithFallback(verdict Verdict) Option {
	return func(o *options) {
		if !verdict.known() {
			o.fault = invalid("fallback", fmt.Sprintf("%q; expected approve, review, challenge or decline", string(verdict)))
		}
		o.fallback = func(_ *Transaction, err error) (Verdict, error) {
			var failure *Error
			if errors.As(err, &failure) && failure.Fallback.known() {
				return failure.Fallback, nil // the policy's, which knows more
			}
			return verdict, nil
		}
	}
}

// WithFallbackFunc sets a function that returns the verdict of each fallback decision.
func WithFallbackFunc(choose FallbackFunc) Option {
	return func(o *options) { o.fallback = choose }
}

// WithRetriesMax sets how often a call is sent again. Default: 3.
func WithRetriesMax(retries int) Option {
	return func(o *options) { o.retriesMax = retries }
}

// WithInFlightMax sets how many requests are in flight at once; further ones wait. Default: 1,024.
func WithInFlightMax(requests int) Option {
	return func(o *options) { o.inFlightMax = requests }
}

// WithEjectAfter sets how many failures in a row eject an address. Default: 3.
func WithEjectAfter(failures int) Option {
	return func(o *options) { o.ejectAfter = failures }
}

// WithMetrics reports the client's metrics to metrics.
func WithMetrics(metrics Metrics) Option {
	return func(o *options) { o.metrics = metrics }
}

// WithToken sends a token with every request.
func WithToken(token string) Option {
	return func(o *options) {
		if err := checkToken(token); err != nil {
			o.fault = err
		}
		o.token = func() (string, error) { return token, nil }
	}
}

// WithTokenFunc calls a function for the token of each request, so that the token can change without a new client. If it
// returns an error, the call fails with it.
func WithTokenFunc(token TokenFunc) Option {
	return func(o *options) { o.token = token }
}

// WithTraceparentFunc sets a function that finds the trace of a call in its context, for calls without Traceparent.
func WithTraceparentFunc(from func(context.Context) string) Option {
	return func(o *options) { o.traceparent = from }
}

// WithTLS configures tls+tcp addresses. The server's certificate must be valid for the address's host, unless config has
// a ServerName. Default: the machine's certificate authorities, TLS 1.2 or later.
func WithTLS(config *tls.Config) Option {
	return func(o *options) { o.tls = config }
}

func makeOptions(addresses []string, given []Option) (*options, error) {
	o := &options{deadline: 100 * time.Millisecond, retriesMax: 3, inFlightMax: 1024, ejectAfter: 3}
	for _, option := range given {
		option(o)
	}
	if o.fault != nil {
		return nil, o.fault
	}
	if err := o.setAddresses(addresses); err != nil {
		return nil, err
	}
	return o, o.check()
}

func (o *options) check() error {
	if err := checkDeadline(o.deadline); err != nil {
		return err
	}
	if o.retriesMax < 0 {
		return invalid("retries_max", fmt.Sprintf("%d; expected at least 0", o.retriesMax))
	}
	if o.inFlightMax < 1 || o.inFlightMax > inFlightMost {
		return invalid("in_flight_max", fmt.Sprintf("%d; expected 1 to %d", o.inFlightMax, inFlightMost))
	}
	if o.ejectAfter < 1 {
		return invalid("eject_after", fmt.Sprintf("%d; expected at least 1", o.ejectAfter))
	}
	return nil
}

func (o *options) setAddresses(texts []string) error {
	if len(texts) == 0 {
		return invalid("addresses", "no address; "+addressExample)
	}
	seen := make(map[string]bool)
	for _, text := range texts {
		if seen[text] {
			return invalid("addresses", fmt.Sprintf("%q stands there twice", text))
		}
		seen[text] = true
		parsed, err := parseAddress(text)
		if err != nil {
			return err
		}
		o.addresses = append(o.addresses, parsed)
	}
	return nil
}

// address is the address of one server; target is in the form of package net.
type address struct {
	text    string
	network string // tcp or unix
	target  string
	host    string
	tls     bool
}

func parseAddress(text string) (address, error) {
	wrong := func(why string) (address, error) {
		return address{}, invalid("addresses", fmt.Sprintf("%q: %s; %s", text, why, addressExample))
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return wrong("not an address")
	}
	switch scheme {
	case "ipc":
		if rest == "" || len(rest) > ipcPathMax {
			return wrong(fmt.Sprintf("a path of %d bytes, not 1 to %d", len(rest), ipcPathMax))
		}
		return address{text: text, network: "unix", target: rest}, nil
	case "tcp", "tls+tcp":
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" {
			return wrong("not a host and a port")
		}
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return wrong("a port is 1 to 65535")
		}
		return address{text: text, network: "tcp", target: rest, host: host, tls: scheme == "tls+tcp"}, nil
	}
	return wrong("a transport that this client does not have")
}

func invalid(field, message string) *Error {
	return &Error{Code: ErrInvalid, Field: field, Message: message}
}

func checkDeadline(deadline time.Duration) error {
	if deadline <= 0 || deadline > deadlineMax {
		return invalid("deadline", fmt.Sprintf("%v; expected more than 0 and at most %v", deadline, deadlineMax))
	}
	return nil
}

// checkToken never shows the token in its errors.
func checkToken(token string) *Error {
	if len(token) > tokenMax {
		return invalid("token", fmt.Sprintf("%d bytes; expected at most %d", len(token), tokenMax))
	}
	for i := 0; i < len(token); i++ {
		if token[i] <= ' ' || token[i] > '~' {
			return invalid("token", "expected printable ASCII without spaces")
		}
	}
	return nil
}

// ---------------------------------------------------------------------------------------------------------------
// Options of one call

// CallOption is an option of one call.
type CallOption func(*callOptions)

type callOptions struct {
	deadline       time.Duration // 0: the client's
	dryRun         bool
	returnFeatures bool
	stateHash      bool
	atTime         time.Time
	afterPosition  uint64
	limit          int
	wait           bool
	traceparent    string
	fault          error
}

// Deadline sets this call's deadline instead of the client's. A call ends earlier if its context does; a context never
// makes a call wait longer than the deadline.
func Deadline(deadline time.Duration) CallOption {
	return func(o *callOptions) {
		o.deadline = deadline
		if err := checkDeadline(deadline); err != nil {
			o.fault = err
		}
	}
}

// DryRun makes the server decide without changing anything. Dry runs have no fallback.
func DryRun() CallOption { return func(o *callOptions) { o.dryRun = true } }

// ReturnFeatures also returns every feature value that the decisions read.
func ReturnFeatures() CallOption { return func(o *callOptions) { o.returnFeatures = true } }

// StateHash makes Status compute a hash over the states of all entities. That reads all of them: set a long Deadline.
func StateHash() CallOption { return func(o *callOptions) { o.stateHash = true } }

// AtTime makes GetEntity answer as of this event time. Default: the entity's newest transaction.
func AtTime(at time.Time) CallOption { return func(o *callOptions) { o.atTime = at } }

// AfterPosition makes GetList return only entries after this archive position: NextPosition of the page before.
func AfterPosition(position uint64) CallOption {
	return func(o *callOptions) { o.afterPosition = position }
}

// Limit makes GetList return at most this many entries, up to 1,000. Default: 1,000.
func Limit(entries int) CallOption { return func(o *callOptions) { o.limit = entries } }

// Wait makes Reload wait until the reload is done, which can take seconds: set a long Deadline.
func Wait() CallOption { return func(o *callOptions) { o.wait = true } }

// Traceparent sets the call's trace, in the format of W3C Trace Context version 00, which is passed to the server. A
// malformed one is ignored. Default: the context's trace (ContextWithTraceparent), or what the function of
// WithTraceparentFunc finds there.
func Traceparent(traceparent string) CallOption {
	return func(o *callOptions) { o.traceparent = traceparent }
}

type traceparentKey struct{}

// ContextWithTraceparent returns a context whose calls carry this trace.
func ContextWithTraceparent(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceparentKey{}, traceparent)
}

func makeCallOptions(given []CallOption) (callOptions, error) {
	var o callOptions
	for _, option := range given {
		option(&o)
	}
	return o, o.fault
}

// trace returns the traceparent to send, "" if there is no well-formed one.
func (o *options) trace(ctx context.Context, call *callOptions) string {
	found := call.traceparent
	if found == "" {
		found, _ = ctx.Value(traceparentKey{}).(string)
	}
	if found == "" && o.traceparent != nil {
		found = o.traceparent(ctx)
	}
	if !wellFormedTraceparent(found) {
		return ""
	}
	return found
}

// wellFormedTraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}, neither id all zeros.
func wellFormedTraceparent(text string) bool {
	const zeros = "00000000000000000000000000000000"
	if len(text) != 55 || text[:3] != "00-" || text[3:35] == zeros || text[36:52] == zeros[:16] {
		return false
	}
	for i := 3; i < len(text); i++ {
		c := text[i]
		if i == 35 || i == 52 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
