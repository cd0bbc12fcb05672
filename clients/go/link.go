package harrier

import (
	"context"
	"crypto/tls"
	"math/rand"
	"net"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/transport"
)

const (
	reconnectMin = 10 * time.Millisecond
	reconnectMax = 500 * time.Millisecond
	// Of a connection and its handshakes. A server that stands still would hold it up for ever.
	connectMax = 10 * time.Second
)

var requestProtocol = transport.ProtocolInfo{
	Self: mangos.ProtoReq, SelfName: "req", Peer: mangos.ProtoRep, PeerName: "rep",
}

// link keeps one connection to one address.
type link struct {
	address address
	tls     *tls.Config
	up      func(*connection)
	down    func(why error)

	context context.Context // until it is stopped
	stop    context.CancelFunc

	lock sync.Mutex
	conn net.Conn // the present one, also while it is made
}

func newLink(a address, config *tls.Config, up func(*connection), down func(error)) *link {
	l := &link{address: a, up: up, down: down}
	l.context, l.stop = context.WithCancel(context.Background())
	if a.tls {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config = config.Clone(); config.ServerName == "" {
			config.ServerName = a.host
		}
		l.tls = config
	}
	return l
}

// close has run end.
func (l *link) close() {
	l.stop()
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// hold has close know of a connection; false: it is closed already.
func (l *link) hold(conn net.Conn) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.conn = conn
	return l.context.Err() == nil
}

// run connects, and connects again, until it is closed.
func (l *link) run() {
	pause := reconnectMin
	for l.context.Err() == nil {
		begun := time.Now()
		c, err := l.connect()
		if err != nil {
			l.down(err)
		} else {
			l.serve(c)
			// One that breaks at once is no reason to try harder.
			if c.answered || time.Since(begun) > reconnectMax {
				pause = reconnectMin
			}
		}
		jittered := pause/2 + time.Duration(rand.Int63n(int64(pause)))
		if jittered < reconnectMin {
			jittered = reconnectMin
		} else if jittered > reconnectMax {
			jittered = reconnectMax
		}
		if !l.sleep(jittered) {
			return
		}
		if pause *= 2; pause > reconnectMax {
			pause = reconnectMax
		}
	}
}

func (l *link) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.context.Done():
		return false
	}
}

func (l *link) serve(c *connection) {
	var writer sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		c.write()
	}()
	l.up(c)
	err := c.read()
	// First where new calls look for a connection, so that they do not meet this one again.
	l.down(err)
	c.end()
	writer.Wait()
}

func (l *link) connect() (*connection, error) {
	limited, cancel := context.WithTimeout(l.context, connectMax)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, l.address.network, l.address.target)
	if err != nil {
		return nil, err
	}
	c, err := l.shakeHands(limited, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (l *link) shakeHands(limited context.Context, conn net.Conn) (*connection, error) {
	if !l.hold(conn) {
		return nil, net.ErrClosed
	}
	if err := conn.SetDeadline(time.Now().Add(connectMax)); err != nil {
		return nil, err
	}
	inner := conn
	if l.tls != nil {
		secured := tls.Client(conn, l.tls)
		if err := secured.HandshakeContext(limited); err != nil {
			return nil, err
		}
		inner = secured
	}
	s := newStream(inner)
	pipe := l.pipe(s)
	pipe.SetOption(mangos.OptionMaxRecvSize, responseSizeMax)
	handshaker := transport.NewConnHandshaker()
	handshaker.Start(pipe)
	if _, err := handshaker.Wait(); err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newConnection(pipe, s), nil
}

func (l *link) pipe(s *stream) transport.ConnPipe {
	if l.address.network == "unix" {
		return transport.NewConnPipeIPC(s, requestProtocol)
	}
	return transport.NewConnPipe(s, requestProtocol)
}
