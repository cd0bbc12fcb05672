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
	// Requests that the writer takes at once. One that it has not taken was certainly not sent.
	batchMax = 64
	// SP: set in the last word of a request's header, which is its id.
	requestIDBit = 1 << 31
)

// stream buffers what mangos reads and writes: for each message it asks for the length and the content separately.
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

// exchange is one request on one connection. Exactly one reply comes through done, unless it is withdrawn before.
type exchange struct {
	id        uint32
	message   *mangos.Message
	sent      bool // the writer took it: guarded by the connection's lock; may be read after the reply
	withdrawn bool
	done      chan reply
}

// exchanges are reused, with their channels.
var exchanges = sync.Pool{New: func() any { return &exchange{done: make(chan reply, 1)} }}

func newExchange() *exchange { return exchanges.Get().(*exchange) }

// recycle must only be called for an exchange that was answered: then the connection has no reference to it.
func (x *exchange) recycle() {
	x.id, x.message, x.sent, x.withdrawn = 0, nil, false, false
	exchanges.Put(x)
}

// reply has a message whose body is the answer, and which the receiver frees; nil: the connection broke.
type reply struct{ answer *mangos.Message }

// connection is one connection to one server, with all requests in flight on it. It ends once, when it breaks or is closed.
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
	answered bool          // at least one request; written by the reader, may be read after gone
}

func newConnection(pipe transport.Pipe, s *stream) *connection {
	s.writer = bufio.NewWriterSize(s.Conn, bufferSize)
	return &connection{
		pipe: pipe, stream: s, waiting: make(map[uint32]*exchange), lastID: rand.Uint32(),
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// send queues a message. It returns false if the connection has broken.
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

// withdraw gives an exchange up. It returns false if the reply is in done, or is about to be.
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

// withdrawUnsent gives it up only if the writer has not taken it yet.
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

// take moves requests from the queue to the batch of one write.
func (c *connection) take(batch []*mangos.Message) []*mangos.Message {
	c.lock.Lock()
	defer c.lock.Unlock()
	taken := 0
	for taken < len(c.queue) && len(batch) < batchMax {
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
	batch := make([]*mangos.Message, 0, batchMax)
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		for batch = c.take(batch[:0]); len(batch) > 0; batch = c.take(batch[:0]) {
			if c.writeBatch(batch) != nil {
				c.close() // the reader notices, and ends the connection
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
			x.done <- reply{message}
		} else {
			message.Free() // late: its call has ended
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

// end is called once, after the reader has stopped, and wakes all calls that wait.
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
		x.done <- reply{}
	}
}

// close closes the socket, which ends reader and writer.
func (c *connection) close() { _ = c.stream.Conn.Close() }
