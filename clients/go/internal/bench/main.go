// How long one score takes from Go, with 1 and with 64 in flight, beside a bare echo of the same bytes through mangos'
// REQ contexts. Rounds of all kinds take turns in one run, so that whatever else the machine does falls on all.
//
//	echo                mangos' REQ contexts → tests/bench/echo_server --answer, requests encoded before
//	client → echo       Client.Score() → the same, whose answers are a decision's bytes: what the client adds
//	bare → harrierd     mangos' REQ contexts → harrierd, requests encoded before: what the server takes, and no client
//	client → harrierd   Client.Score() → harrierd
//
// A transaction is made for each call of any kind, before its clock begins; it is a new one of one of 10,000 cards. A
// figure is the median of the rounds'; behind a ratio of medians stand the least and the greatest of a round. The
// absolute ones belong to the machine. CPU is this process's, bytes are what it allocates.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/req"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
	_ "go.nanomsg.org/mangos/v3/transport/tcp"
	"google.golang.org/protobuf/proto"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

const (
	warmUp = 500
	target = 1.3
	// Answers of harrierd, for the echo's.
	sampled = 1001
	// Calls of the profile: enough for its 100 samples a second.
	profiled = 100_000
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// cut is many texts in one, so that a collector of garbage has one thing to look at.
type cut struct {
	all  string
	ends []int
}

func cutOf(count int, one func(i int) string) cut {
	var all strings.Builder
	ends := []int{0}
	for i := 0; i < count; i++ {
		all.WriteString(one(i))
		ends = append(ends, all.Len())
	}
	return cut{all.String(), ends}
}

func (c *cut) at(i uint64) string { return c.all[c.ends[i]:c.ends[i+1]] }

const (
	cardCount     = 10_000
	merchantCount = 500
)

// numbers makes transactions that no run had before, one for each call of any kind: what it takes is the caller's.
type numbers struct {
	run                                       string
	last                                      atomic.Uint64
	cards, customers, devices, ips, merchants cut
}

func newNumbers() *numbers {
	random := make([]byte, 4)
	_, err := rand.Read(random)
	check(err)
	named := func(count int, format string) cut {
		return cutOf(count, func(i int) string { return fmt.Sprintf(format, i) })
	}
	return &numbers{
		run:   fmt.Sprintf("%x", random),
		cards: named(cardCount, "card_%05d"), customers: named(cardCount/2, "cust_%05d"),
		devices: named(cardCount, "device_%05d"), merchants: named(merchantCount, "merchant_%03d"),
		ips: cutOf(cardCount, func(i int) string { return fmt.Sprintf("198.18.%d.%d", i/250, i%250) }),
	}
}

func (n *numbers) next() harrier.Transaction {
	number := n.last.Add(1)
	mixed := number * 0x9E3779B97F4A7C15
	card := (mixed >> 40) % cardCount
	return harrier.Transaction{
		ID: fmt.Sprintf("b%s-%010d", n.run, number), EventTime: time.Now(), AmountMinor: int64(100 + mixed>>50),
		Currency: "EUR", Card: n.cards.at(card), Customer: n.customers.at(card / 2),
		Merchant: n.merchants.at((mixed >> 20) % merchantCount), Device: n.devices.at(card),
		IP: n.ips.at(card), Country: "DE", MCC: "5411", Channel: "ecom",
	}
}

func encoded(t harrier.Transaction) []byte {
	one := &wire.Transaction{
		Id: t.ID, EventTimeUs: t.EventTime.UnixMicro(), AmountMinor: t.AmountMinor, Currency: t.Currency, Card: t.Card,
		Customer: t.Customer, Merchant: t.Merchant, Device: t.Device, Ip: t.IP, Country: t.Country, Mcc: t.MCC,
		Channel: t.Channel,
	}
	score := &wire.Request_Score{Score: &wire.ScoreRequest{Transactions: []*wire.Transaction{one}}}
	data, err := proto.Marshal(&wire.Request{Protocol: 1, DeadlineUs: 5_000_000, Call: score})
	check(err)
	return data
}

func dial(address string) mangos.Socket {
	socket, err := req.NewSocket()
	check(err)
	check(socket.SetOption(mangos.OptionRecvDeadline, 5*time.Second))
	check(socket.Dial(address))
	return socket
}

// sample asks harrierd, and gives a request and the answer that is the middle one by length, which has the reasons that a
// decision has mostly: what the echo gets and gives.
func sample(socket mangos.Socket, n *numbers) (request, answer []byte) {
	answers := make([][]byte, sampled)
	for i := range answers {
		request = encoded(n.next())
		check(socket.Send(request))
		var err error
		answers[i], err = socket.Recv()
		check(err)
	}
	sort.Slice(answers, func(i, j int) bool { return len(answers[i]) < len(answers[j]) })
	return request, answers[sampled/2]
}

// teach makes answer what the echo says from now on, and returns the decision that is in it.
func teach(socket mangos.Socket, answer []byte) *wire.Decision {
	var response wire.Response
	check(proto.Unmarshal(answer, &response))
	results := response.GetScore().GetResults()
	if len(results) != 1 || results[0].GetDecision() == nil {
		check(fmt.Errorf("harrierd answered %v; expected one decision", &response))
	}
	check(socket.Send(answer))
	echoed, err := socket.Recv()
	check(err)
	if !bytes.Equal(echoed, answer) {
		check(fmt.Errorf("the echo does not give the answer that it was given"))
	}
	return results[0].GetDecision()
}

// makeCall makes ready for count calls and returns a function that makes one.
type makeCall func(count int) func(harrier.Transaction)

func through(socket mangos.Socket, contents func() []byte) makeCall {
	return func(count int) func(harrier.Transaction) {
		ctx, err := socket.OpenContext()
		check(err)
		messages := make([][]byte, count)
		for i := range messages {
			messages[i] = contents()
		}
		next := 0
		return func(harrier.Transaction) {
			check(ctx.Send(messages[next]))
			next++
			_, err := ctx.Recv()
			check(err)
		}
	}
}

// throughClient holds each decision to what is expected, if anything is: by an echo all get the same one.
func throughClient(client *harrier.Client, expected *wire.Decision) makeCall {
	return func(int) func(harrier.Transaction) {
		return func(transaction harrier.Transaction) {
			decision, err := client.Score(context.Background(), transaction)
			check(err)
			if expected != nil && (decision.TransactionID != expected.TransactionId || decision.Position != expected.Position) {
				check(fmt.Errorf("decision %+v; expected %v", decision, expected))
			}
		}
	}
}

// measured are of a round: the median and the 99th percentile in microseconds, calls of a second, and the processor time
// and what is allocated of one, in microseconds and bytes.
type measured [5]float64

const (
	p50 = iota
	p99
	rate
	cpu
	allocated
)

type figures struct {
	name   string
	call   makeCall
	rounds []measured
}

// processorTime is that of this process, which the server's is not part of.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (f *figures) measure(n *numbers, inFlight, calls int, keep bool) {
	each := calls / inFlight
	run := make([]func(harrier.Transaction), inFlight)
	took := make([][]time.Duration, inFlight)
	for i := range run {
		run[i] = f.call(each)
		took[i] = make([]time.Duration, 0, each)
	}
	runtime.GC() // what was made before is not this one's
	var done sync.WaitGroup
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun, worked := time.Now(), processorTime()
	for i := range run {
		i := i
		done.Add(1)
		go func() {
			defer done.Done()
			for left := each; left > 0; left-- {
				transaction := n.next()
				begun := time.Now()
				run[i](transaction)
				took[i] = append(took[i], time.Since(begun))
			}
		}()
	}
	done.Wait()
	if !keep {
		return
	}
	all, worked := time.Since(begun), processorTime()-worked
	runtime.ReadMemStats(&after)
	var waits []time.Duration
	for _, some := range took {
		waits = append(waits, some...)
	}
	sort.Slice(waits, func(i, j int) bool { return waits[i] < waits[j] })
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	count := float64(len(waits))
	f.rounds = append(f.rounds, measured{
		us(waits[len(waits)/2]), us(waits[len(waits)*99/100]), count / all.Seconds(), us(worked) / count,
		float64(after.TotalAlloc-before.TotalAlloc) / count,
	})
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func (f *figures) middle(what int) float64 {
	values := make([]float64, len(f.rounds))
	for i, round := range f.rounds {
		values[i] = round[what]
	}
	return median(values)
}

func (f *figures) row() {
	fmt.Printf("%-24s %9.1f %9.1f %10.0f %9.1f %7.0f\n",
		f.name, f.middle(p50), f.middle(p99), f.middle(rate), f.middle(cpu), f.middle(allocated))
}

// over is the median of the ratios of rounds that ran one after the other, and the least and the greatest.
func (f *figures) over(other *figures, what int) (middle, least, greatest float64) {
	ratios := make([]float64, len(f.rounds))
	for i, round := range f.rounds {
		ratios[i] = round[what] / other.rounds[i][what]
	}
	middle = median(ratios)
	return middle, ratios[0], ratios[len(ratios)-1]
}

func (f *figures) ratios(other *figures) string {
	var said []string
	for what, name := range []string{"p50", "p99", "calls/s"} {
		middle, least, greatest := f.over(other, what)
		said = append(said, fmt.Sprintf("%s %.2f (%.2f–%.2f)", name, middle, least, greatest))
	}
	return strings.Join(said, ", ")
}

func main() {
	rounds := flag.Int("rounds", 5, "")
	calls := flag.Int("calls", 4000, "of a round with 1 in flight; with more five times as many")
	profile := flag.String("profile", "", "a file for a processor profile of the client with 64 in flight at the echo")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench [-rounds N] [-calls N] [-profile FILE] ECHO_ADDRESS HARRIERD_ADDRESS")
		os.Exit(64)
	}
	debug.SetGCPercent(400)
	n := newNumbers()
	echo, bare := dial(flag.Arg(0)), dial(flag.Arg(1))
	echoed, err := harrier.New([]string{flag.Arg(0)}, harrier.WithDeadline(5*time.Second))
	check(err)
	defer echoed.Close()
	served, err := harrier.New([]string{flag.Arg(1)}, harrier.WithDeadline(5*time.Second))
	check(err)
	defer served.Close()

	request, answer := sample(bare, n)
	decision := teach(echo, answer)
	fmt.Printf("messages of %d and %d bytes (%d reasons at the echo); %d rounds of %d calls; %s, %d processors\n",
		len(request), len(answer), len(decision.Reasons), *rounds, *calls, runtime.Version(), runtime.GOMAXPROCS(0))
	fmt.Printf("%-24s %9s %9s %10s %9s %7s\n", "", "p50 µs", "p99 µs", "calls/s", "cpu µs", "bytes")

	over := false
	for _, inFlight := range []int{1, 64} {
		kinds := []*figures{
			{name: "echo", call: through(echo, func() []byte { return request })},
			{name: "client → echo", call: throughClient(echoed, decision)},
			{name: "bare → harrierd", call: through(bare, func() []byte { return encoded(n.next()) })},
			{name: "client → harrierd", call: throughClient(served, nil)},
		}
		for _, kind := range kinds {
			kind.measure(n, inFlight, warmUp, false)
		}
		each := *calls
		if inFlight > 1 { // a round is to be longer than a pause of the collector
			each *= 5
		}
		for round := 0; round < *rounds; round++ {
			for _, kind := range kinds {
				kind.measure(n, inFlight, each, true)
			}
		}
		fmt.Printf("%d in flight\n", inFlight)
		for _, kind := range kinds {
			kind.row()
		}
		base, added, server, took := kinds[0], kinds[1], kinds[2], kinds[3]
		note := ""
		if middle, _, _ := added.over(base, p50); middle > target {
			note, over = fmt.Sprintf("; over %g", target), true
		}
		fmt.Printf("  client of the echo: %s%s\n", added.ratios(base), note)
		fmt.Printf("  at harrierd, of bare: %s\n", took.ratios(server))
		fmt.Printf("  at harrierd, of the echo: %s\n", took.ratios(base))
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(file))
		(&figures{call: throughClient(echoed, decision)}).measure(n, 64, profiled, false)
		pprof.StopCPUProfile()
		check(file.Close())
	}
	if over {
		defer os.Exit(1)
	}
}
