package harrier_test

import (
	"sync"
	"testing"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
	_ "go.nanomsg.org/mangos/v3/transport/tlstcp"
	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// server is on mangos' own REP socket, which shares nothing with the client but the framing. answer returns a
// *wire.Response, bytes to send as they are, or nil to stay silent.
type server struct {
	address string
	socket  mangos.Socket
	working sync.WaitGroup

	lock     sync.Mutex
	answer   func(*wire.Request) any
	requests []*wire.Request
}

func newServer(t testing.TB, address string, options map[string]any) *server {
	t.Helper()
	s, err := startServer(address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func startServer(address string, options map[string]any) (*server, error) {
	socket, err := rep.NewSocket()
	if err != nil {
		return nil, err
	}
	s := &server{address: address, socket: socket, answer: approve}
	if err := socket.ListenOptions(address, options); err != nil {
		return nil, err
	}
	for i := 0; i < 64; i++ {
		ctx, err := socket.OpenContext()
		if err != nil {
			return nil, err
		}
		s.working.Add(1)
		go s.serve(ctx)
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.socket.Close()
	s.working.Wait()
}

func (s *server) serve(ctx mangos.Context) {
	defer s.working.Done()
	for {
		data, err := ctx.Recv()
		if err != nil {
			return
		}
		request := new(wire.Request)
		if proto.Unmarshal(data, request) != nil {
			continue
		}
		s.lock.Lock()
		s.requests = append(s.requests, request)
		answer := s.answer
		s.lock.Unlock()
		switch made := answer(request).(type) {
		case *wire.Response:
			data, _ := proto.Marshal(made)
			_ = ctx.Send(data)
		case []byte:
			_ = ctx.Send(made)
		}
	}
}

func (s *server) set(answer func(*wire.Request) any) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.answer = answer
}

func (s *server) all() []*wire.Request {
	s.lock.Lock()
	defer s.lock.Unlock()
	return append([]*wire.Request(nil), s.requests...)
}

// scores are the requests to score.
func (s *server) scores() []*wire.ScoreRequest {
	var found []*wire.ScoreRequest
	for _, one := range s.all() {
		if score := one.GetScore(); score != nil {
			found = append(found, score)
		}
	}
	return found
}

// awaitScores waits until so many have come.
func (s *server) awaitScores(t *testing.T, count int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(s.scores()) < count; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("only", len(s.scores()), "requests came")
		}
	}
}

func approve(request *wire.Request) any {
	switch call := request.Call.(type) {
	case *wire.Request_Status:
		return &wire.Response{Answer: &wire.Response_Status{Status: &wire.StatusResponse{State: "ready"}}}
	case *wire.Request_ReportOutcome:
		answer := new(wire.ReportOutcomeResponse)
		for _, one := range call.ReportOutcome.Outcomes {
			accepted := &wire.OutcomeAccepted{TransactionId: one.TransactionId, Changed: true}
			answer.Results = append(answer.Results, &wire.OutcomeResult{Result: &wire.OutcomeResult_Accepted{Accepted: accepted}})
		}
		return &wire.Response{Answer: &wire.Response_ReportOutcome{ReportOutcome: answer}}
	case *wire.Request_GetEntity:
		return &wire.Response{Answer: &wire.Response_GetEntity{GetEntity: &wire.GetEntityResponse{Entries: 3}}}
	case *wire.Request_Score:
		answer := new(wire.ScoreResponse)
		for i, one := range call.Score.Transactions {
			decision := &wire.Decision{TransactionId: one.Id, Verdict: wire.Verdict_VERDICT_APPROVE, Position: uint64(i + 1)}
			answer.Results = append(answer.Results, &wire.ScoreResult{Result: &wire.ScoreResult_Decision{Decision: decision}})
		}
		return &wire.Response{Answer: &wire.Response_Score{Score: answer}}
	}
	return nil
}

// silent answers only how it does.
func silent(request *wire.Request) any {
	if request.GetStatus() != nil {
		return approve(request)
	}
	return nil
}

func failing(code wire.ErrorCode) func(*wire.Request) any {
	return func(*wire.Request) any {
		return &wire.Response{Error: &wire.Error{Code: code, Message: "so it is", Field: "there"}}
	}
}
