// The driver of the Go client for the scenarios that all clients are held to. tests/system/clients/driver.py says what
// it reads and writes.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"harrier.example/harrier"
)

var can = []string{
	"addresses", "ejection", "retry_unavailable", "standbys", "fallback", "batcher", "metrics", "request_limits",
	"decided", "close_timeout", "token", "token_change", "traceparent", "analyst", "brakes", "find", "tls",
}

type object = map[string]any

type command struct {
	Seq          int           `json:"seq"`
	Do           string        `json:"do"`
	Options      openOptions   `json:"options"`
	Transactions []transaction `json:"transactions"`
	Transaction  transaction   `json:"transaction"`
	Outcomes     []outcome     `json:"outcomes"`
	Amendments   []amendment   `json:"amendments"`
	DeadlineMS   float64       `json:"deadline_ms"`
	DryRun       bool          `json:"dry_run"`
	Traceparent  string        `json:"traceparent"`
	Token        string        `json:"token"`
	TimeoutMS    *float64      `json:"timeout_ms"`

	Entity        string       `json:"entity"`
	Key           []string     `json:"key"`
	AtTimeUs      int64        `json:"at_time_us"`
	Changes       []listChange `json:"changes"`
	List          string       `json:"list"`
	AfterPosition uint64       `json:"after_position"`
	Limit         int          `json:"limit"`
	Wait          bool         `json:"wait"`
	TransactionID string       `json:"transaction_id"`
	Rule          string       `json:"rule"`
	Policy        bool         `json:"policy"`
	Pull          bool         `json:"pull"`
	Source        string       `json:"source"`
	Reason        string       `json:"reason"`

	Verdicts []harrier.Verdict `json:"verdicts"`
	Labels   []harrier.Label   `json:"labels"`
	Score    []uint32          `json:"score"`
	Card     string            `json:"card"`
	Shadow   bool              `json:"shadow"`
	Cursor   string            `json:"cursor"`
}

type openOptions struct {
	Addresses     []string `json:"addresses"`
	TLSCAFile     *string  `json:"tls_ca_file"`
	DeadlineMS    *float64 `json:"deadline_ms"`
	Fallback      *string  `json:"fallback"`
	RetriesMax    *int     `json:"retries_max"`
	InFlightMax   *int     `json:"in_flight_max"`
	EjectAfter    *int     `json:"eject_after"`
	Token         *string  `json:"token"`
	ChangingToken *string  `json:"changing_token"`
}

type transaction struct {
	ID          string `json:"id"`
	EventTimeUs int64  `json:"event_time_us"`
	AmountMinor int64  `json:"amount_minor"`
	Currency    string `json:"currency"`
	Card        string `json:"card"`
	Customer    string `json:"customer"`
	Account     string `json:"account"`
	Merchant    string `json:"merchant"`
	Terminal    string `json:"terminal"`
	Device      string `json:"device"`
	IP          string `json:"ip"`
	Country     string `json:"country"`
	MCC         string `json:"mcc"`
	Channel     string `json:"channel"`
	Email       string `json:"email"`
	Phone       string `json:"phone"`
	Source      string `json:"source"`
	Sequence    uint64 `json:"sequence"`
	Attributes  []struct {
		Name    string   `json:"name"`
		Text    *string  `json:"text"`
		Integer *int64   `json:"integer"`
		Number  *float64 `json:"number"`
		Flag    *bool    `json:"flag"`
	} `json:"attributes"`
}

type outcome struct {
	TransactionID string        `json:"transaction_id"`
	Label         harrier.Label `json:"label"`
}

type amendment struct {
	TransactionID string                `json:"transaction_id"`
	Kind          harrier.AmendmentKind `json:"kind"`
	AmountMinor   int64                 `json:"amount_minor"`
	KnownTimeUs   int64                 `json:"known_time_us"`
	Source        string                `json:"source"`
	Currency      string                `json:"currency"`
}

func milliseconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Millisecond))
}

func (t *transaction) made() harrier.Transaction {
	made := harrier.Transaction{
		ID: t.ID, AmountMinor: t.AmountMinor, Currency: t.Currency, Card: t.Card, Customer: t.Customer,
		Account: t.Account, Merchant: t.Merchant, Terminal: t.Terminal, Device: t.Device, IP: t.IP, Country: t.Country,
		MCC: t.MCC, Channel: t.Channel, Email: t.Email, Phone: t.Phone,
		Source: t.Source, Sequence: t.Sequence,
	}
	if t.EventTimeUs != 0 {
		made.EventTime = time.UnixMicro(t.EventTimeUs)
	}
	for _, a := range t.Attributes {
		switch {
		case a.Text != nil:
			made.Attributes = append(made.Attributes, harrier.String(a.Name, *a.Text))
		case a.Integer != nil:
			made.Attributes = append(made.Attributes, harrier.Int(a.Name, *a.Integer))
		case a.Number != nil:
			made.Attributes = append(made.Attributes, harrier.Float(a.Name, *a.Number))
		case a.Flag != nil:
			made.Attributes = append(made.Attributes, harrier.Bool(a.Name, *a.Flag))
		}
	}
	return made
}

