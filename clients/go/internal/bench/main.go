// How long one score takes from Go, with 1 and with 64 in flight, beside a bare echo of the same sizes through mangos'
// REQ contexts. Rounds of all take turns in one run, so that whatever else the machine does falls on all.
//
//	echo      mangos' REQ contexts → tests/bench/echo_server
//	bare      the same → harrierd, with requests encoded before: what the server takes, and no client
//	client    Client.Score() → harrierd
//
// Each score is of a new transaction of one of 10,000 cards. The ratio of the medians is the figure; the absolute ones
// belong to the machine. client to bare is what the client adds; client to echo has the server in it, too.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sort"
	"sync"
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
	// Calls of the profile: enough for its 100 samples a second.
	profiled = 100_000
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// numbers makes transactions that no run had before.
type numbers struct {
	run  string
	last uint64
}

func (n *numbers) next() harrier.Transaction {
	n.last++
	mixed := n.last * 0x9E3779B97F4A7C15
	card := (mixed >> 40) % 10000
	return harrier.Transaction{
		ID: fmt.Sprintf("b%s-%010d", n.run, n.last), EventTime: time.Now(), AmountMinor: int64(100 + mixed>>50),
		Currency: "EUR", Card: fmt.Sprintf("card_%05d", card), Customer: fmt.Sprintf("cust_%05d", card/2),
		Merchant: fmt.Sprintf("merchant_%03d", (mixed>>20)%500), Device: fmt.Sprintf("device_%05d", card),
		IP: fmt.Sprintf("198.18.%d.%d", card/250, card%250), Country: "DE", MCC: "5411", Channel: "ecom",
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

// makeCall makes count calls' contents and returns a function that makes one call.
type makeCall func(count int) func()

func through(socket mangos.Socket, contents func() []byte) makeCall {
	return func(count int) func() {
		ctx, err := socket.OpenContext()
		check(err)
		messages := make([][]byte, count)
		for i := range messages {
			messages[i] = contents()
		}
		next := 0
		return func() {
			check(ctx.Send(messages[next]))
			next++
			_, err := ctx.Recv()
			check(err)
		}
	}
}

func throughClient(client *harrier.Client, n *numbers) makeCall {
	return func(count int) func() {
		transactions := make([]harrier.Transaction, count)
		for i := range transactions {
			transactions[i] = n.next()
		}
		next := 0
		return func() {
			_, err := client.Score(context.Background(), transactions[next])
			check(err)
			next++
		}
	}
}

type figures struct {
	name string
	call makeCall
	took []time.Duration
	all  time.Duration
	cpu  time.Duration
}

// processorTime is that of this process, which the server's is not part of.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (f *figures) measure(inFlight, calls int, keep bool) {
	each := calls / inFlight
	run := make([]func(), inFlight)
	for i := range run {
		run[i] = f.call(each)
	}
	took := make([][]time.Duration, inFlight)
	runtime.GC() // what was made before is not this one's
	var done sync.WaitGroup
	begun, worked := time.Now(), processorTime()
	for i := range run {
		i := i
		done.Add(1)
		go func() {
			defer done.Done()
			for left := each; left > 0; left-- {
				begun := time.Now()
				run[i]()
				took[i] = append(took[i], time.Since(begun))
			}
		}()
	}
	done.Wait()
	if !keep {
		return
	}
	f.all += time.Since(begun)
	f.cpu += processorTime() - worked
	for _, some := range took {
		f.took = append(f.took, some...)
	}
}

// measured are the median and the 99th percentile in microseconds, and calls of a second.
type measured struct{ p50, p99, rate float64 }

func (m measured) over(other measured) string {
	return fmt.Sprintf("p50 %.2f, p99 %.2f, calls/s %.2f", m.p50/other.p50, m.p99/other.p99, m.rate/other.rate)
}

func (f *figures) row() measured {
	sort.Slice(f.took, func(i, j int) bool { return f.took[i] < f.took[j] })
	p50, p99 := f.took[len(f.took)/2], f.took[len(f.took)*99/100]
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	count := float64(len(f.took))
	fmt.Printf("%-24s %9.1f %9.1f %10.0f %9.1f\n", f.name, us(p50), us(p99), count/f.all.Seconds(), us(f.cpu)/count)
	return measured{us(p50), us(p99), count / f.all.Seconds()}
}

func main() {
	rounds := flag.Int("rounds", 5, "")
	calls := flag.Int("calls", 4000, "of a round, in all")
	profile := flag.String("profile", "", "a file for a processor profile of the client with 64 in flight")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench [-rounds N] [-calls N] [-profile FILE] ECHO_ADDRESS HARRIERD_ADDRESS")
		os.Exit(64)
	}
	debug.SetGCPercent(400)
	random := make([]byte, 4)
	_, err := rand.Read(random)
	check(err)
	n := &numbers{run: fmt.Sprintf("%x", random)}
	echo, bare := dial(flag.Arg(0)), dial(flag.Arg(1))
	client, err := harrier.New([]string{flag.Arg(1)}, harrier.WithDeadline(5*time.Second))
	check(err)
	defer client.Close()

	first := encoded(n.next())
	check(bare.Send(first))
	answer, err := bare.Recv()
	check(err)
	message := make([]byte, len(first))
	binary.LittleEndian.PutUint32(message, uint32(len(answer)))
	fmt.Printf("messages of %d and %d bytes; %d rounds of %d calls; %s, %d processors\n",
		len(first), len(answer), *rounds, *calls, runtime.Version(), runtime.GOMAXPROCS(0))
	fmt.Printf("%-24s %9s %9s %10s %9s\n", "", "p50 µs", "p99 µs", "calls/s", "cpu µs")

	over := false
	for _, inFlight := range []int{1, 64} {
		kinds := []*figures{
			{name: fmt.Sprintf("%d in flight: echo", inFlight), call: through(echo, func() []byte { return message })},
			{name: "bare", call: through(bare, func() []byte { return encoded(n.next()) })},
			{name: "client", call: throughClient(client, n)},
		}
		for _, kind := range kinds {
			kind.measure(inFlight, warmUp, false)
		}
		for round := 0; round < *rounds; round++ {
			for _, kind := range kinds {
				kind.measure(inFlight, *calls, true)
			}
		}
		base, server, took := kinds[0].row(), kinds[1].row(), kinds[2].row()
		note := ""
		if took.p50/base.p50 > target {
			note, over = fmt.Sprintf(", over %g", target), true
		}
		fmt.Printf("  of bare: %s; of the echo: %s%s\n", took.over(server), took.over(base), note)
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(file))
		(&figures{call: throughClient(client, n)}).measure(64, profiled, false)
		pprof.StopCPUProfile()
		check(file.Close())
	}
	if over {
		defer os.Exit(1)
	}
}
