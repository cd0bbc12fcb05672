package harrier

import (
	"context"
	"crypto/tls"
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

// FallbackFunc chooses the verdict of a transaction for which there is no decision because of err. What it returns as
// an error fails the call.
type FallbackFunc func(transaction *Transaction, err error) (Verdict, error)

// TokenFunc returns the token to send. It is called for each request, by any goroutine, and is quick.
type TokenFunc func() (string, error)

// Metrics gets a client's figures. It is called by any goroutine on the path of calls: it is quick and does not call
// the client. A panic in it is dropped. The labels are not to be changed or kept.
type Metrics interface {
	Count(name string, amount float64, labels map[string]string)
	Observe(name string, value float64, labels map[string]string)
	Set(name string, value float64, labels map[string]string)
}

// Option is for New.
type Option func(*options)

type options struct {
	addresses   []address
	deadline    time.Duration
	fallback    FallbackFunc
	retriesMax  int
	inFlightMax int
	ejectAfter  int
	metrics     Metrics
	token       TokenFunc // a function even for a text, so that printing a client does not show it
	traceparent func(context.Context) string
	tls         *tls.Config
	fault       error
}

// WithDeadline is for calls that do not set their own: more than 0, at most one hour. Without it: 100 ms.
func WithDeadline(deadline time.Duration) Option {
	return func(o *options) { o.deadline = deadline }
}

// WithFallback is the verdict when there is no decision in time.
func WithFallback(verdict Verdict) Option {
	return func(o *options) {
		if !verdict.known() {
			o.fault = invalid("fallback", fmt.Sprintf("%q; expected approve, review, challenge or decline", string(verdict)))
		}
		o.fallback = func(*Transaction, error) (Verdict, error) { return verdict, nil }
	}
}

// WithFallbackFunc has a function choose the verdict when there is no decision in time.
func WithFallbackFunc(choose FallbackFunc) Option {
	return func(o *options) { o.fallback = choose }
}

// WithRetriesMax is how often a call is sent again. Without it: 3.
func WithRetriesMax(retries int) Option {
	return func(o *options) { o.retriesMax = retries }
}

// WithInFlightMax is how many requests are under way at once; another one waits for room. Without it: 1,024.
func WithInFlightMax(requests int) Option {
	return func(o *options) { o.inFlightMax = requests }
}

// WithEjectAfter is how many failures in a row leave an address out. Without it: 3.
func WithEjectAfter(failures int) Option {
	return func(o *options) { o.ejectAfter = failures }
}

// WithMetrics hands the client's figures to metrics.
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

// WithTokenFunc asks for the token of each request, so that it can change without a new client. An error that it
// returns fails the call.
func WithTokenFunc(token TokenFunc) Option {
	return func(o *options) { o.token = token }
}

// WithTraceparentFunc takes the trace of a call from its context, if the call has none otherwise: see Traceparent.
func WithTraceparentFunc(from func(context.Context) string) Option {
	return func(o *options) { o.traceparent = from }
}

// WithTLS is for tls+tcp addresses. The name that a certificate is held against is the address's, unless config has
// one. Without it: the machine's certificate authorities, TLS 1.2 or later.
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

// address is of one server; target is what package net takes.
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

// checkToken never shows it.
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
// Of one call

// CallOption is for one call.
type CallOption func(*callOptions)

type callOptions struct {
	deadline       time.Duration // 0: the client's
	dryRun         bool
	returnFeatures bool
	stateHash      bool
	atTime         time.Time
	traceparent    string
	fault          error
}

// Deadline is this call's instead of the client's. If the call's context ends earlier, so does the call; a context
// alone never makes a call wait longer than the deadline.
func Deadline(deadline time.Duration) CallOption {
	return func(o *callOptions) {
		o.deadline = deadline
		if err := checkDeadline(deadline); err != nil {
			o.fault = err
		}
	}
}

// DryRun decides and answers, but changes nothing at the server. It has no fallback.
func DryRun() CallOption { return func(o *callOptions) { o.dryRun = true } }

// ReturnFeatures asks for every feature value that the decisions saw.
func ReturnFeatures() CallOption { return func(o *callOptions) { o.returnFeatures = true } }

// StateHash has Status compute a hash over the states of all entities. It reads everything: give it time.
func StateHash() CallOption { return func(o *callOptions) { o.stateHash = true } }

// AtTime has GetEntity answer as of this event time. Without it: the entity's newest transaction.
func AtTime(at time.Time) CallOption { return func(o *callOptions) { o.atTime = at } }

// Traceparent is the call's trace, as in W3C Trace Context version 00, passed through to the server. One that is not
// well-formed is left out. Without this option it is what the call's context was given with
// ContextWithTraceparent, or what the function of WithTraceparentFunc finds there.
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

// trace returns the traceparent to send, empty if there is none that is well-formed.
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