func (o *openOptions) made(figures harrier.Metrics) ([]harrier.Option, error) {
	made := []harrier.Option{harrier.WithMetrics(figures)}
	if o.TLSCAFile != nil {
		certificates, err := os.ReadFile(*o.TLSCAFile)
		if err != nil {
			return nil, err
		}
		trusted := x509.NewCertPool()
		if !trusted.AppendCertsFromPEM(certificates) {
			return nil, fmt.Errorf("no certificate in %s", *o.TLSCAFile)
		}
		made = append(made, harrier.WithTLS(&tls.Config{RootCAs: trusted}))
	}
	if o.DeadlineMS != nil {
		made = append(made, harrier.WithDeadline(milliseconds(*o.DeadlineMS)))
	}
	if o.Fallback != nil {
		made = append(made, harrier.WithFallback(harrier.Verdict(*o.Fallback)))
	}
	if o.RetriesMax != nil {
		made = append(made, harrier.WithRetriesMax(*o.RetriesMax))
	}
	if o.InFlightMax != nil {
		made = append(made, harrier.WithInFlightMax(*o.InFlightMax))
	}
	if o.EjectAfter != nil {
		made = append(made, harrier.WithEjectAfter(*o.EjectAfter))
	}
	if o.Token != nil {
		made = append(made, harrier.WithToken(*o.Token))
	}
	return made, nil
}

func (c *command) options() []harrier.CallOption {
	var made []harrier.CallOption
	if c.DeadlineMS != 0 {
		made = append(made, harrier.Deadline(milliseconds(c.DeadlineMS)))
	}
	if c.DryRun {
		made = append(made, harrier.DryRun())
	}
	if c.Traceparent != "" {
		made = append(made, harrier.Traceparent(c.Traceparent))
	}
	return made
}

// figures keeps what the client tells.
type figures struct {
	lock sync.Mutex
	told [][4]any
}

func (f *figures) add(kind, name string, value float64, labels map[string]string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.told = append(f.told, [4]any{kind, name, value, labels})
}

func (f *figures) Count(name string, amount float64, labels map[string]string) {
	f.add("count", name, amount, labels)
}

func (f *figures) Observe(name string, value float64, labels map[string]string) {
	f.add("observe", name, value, labels)
}

func (f *figures) Set(name string, value float64, labels map[string]string) {
	f.add("set", name, value, labels)
}

func (f *figures) all() [][4]any {
	f.lock.Lock()
	defer f.lock.Unlock()
	return append([][4]any{}, f.told...)
}

func errorObject(err error) object {
	var found *harrier.Error
	if !errors.As(err, &found) {
		panic(err)
	}
	var decided any
	if found.Decided == harrier.NotDecided {
		decided = false
	}
	return object{"error": object{
		"code": found.Code, "field": found.Field, "message": found.Message, "decided": decided,
	}}
}

func decisionObject(d *harrier.Decision, err error) object {
	if err != nil {
		return errorObject(err)
	}
	reasons := []string{}
	for _, reason := range d.Reasons {
		reasons = append(reasons, reason.Rule)
	}
	return object{"decision": object{
		"transaction_id": d.TransactionID, "verdict": d.Verdict, "score": d.Score, "position": d.Position,
		"duplicate": d.Duplicate, "reasons": reasons, "failed_rules": append([]string{}, d.FailedRules...),
		"fallback": d.Fallback, "fallback_reason": d.FallbackReason,
	}}
}

func outcomeObject(a *harrier.OutcomeAccepted, err error) object {
	if err != nil {
		return errorObject(err)
	}
	return object{"accepted": object{"changed": a.Changed, "previous": a.Previous}}
}

func amendedObject(t harrier.AmendedTransaction) object {
	return object{"voided": t.Voided, "amount_minor": t.AmountMinor, "refunded_minor": t.RefundedMinor}
}

func amendmentObject(result harrier.AmendmentResult) any {
	if result.Err != nil {
		return errorObject(result.Err)
	}
	a := result.Accepted
	return object{"accepted": object{
		"transaction_id": a.TransactionID, "position": a.Position, "changed": a.Changed,
		"previous": amendedObject(a.Previous), "now": amendedObject(a.Now),
	}}
}

