package harrier_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

// What goes with a request: token, trace, TLS; and what metrics say of it.

const (
	trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	other = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00"
)

func TestToken(t *testing.T) {
	const token = "k1.very-secret"
	s, client := newPair(t, harrier.WithToken(token))
	if _, err := client.Score(background, transaction(1)); err != nil {
		t.Fatal(err)
	}
	if got := s.all()[0].Token; got != token {
		t.Error(got)
	}
	s.set(failing(wire.ErrorCode_ERROR_DENIED))
	_, err := client.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrDenied, harrier.NotDecided)
	if printed := fmt.Sprintf("%v %+v %#v %s", client, client, client, err); strings.Contains(printed, token) {
		t.Error("the token is shown")
	}
	_, err = harrier.New([]string{s.address}, harrier.WithToken(token+"\n"))
	if err == nil || strings.Contains(err.Error(), token) {
		t.Error(err)
	}
}

func TestTokenFunction(t *testing.T) {
	noToken := errors.New("the vault is closed")
	var asked atomic.Int32
	token := func() (string, error) {
		switch number := asked.Add(1); number {
		case 3:
			return "", noToken
		case 4:
			return "not\tprintable", nil
		case 5:
			return "with a space", nil
		default:
			return fmt.Sprintf("token-%d", number), nil
		}
	}
	s, client := newPair(t, harrier.WithTokenFunc(token))
	for i := 0; i < 2; i++ {
		if _, err := client.Score(background, transaction(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s.all()[0].Token != "token-1" || s.all()[1].Token != "token-2" {
		t.Error("it is asked for each request")
	}
	_, err := client.Score(background, transaction(3))
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
	if !errors.Is(err, noToken) {
		t.Error("the cause is lost")
	}
	for i := 0; i < 2; i++ { // a tab, a space
		_, err = client.Score(background, transaction(4))
		expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
		if strings.Contains(err.Error(), "printable\"") || strings.Contains(err.Error(), "a space") || len(s.all()) != 2 {
			t.Error(err)
		}
	}
}

// A probe has the token, too.
func TestProbesHaveTheToken(t *testing.T) {
	first, second := newServer(t, address(t, "first"), nil), newServer(t, address(t, "second"), nil)
	first.set(failing(wire.ErrorCode_ERROR_UNAVAILABLE))
	client := newClient(t, []string{first.address, second.address}, harrier.WithToken("tok"), harrier.WithEjectAfter(1),
		harrier.WithDeadline(5*time.Second))
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Score(background, transaction(1)); err != nil {
			t.Fatal(err)
		}
		probes := 0
		for _, one := range first.all() {
			if one.GetStatus() != nil {
				probes++
				if one.Token != "tok" {
					t.Fatal("a probe without the token")
				}
			}
		}
		if probes > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no probe")
		}
	}
	first.set(approve)
	before := len(first.scores())
	for end := time.Now().Add(2 * time.Minute); len(first.scores()) == before; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Score(background, transaction(1)); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("the first is not taken up again")
		}
	}
}

type traceKey struct{}

func TestTraceparent(t *testing.T) {
	from := func(ctx context.Context) string {
		found, _ := ctx.Value(traceKey{}).(string)
		return found
	}
	s, client := newPair(t, harrier.WithTraceparentFunc(from))
	in := harrier.ContextWithTraceparent(background, trace)
	for i, one := range []struct {
		ctx    context.Context
		option string
		wanted string
	}{
		{background, "", ""},
		{background, trace, trace},
		{background, "nonsense", ""},
		{in, "", trace},
		{in, other, other},
		{context.WithValue(background, traceKey{}, other), "", other},
		{context.WithValue(in, traceKey{}, other), "", trace},
	} {
		if _, err := client.Score(one.ctx, transaction(i), harrier.Traceparent(one.option)); err != nil {
			t.Fatal(err)
		}
		if got := s.all()[i].Traceparent; got != one.wanted {
			t.Errorf("%d: %q, expected %q", i, got, one.wanted)
		}
	}
}

