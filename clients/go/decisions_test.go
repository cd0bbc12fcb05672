package harrier

import (
	"math"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// generatedDecisions is the other way to read the same.
func generatedDecisions(data []byte, count int) ([]ScoreResult, error) {
	response, failure := decodeResponse(data, &request{call: "score", count: count})
	if failure != nil {
		return nil, failure
	}
	return decodeDecisions(response)
}

type chance struct{ *rand.Rand }

func (c chance) text() string {
	return []string{"", "x", "card_testing", "größer", strings.Repeat("long ", 60)}[c.Intn(5)]
}

func (c chance) number() uint64 { return c.Uint64() >> c.Intn(64) }

func (c chance) verdict() wire.Verdict { return wire.Verdict(c.Intn(5)) }

func (c chance) flag() bool { return c.Intn(2) == 0 }

func (c chance) reason() *wire.Reason {
	made := &wire.Reason{
		Rule: c.text(), Text: c.text(), Score: int32(c.number()), Verdict: c.verdict(), Shadow: c.flag(),
		Suppressed: c.flag(), Group: c.text(), Capped: -int32(c.number()), VerdictIfLive: c.verdict(),
	}
	for c.flag() {
		made.Tags = append(made.Tags, c.text())
	}
	return made
}

func (c chance) decision() *wire.Decision {
	made := &wire.Decision{
		TransactionId: c.text(), Verdict: 1 + wire.Verdict(c.Intn(4)), Score: uint32(c.number()), SnapshotId: c.number(),
		GenerationId: c.number(), Position: c.number(), Degraded: c.flag(), DegradedReason: c.text(),
		Duplicate: c.flag(), DryRun: c.flag(), ServerUs: uint32(c.number()), RuleErrors: uint32(c.number()),
	}
	for c.flag() {
		made.FailedRules = append(made.FailedRules, c.text())
	}
	for c.flag() {
		made.Reasons = append(made.Reasons, c.reason())
	}
	return made
}

func (c chance) response(count int) *wire.Response {
	score := new(wire.ScoreResponse)
	for i := 0; i < count; i++ {
		score.Results = append(score.Results, &wire.ScoreResult{Result: &wire.ScoreResult_Decision{Decision: c.decision()}})
	}
	return &wire.Response{Answer: &wire.Response_Score{Score: score}}
}

func bytesOf(t *testing.T, response *wire.Response) []byte {
	t.Helper()
	data, err := proto.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPlainDecisionsAreThoseOfTheGeneratedCode(t *testing.T) {
	c := chance{rand.New(rand.NewSource(7))}
	for i := 0; i < 3000; i++ {
		count := 1 + c.Intn(4)
		data := bytesOf(t, c.response(count))
		expected, err := generatedDecisions(data, count)
		if err != nil {
			t.Fatal(err)
		}
		found := readDecisions(data, count)
		if !reflect.DeepEqual(found, expected) {
			t.Fatalf("read %+v; the generated code read %+v", found, expected)
		}
		for at := range data { // nothing of it is a part of the message, which is used again
			data[at] = 0xff
		}
		if !reflect.DeepEqual(found, expected) {
			t.Fatal("a decision changed with the message that it came in")
		}
		if readDecisions(bytesOf(t, c.response(count)), count+1) != nil {
			t.Fatal("read one more than there are")
		}
	}
}

func TestDamagedDecisionsAreReadAsByTheGeneratedCode(t *testing.T) {
	c := chance{rand.New(rand.NewSource(8))}
	read := 0
	for i := 0; i < 60_000; i++ {
		data := bytesOf(t, c.response(2))
		for change := c.Intn(3); change >= 0; change-- {
			switch at := c.Intn(len(data)); c.Intn(4) {
			case 0:
				data = data[:at+1]
			case 1:
				data = append(data, byte(c.Uint32()))
			case 2:
				data[at] = byte(c.Uint32())
			default:
				data[at] ^= 1 << c.Intn(8)
			}
		}
		found := readDecisions(data, 2)
		if found == nil {
			continue
		}
		read++
		expected, err := generatedDecisions(data, 2)
		if err != nil || !reflect.DeepEqual(found, expected) {
			t.Fatalf("%x: read %+v; the generated code: %+v, %v", data, found, expected, err)
		}
	}
	if read < 1000 {
		t.Fatalf("only %d of the damaged ones could be read", read)
	}
}

func TestWhatIsNotPlainIsLeftToTheGeneratedCode(t *testing.T) {
	good := func() *wire.Decision { return &wire.Decision{TransactionId: "t", Verdict: 1} }
	of := func(results ...*wire.ScoreResult) *wire.Response {
		return &wire.Response{Answer: &wire.Response_Score{Score: &wire.ScoreResponse{Results: results}}}
	}
	decided := func(change func(*wire.Decision)) *wire.Response {
		one := good()
		change(one)
		return of(&wire.ScoreResult{Result: &wire.ScoreResult_Decision{Decision: one}})
	}
	if readDecisions(bytesOf(t, decided(func(*wire.Decision) {})), 1) == nil {
		t.Error("not even a plain one is read")
	}
	for name, response := range map[string]*wire.Response{
		"error":       {Error: &wire.Error{Code: wire.ErrorCode_ERROR_INVALID}},
		"other call":  {Answer: &wire.Response_Status{Status: &wire.StatusResponse{State: "ready"}}},
		"nothing":     {},
		"no results":  of(),
		"empty":       of(&wire.ScoreResult{}),
		"failed":      of(&wire.ScoreResult{Result: &wire.ScoreResult_Error{Error: &wire.Error{Message: "no"}}}),
		"features":    decided(func(d *wire.Decision) { d.Features = []*wire.NamedValue{{Name: "n"}} }),
		"no verdict":  decided(func(d *wire.Decision) { d.Verdict = 0 }),
		"new verdict": decided(func(d *wire.Decision) { d.Verdict = 9 }),
		"old verdict": decided(func(d *wire.Decision) { d.Verdict = math.MinInt32 }),
		"new verdict of a reason": decided(func(d *wire.Decision) {
			d.Reasons = []*wire.Reason{{Rule: "r", VerdictIfLive: 9}}
		}),
	} {
		if found := readDecisions(bytesOf(t, response), 1); found != nil {
			t.Errorf("%s: read %+v", name, found)
		}
	}
}
