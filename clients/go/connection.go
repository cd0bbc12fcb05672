package harrier

import (
	"bufio"
	"encoding/binary"
	"math/rand"
	"net"
	"sync"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/transport"
)

const (
	bufferSize = 32 << 10
	// What the writer takes at once. What it has not taken was certainly not sent.
	takeMost = 64
	// Distinguishes the last word of an SP request's header.
	requestIDBit = 1 << 31
)

// stream has mangos read and write in larger pieces: it asks for a message's length and content one after the other.
type stream struct {
	net.Conn
	reader *bufio.Reader
	writer *bufio.Writer // nil during the handshake
}

func newStream(conn net.Conn) *stream {
	return &stream{Conn: conn, reader: bufio.NewReaderSize(conn, bufferSize)}
}

func (s *stream) Read(data []byte) (int, error) { return s.reader.Read(data) }

func (s *stream) Write(data []byte) (int, error) {
	if s.writer == nil {
		return s.Conn.Write(data)
	}
	return s.writer.Write(data)
}

// exchange is one request on one connection. One outcome comes through done, unless it is withdrawn before.
type exchange struct {
	id        uint32
	message   *mangos.Message
	sent      bool // the connection took it: guarded by the connection's lock, or by its outcome
	withdrawn bool
	done      chan outcomeOf
}

// exchanges are used again: only what makes them quick to make is kept.
var exchanges = sync.Pool{New: func() any { return &exchange{done: make(chan outcomeOf, 1)} }}

func newExchange() *exchange { return exchanges.Get().(*exchange) }

// recycle is for one that had its answer: the connection, too, has let go of it.
func (x *exchange) recycle() {
	x.id, x.message, x.sent, x.withdrawn = 0, nil, false, false
	exchanges.Put(x)
}

// outcomeOf has a message whose body is the answer, and is to be freed; nil: the connection broke.
type outcomeOf struct{ answer *mangos.Message }

// connection is one to one server, and all requests that are under way on it. It ends once, when it breaks or is closed.
type connection struct {
	pipe   transport.Pipe
	stream *stream

	lock    sync.Mutex
	queue   []*exchange
	waiting map[uint32]*exchange
	lastID  uint32
	broken  bool

	wake     chan struct{} // there is something in the queue
	gone     chan struct{} // closed when it broke
	answered bool          // something at all; of the reader until gone
}

func newConnection(pipe transport.Pipe, s *stream) *connection {
	s.writer = bufio.NewWriterSize(s.Conn, bufferSize)
	return &connection{
		pipe: pipe, stream: s, waiting: make(map[uint32]*exchange), lastID: rand.Uint32(),
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// send queues a message; false when the connection broke before.
func (c *connection) send(x *exchange) bool {
	c.lock.Lock()
	if c.broken {
		c.lock.Unlock()
		return false
	}
	c.lastID++
	for c.waiting[c.lastID|requestIDBit] != nil {
		c.lastID++
	}
	x.id = c.lastID | requestIDBit
	x.message.Header = append(x.message.Header[:0], 0, 0, 0, 0)
	binary.BigEndian.PutUint32(x.message.Header, x.id)
	c.waiting[x.id] = x
	c.queue = append(c.queue, x)
	c.lock.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return true
}

// withdraw gives an exchange up. False when it has its outcome, or is just getting it: then it is in done, or will be.
func (c *connection) withdraw(x *exchange) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.waiting[x.id] != x {
		return false
	}
	delete(c.waiting, x.id)
	x.withdrawn = true
	return true
}

// withdrawUnsent gives it up only if the connection has not taken it yet.
func (c *connection) withdrawUnsent(x *exchange) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if x.sent || c.waiting[x.id] != x {
		return false
	}
	delete(c.waiting, x.id)
	x.withdrawn = true
	return true
}

// take moves from the queue to the batch what is to be sent now.
func (c *connection) take(batch []*mangos.Message) []*mangos.Message {
	c.lock.Lock()
	defer c.lock.Unlock()
	taken := 0
	for taken < len(c.queue) && len(batch) < takeMost {
		x := c.queue[taken]
		taken++
		if x.withdrawn {
			x.message.Free()
		} else {
			x.sent = true
			batch = append(batch, x.message)
		}
		x.message = nil
	}
	left := copy(c.queue, c.queue[taken:])
	for i := left; i < len(c.queue); i++ {
		c.queue[i] = nil
	}
	c.queue = c.queue[:left]
	return batch
}

// write sends until the connection breaks.
func (c *connection) write() {
	batch := make([]*mangos.Message, 0, takeMost)
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		for batch = c.take(batch[:0]); len(batch) > 0; batch = c.take(batch[:0]) {
			if c.writeBatch(batch) != nil {
				c.close() // the reader sees to the rest
				return
			}
		}
	}
}

func (c *connection) writeBatch(batch []*mangos.Message) error {
	for _, message := range batch {
		if err := c.pipe.Send(message); err != nil { // frees it, if it was sent
			return err
		}
	}
	return c.stream.writer.Flush()
}

// read hands out answers until the connection breaks, and returns why.
func (c *connection) read() error {
	for {
		message, err := c.pipe.Recv()
		if err != nil {
			return err
		}
		c.answered = true
		if x := c.match(message); x != nil {
			x.done <- outcomeOf{message}
		} else {
			message.Free() // late: nobody waits for it
		}
	}
}

func (c *connection) match(message *mangos.Message) *exchange {
	if len(message.Body) < 4 {
		return nil
	}
	id := binary.BigEndian.Uint32(message.Body)
	message.Body = message.Body[4:]
	c.lock.Lock()
	defer c.lock.Unlock()
	x := c.waiting[id]
	if x == nil || !x.sent {
		return nil
	}
	delete(c.waiting, id)
	return x
}

// end is called once, when nothing is read any more, and has all that wait know.
func (c *connection) end() {
	c.close()
	c.lock.Lock()
	c.broken = true
	waiting := c.waiting
	c.waiting = nil
	c.queue = nil
	c.lock.Unlock()
	close(c.gone)
	for _, x := range waiting {
		x.done <- outcomeOf{}
	}
}

// close breaks it.
func (c *connection) close() { _ = c.stream.Conn.Close() }