type driver struct {
	client  *harrier.Client
	batcher *harrier.Batcher
	figures *figures
	token   atomic.Value // of a text: what a token that changes is now
	writing sync.Mutex
	calls   sync.WaitGroup
}

func (d *driver) say(seq int, answer object) {
	answer["seq"] = seq
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	fmt.Printf("%s\n", line)
}

func (d *driver) open(c *command) object {
	d.figures = &figures{}
	options, err := c.Options.made(d.figures)
	if err != nil {
		return object{"broken": err.Error()}
	}
	if c.Options.ChangingToken != nil {
		d.token.Store(*c.Options.ChangingToken)
		options = append(options, harrier.WithTokenFunc(func() (string, error) { return d.token.Load().(string), nil }))
	}
	client, err := harrier.New(c.Options.Addresses, options...)
	if err != nil {
		return errorObject(err)
	}
	d.client = client
	if d.batcher, err = client.NewBatcher(20*time.Millisecond, 50); err != nil {
		return errorObject(err)
	}
	return object{}
}

func (d *driver) close(c *command) object {
	if d.client == nil {
		return object{}
	}
	d.batcher.Close()
	if c.TimeoutMS == nil {
		d.client.Close()
		return object{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), milliseconds(*c.TimeoutMS))
	defer cancel()
	_ = d.client.Shutdown(ctx) // says only whether there were calls to end
	return object{}
}

func (d *driver) call(client *harrier.Client, batcher *harrier.Batcher, c *command) object {
	ctx := context.Background()
	switch c.Do {
	case "score":
		transactions := make([]harrier.Transaction, len(c.Transactions))
		for i := range c.Transactions {
			transactions[i] = c.Transactions[i].made()
		}
		results, err := client.ScoreMany(ctx, transactions, c.options()...)
		if err != nil {
			return errorObject(err)
		}
		objects := []object{}
		for _, result := range results {
			objects = append(objects, decisionObject(result.Decision, result.Err))
		}
		return object{"results": objects}
	case "batch": // a batched call stands for one transaction
		return object{"results": []object{decisionObject(batcher.Score(ctx, c.Transaction.made(), c.options()...))}}
	case "outcome":
		outcomes := make([]harrier.Outcome, len(c.Outcomes))
		for i, one := range c.Outcomes {
			outcomes[i] = harrier.Outcome{TransactionID: one.TransactionID, Label: one.Label}
		}
		results, err := client.ReportOutcomes(ctx, outcomes, c.options()...)
		if err != nil {
			return errorObject(err)
		}
		objects := []object{}
		for _, result := range results {
			objects = append(objects, outcomeObject(result.Accepted, result.Err))
		}
		return object{"results": objects}
	case "amend":
		amendments := make([]harrier.Amendment, len(c.Amendments))
		for i, one := range c.Amendments {
			amendments[i] = harrier.Amendment{
				TransactionID: one.TransactionID, Kind: one.Kind, AmountMinor: one.AmountMinor,
				KnownTime: moment(one.KnownTimeUs), Source: one.Source, Currency: one.Currency,
			}
		}
		results, err := client.AmendMany(ctx, amendments, c.options()...)
		return answered(results, err, func(results []harrier.AmendmentResult) object {
			return object{"results": list(results, amendmentObject)}
		})
	case "status":
		status, err := client.Status(ctx, c.options()...)
		if err != nil {
			return errorObject(err)
		}
		return object{"status": object{
			"state": status.State, "transactions": status.Transactions,
			"node": status.Node, "primary": status.Primary, "committed_position": status.CommittedPosition,
		}}
	}
	return callAnalyst(ctx, client, c)
}

func (d *driver) take(c *command) {
	switch c.Do {
	case "open":
		d.say(c.Seq, d.open(c))
	case "token":
		d.token.Store(c.Token)
		d.say(c.Seq, object{})
	case "metrics":
		d.say(c.Seq, object{"metrics": d.figures.all()})
	case "close":
		d.say(c.Seq, d.close(c))
	default:
		client, batcher := d.client, d.batcher
		d.calls.Add(1)
		go func() {
			defer d.calls.Done()
			begun := time.Now()
			answer := d.call(client, batcher, c)
			answer["ms"] = time.Since(begun).Seconds() * 1000
			d.say(c.Seq, answer)
		}()
	}
}

func main() {
	d := &driver{}
	hello, err := json.Marshal(object{"driver": "go", "version": harrier.Version, "can": can})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", hello)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		c := new(command)
		if err := json.Unmarshal(line, c); err != nil {
			d.say(c.Seq, object{"broken": err.Error()})
			continue
		}
		d.take(c)
	}
	d.calls.Wait()
	d.close(&command{})
}
