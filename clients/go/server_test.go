package harrier_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// server speaks the REP side of SP on plain connections and shares nothing with the client. answer returns a
// *wire.Response, bytes to send as they are, or nil to stay silent; each call has a goroutine of its own. (mangos'
// listeners cannot stand in for it: closing one races with a handshake that is under way.)
type server struct {
	address  string
	ipc      bool
	listener net.Listener
	working  sync.WaitGroup

	lock        sync.Mutex
	connections map[net.Conn]bool
	stopped     bool
	answer      func(*wire.Request) any
	requests    []*wire.Request
}

func newServer(t testing.TB, address string, config *tls.Config) *server {
	t.Helper()
	s, err := startServer(address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func startServer(address string, config *tls.Config) (*server, error) {
	scheme, target, _ := strings.Cut(address, "://")
	s := &server{address: address, ipc: scheme == "ipc", connections: make(map[net.Conn]bool), answer: approve}
	network := "tcp"
	if s.ipc {
		network = "unix"
	}
	var err error
	if s.listener, err = net.Listen(network, target); err != nil {
		return nil, err
	}
	if config != nil {
		s.listener = tls.NewListener(s.listener, config)
	}
	s.working.Add(1)
	go s.accept()
	return s, nil
}

func (s *server) accept() {
	defer s.working.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.lock.Lock()
		if s.stopped {
			conn.Close()
		} else {
			s.connections[conn] = true
			s.working.Add(1)
			go s.serve(conn)
		}
		s.lock.Unlock()
	}
}

// stop ends the connections, and does not wait for those that wait for an answer of the test's.
func (s *server) stop() {
	_ = s.listener.Close()
	s.lock.Lock()
	s.stopped = true
	for conn := range s.connections {
		_ = conn.Close()
	}
	s.lock.Unlock()
	s.working.Wait()
}

func (s *server) serve(conn net.Conn) {
	defer s.working.Done()
	defer func() {
		s.lock.Lock()
		delete(s.connections, conn)
		s.lock.Unlock()
		_ = conn.Close()
	}()
	hello := make([]byte, 8)
	if _, err := conn.Write([]byte{0, 'S', 'P', 0, 0, 0x31, 0, 0}); err != nil {
		return
	}
	if _, err := io.ReadFull(conn, hello); err != nil || !bytes.Equal(hello, []byte{0, 'S', 'P', 0, 0, 0x30, 0, 0}) {
		return
	}
	var writing sync.Mutex
	for {
		head := make([]byte, 8, 9)
		if s.ipc {
			head = head[:9]
		}
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint64(head[len(head)-8:]))
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		s.working.Add(1)
		go func() {
			defer s.working.Done()
			if body := s.reply(message[4:]); body != nil {
				binary.BigEndian.PutUint64(head[len(head)-8:], uint64(4+len(body)))
				writing.Lock()
				defer writing.Unlock()
				_, _ = conn.Write(append(append(append([]byte(nil), head...), message[:4]...), body...))
			}
		}()
	}
}

// reply is nil to stay silent.
func (s *server) reply(body []byte) []byte {
	request := new(wire.Request)
	if proto.Unmarshal(body, request) != nil {
		return nil
	}
	s.lock.Lock()
	s.requests = append(s.requests, request)
	answer := s.answer
	s.lock.Unlock()
	switch made := answer(request).(type) {
	case *wire.Response:
		data, _ := proto.Marshal(made)
		return data
	case []byte:
		return made
	}
	return nil
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
	for end := time.Now().Add(2 * time.Minute); len(s.scores()) < count; time.Sleep(time.Millisecond) {
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
	case *wire.Request_Amend:
		answer := new(wire.AmendResponse)
		for i, one := range call.Amend.Amendments {
			accepted := &wire.AmendmentAccepted{TransactionId: one.TransactionId, Position: uint64(i + 1), Changed: true}
			answer.Results = append(answer.Results, &wire.AmendmentResult{Result: &wire.AmendmentResult_Accepted{Accepted: accepted}})
		}
		return &wire.Response{Answer: &wire.Response_Amend{Amend: answer}}
	case *wire.Request_GetEntity:
		return &wire.Response{Answer: &wire.Response_GetEntity{GetEntity: &wire.GetEntityResponse{Entries: 3}}}
	case *wire.Request_ChangeList:
		answer := new(wire.ChangeListResponse)
		for i, one := range call.ChangeList.Changes {
			changed := &wire.ListChanged{List: one.List, Value: one.Value, Position: uint64(i + 1), Changed: true}
			answer.Results = append(answer.Results, &wire.ListChangeResult{Result: &wire.ListChangeResult_Changed{Changed: changed}})
		}
		return &wire.Response{Answer: &wire.Response_ChangeList{ChangeList: answer}}
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
