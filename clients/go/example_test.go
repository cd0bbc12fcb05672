package harrier_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"harrier.example/harrier"
)

// exampleAddress is of a server that finds nothing suspicious; nobodysAddress is of none.
var exampleAddress, nobodysAddress string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "harrier")
	if err != nil {
		panic(err)
	}
	exampleAddress, nobodysAddress = "ipc://"+folder+"/s", "ipc://"+folder+"/nobody"
	s, err := startServer(exampleAddress, nil)
	if err != nil {
		panic(err)
	}
	status := m.Run()
	s.stop()
	os.RemoveAll(folder)
	os.Exit(status)
}

func ExampleClient_Score() {
	client, err := harrier.New([]string{exampleAddress}, harrier.WithDeadline(5*time.Second))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	decision, err := client.Score(context.Background(), harrier.Transaction{
		ID:          "order-3043",
		EventTime:   time.Now(),
		AmountMinor: 4999,
		Currency:    "EUR",
		Card:        "tok_9f3a",
		Attributes:  []harrier.Attribute{harrier.Int("items", 3), harrier.Bool("gift", false)},
	})
	fmt.Println(decision.Verdict, decision.Fallback, err)
	// Output: approve false <nil>
}

func ExampleClient_ScoreMany() {
	client, err := harrier.New([]string{exampleAddress}, harrier.WithDeadline(5*time.Second))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	payments := []harrier.Transaction{{ID: "a", EventTime: time.Now()}, {ID: "b", EventTime: time.Now()}}
	results, err := client.ScoreMany(context.Background(), payments)
	if err != nil {
		panic(err) // of the call as a whole
	}
	for _, result := range results {
		if result.Err != nil {
			fmt.Println(result.Err)
			continue
		}
		fmt.Println(result.Decision.TransactionID, result.Decision.Verdict)
	}
	// Output:
	// a approve
	// b approve
}

func ExampleWithFallbackFunc() {
	small := func(payment *harrier.Transaction, err error) (harrier.Verdict, error) {
		if payment.AmountMinor < 2000 {
			return harrier.Approve, nil
		}
		return harrier.Review, nil
	}
	client, err := harrier.New([]string{nobodysAddress}, harrier.WithDeadline(20*time.Millisecond), harrier.WithFallbackFunc(small))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	decision, err := client.Score(context.Background(), harrier.Transaction{ID: "order-7", AmountMinor: 1500, Currency: "EUR"})
	fmt.Println(decision.Verdict, decision.FallbackReason == harrier.ErrUnavailable, err)
	// Output: approve true <nil>
}

func ExampleError() {
	client, err := harrier.New([]string{nobodysAddress})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	_, err = client.Status(context.Background(), harrier.Deadline(20*time.Millisecond))
	var failure *harrier.Error
	switch {
	case errors.Is(err, harrier.ErrDenied):
		fmt.Println("the token is wrong")
	case errors.As(err, &failure):
		fmt.Println(failure.Code == harrier.ErrUnavailable, "decided:", failure.Decided)
	}
	// Output: true decided: no
}

func ExampleContextWithTraceparent() {
	client, err := harrier.New([]string{exampleAddress}, harrier.WithDeadline(5*time.Second))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	traceparent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" // as a header of the request has it
	ctx := harrier.ContextWithTraceparent(context.Background(), traceparent)
	_, err = client.Score(ctx, harrier.Transaction{ID: "order-3045", EventTime: time.Now()})
	fmt.Println(err)
	// Output: <nil>
}

// ---------------------------------------------------------------------------------------------------------------
// README.md and examples/ run as they are printed.

func runExample(t *testing.T, source string, arguments ...string) string {
	t.Helper()
	if lines := strings.Count(source, "\n"); lines > 30 {
		t.Errorf("%d lines", lines)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(goTool, append([]string{"run", path}, arguments...)...)
	var complaints strings.Builder
	command.Stderr = &complaints
	printed, err := command.Output()
	if err != nil || complaints.Len() != 0 {
		t.Fatal(err, complaints.String())
	}
	return string(printed)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestReadme(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```go\n(package main.*?)^```$").FindAllStringSubmatch(readFile(t, "README.md"), -1)
	if len(blocks) != 1 {
		t.Fatal(len(blocks), "programs")
	}
	if printed := runExample(t, blocks[0][1], "-to", nobodysAddress); printed != "review 0 []\nthere was no answer: unavailable\n" {
		t.Errorf("%q", printed)
	}
	s := newServer(t, address(t, "s"), nil)
	// A program that was just started on a busy machine may take its first 100 ms for connecting.
	for tries := 0; ; tries++ {
		printed := runExample(t, blocks[0][1], "-to", s.address)
		if printed == "approve 0 []\n" {
			break
		}
		if tries == 5 {
			t.Fatalf("%q", printed)
		}
	}
}

func TestExamples(t *testing.T) {
	s := newServer(t, address(t, "s"), nil)
	printed := runExample(t, readFile(t, "examples/outcome/main.go"), "-to", s.address, "order-3046")
	if printed != "changed: true before: none\n" {
		t.Errorf("%q", printed)
	}
	printed = runExample(t, readFile(t, "examples/batch/main.go"), "-to", s.address)
	for _, id := range []string{"order-0", "order-1", "order-2", "order-3", "order-4"} {
		if !strings.Contains(printed, id+" &{"+id+" approve") && !strings.Contains(printed, id+" &{"+id+" review") {
			t.Errorf("%q", printed)
		}
	}
}
