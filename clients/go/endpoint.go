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
	// For a connection and its handshakes, so that a server that hangs does not block it for ever.
	connectMax = 10 * time.Second
)

var requestProtocol = transport.ProtocolInfo{
	Self: mangos.ProtoReq, SelfName: "req", Peer: mangos.ProtoRep, PeerName: "rep",
}

// endpoint keeps one connection to one address: it connects, has the connection served, and connects again.
type endpoint struct {
	address address
	tls     *tls.Config
	up      func(*connection)
	down    func(why error)

	context context.Context // until it is stopped
	stop    context.CancelFunc

	lock sync.Mutex
	conn net.Conn // the current one, also during its handshake
}

func newEndpoint(a address, config *tls.Config, up func(*connection), down func(error)) *endpoint {
	e := &endpoint{address: a, up: up, down: down}
	e.context, e.stop = context.WithCancel(context.Background())
	if a.tls {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config = config.Clone(); config.ServerName == "" {
			config.ServerName = a.host
		}
		e.tls = config
	}
	return e
}

// close makes run return.
func (e *endpoint) close() {
	e.stop()
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.conn != nil {
		_ = e.conn.Close()
	}
}

// track makes a connection known to close. It returns false if the endpoint is closed already.
func (e *endpoint) track(conn net.Conn) bool {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.conn = conn
	return e.context.Err() == nil
}

// run connects, and reconnects, until the endpoint is closed.
func (e *endpoint) run() {
	pause := reconnectMin
	for e.context.Err() == nil {
		begun := time.Now()
		c, err := e.connect()
		if err != nil {
			e.down(err)
		} else {
			e.serve(c)
			// A connection that breaks at once does not shorten the back-off.
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
		if !e.sleep(jittered) {
			return
		}
		if pause *= 2; pause > reconnectMax {
			pause = reconnectMax
		}
	}
}

func (e *endpoint) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.context.Done():
		return false
	}
}

func (e *endpoint) serve(c *connection) {
	var writer sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		c.write()
	}()
	e.up(c)
	err := c.read()
	// Before the calls on it are woken, so that none of them chooses this connection again.
	e.down(err)
	c.end()
	writer.Wait()
}

func (e *endpoint) connect() (*connection, error) {
	limited, cancel := context.WithTimeout(e.context, connectMax)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, e.address.network, e.address.target)
	if err != nil {
		return nil, err
	}
	c, err := e.handshake(limited, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (e *endpoint) handshake(limited context.Context, conn net.Conn) (*connection, error) {
	if !e.track(conn) {
		return nil, net.ErrClosed
	}
	if err := conn.SetDeadline(time.Now().Add(connectMax)); err != nil {
		return nil, err
	}
	inner := conn
	if e.tls != nil {
		secured := tls.Client(conn, e.tls)
		if err := secured.HandshakeContext(limited); err != nil {
			return nil, err
		}
		inner = secured
	}
	s := newStream(inner)
	pipe := e.pipe(s)
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

func (e *endpoint) pipe(s *stream) transport.ConnPipe {
	if e.address.network == "unix" {
		return transport.NewConnPipeIPC(s, requestProtocol)
	}
	return transport.NewConnPipe(s, requestProtocol)
}