// certificate is for 127.0.0.1 and signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "harrier"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(made)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}, pool
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestTLS(t *testing.T) {
	own, pool := certificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	s := newServer(t, fmt.Sprintf("tls+tcp://127.0.0.1:%d", freePort(t)), config)
	known := newClient(t, []string{s.address}, harrier.WithDeadline(20*time.Second),
		harrier.WithTLS(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}))
	for number := 0; number < 100; number++ {
		if _, err := known.Score(background, transaction(number)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := known.ScoreMany(background, transactions(1000)); err != nil {
		t.Error(err)
	}
	stranger := newClient(t, []string{s.address}, harrier.WithDeadline(2*time.Second))
	_, err := stranger.Score(background, transaction(1))
	expectCode(t, err, harrier.ErrUnavailable, harrier.NotDecided)
	if !strings.Contains(err.Error(), "certificate") {
		t.Error("does not say why:", err)
	}
}

type figures struct {
	lock sync.Mutex
	told []string
}

func (f *figures) add(kind, name string, value float64, labels map[string]string) {
	if strings.HasSuffix(name, "_seconds") {
		value = 0
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.told = append(f.told, fmt.Sprint(kind, " ", name, " ", value, " ", labels))
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

// times returns how often this was told.
func (f *figures) times(wanted string) int {
	f.lock.Lock()
	defer f.lock.Unlock()
	count := 0
	for _, one := range f.told {
		if one == wanted {
			count++
		}
	}
	return count
}

func (f *figures) expect(t *testing.T, wanted ...string) {
	t.Helper()
	f.lock.Lock()
	defer f.lock.Unlock()
	sort.Strings(f.told) // the connection is made meanwhile
	sort.Strings(wanted)
	if got := strings.Join(f.told, "\n"); got != strings.Join(wanted, "\n") {
		t.Errorf("told\n%s\nexpected\n%s", got, strings.Join(wanted, "\n"))
	}
	f.told = nil
}

func TestMetrics(t *testing.T) {
	told := new(figures)
	s, client := newPair(t, harrier.WithMetrics(told), harrier.WithFallback(harrier.Review))
	if _, err := client.ScoreMany(background, transactions(3)); err != nil {
		t.Fatal(err)
	}
	told.expect(t, "set harrier_client_in_flight 1 map[]", "set harrier_client_address_up 1 map[address:"+s.address+"]",
		"set harrier_client_in_flight 0 map[]", "count harrier_client_calls_total 1 map[call:score result:ok]",
		"observe harrier_client_call_seconds 0 map[call:score]", "observe harrier_client_transactions 3 map[]")
	s.set(failing(wire.ErrorCode_ERROR_INTERNAL))
	if decision, err := client.Score(background, transaction(1)); err != nil || decision.Verdict != harrier.Review {
		t.Fatal(decision, err)
	}
	told.expect(t, "set harrier_client_in_flight 1 map[]", "set harrier_client_in_flight 0 map[]",
		"count harrier_client_calls_total 1 map[call:score result:internal]",
		"observe harrier_client_call_seconds 0 map[call:score]", "observe harrier_client_transactions 1 map[]",
		"count harrier_client_fallbacks_total 1 map[reason:internal]")
}

// The end does not count as calls.
func TestMetricsOfTheEnd(t *testing.T) {
	told := new(figures)
	s, client := newPair(t, harrier.WithMetrics(told))
	s.set(silent)
	ended := make(chan error)
	go func() {
		_, err := client.Score(background, transaction(1))
		ended <- err
	}()
	s.awaitScores(t, 1)
	limited, cancel := context.WithTimeout(background, 30*time.Millisecond)
	defer cancel()
	_ = client.Shutdown(limited)
	<-ended
	told.expect(t, "set harrier_client_in_flight 1 map[]", "set harrier_client_address_up 1 map[address:"+s.address+"]",
		"set harrier_client_in_flight 0 map[]", "count harrier_client_calls_total 1 map[call:score result:closed]",
		"observe harrier_client_call_seconds 0 map[call:score]", "observe harrier_client_transactions 1 map[]",
		"set harrier_client_address_up 0 map[address:"+s.address+"]")
}

type broken struct{ figures }

func (*broken) Count(string, float64, map[string]string) { panic("no collector") }

func TestMetricsThatPanic(t *testing.T) {
	_, client := newPair(t, harrier.WithMetrics(new(broken)))
	if _, err := client.Score(background, transaction(1)); err != nil {
		t.Error(err)
	}
}
