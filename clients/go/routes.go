package harrier

import (
	"math/rand"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ejectMin    = time.Second
	ejectMax    = 30 * time.Second
	ejectJitter = 0.2
)

// route is the state of one address. The states of the contract are: connecting: no connection; up: connected and not
// ejected; ejected; probing: also ejected.
type route struct {
	address    string
	connection *connection
	why        error // why there is no connection
	failures   int   // in a row
	ejections  int   // without a success in between
	ejected    bool
	probing    bool
	probeDue   bool // the time of its ejection is over, but it is not connected
	// Marked: it answered that it is not the primary, and nothing has disproved that since.
	standby atomic.Bool // changed only under the lock
}

func (r *route) up() bool { return r.connection != nil && !r.ejected }

// routes has the addresses in the order of preference and decides which one a call goes to. It knows no clock and no
// sockets.
type routes struct {
	ejectAfter int
	uniform    func() float64 // 0 to 1

	lock    sync.Mutex
	all     []*route
	changed chan struct{} // closed and replaced when one connects, disconnects, is ejected, marked, or used again
	closed  bool
}

func newRoutes(addresses []address, ejectAfter int) *routes {
	r := &routes{ejectAfter: ejectAfter, uniform: rand.Float64, changed: make(chan struct{})}
	for _, one := range addresses {
		r.all = append(r.all, &route{address: one.text})
	}
	return r
}

func (r *routes) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// connected returns whether the address is to be probed now.
func (r *routes) connected(index int, c *connection) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	one.connection, one.why = c, nil
	r.notify()
	probe := one.probeDue
	one.probeDue = false
	return probe
}

func (r *routes) disconnected(index int, why error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	one.why = why
	if one.connection != nil {
		one.connection = nil
		r.notify()
	}
}

// rank orders the addresses for a call: the lower, the better.
type rank int

const (
	upUntried rank = iota // up, and perhaps the primary
	// Named by the last standby that the call asked. Its word is newer than an ejection, and the others refuse the call
	// for certain.
	namedUntried
	up        // but a standby, or one that has just answered this call as a standby
	connected // but ejected
	notConnected
)

func (r *routes) rank(index int, s *search) rank {
	one := r.all[index]
	untried := !one.standby.Load() && !s.tried(index)
	switch {
	case one.up() && untried:
		return upUntried
	case one.connection != nil && untried && s.isNamed(index):
		return namedUntried
	case one.up():
		return up
	case one.connection != nil:
		return connected
	}
	return notConnected
}

// choose returns the best address for a call, and a channel that is closed when the choice may change; without a
// connection if none is connected. Of equals it is the first; but of those that have answered the call as standbys, the
// one whose answer is longest ago: any of them may have become the primary.
func (r *routes) choose(s *search) (int, *connection, <-chan struct{}) {
	r.lock.Lock()
	defer r.lock.Unlock()
	chosen, best := 0, r.rank(0, s)
	for i := 1; i < len(r.all) && best != upUntried; i++ {
		if rank := r.rank(i, s); rank < best || rank == best && s.last(i) < s.last(chosen) {
			chosen, best = i, rank
		}
	}
	return chosen, r.all[chosen].connection, r.changed
}

// mayDecide returns whether there is an address that may be the primary and has not refused the call since its last wait.
func (r *routes) mayDecide(s *search) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	for i := range r.all {
		if r.rank(i, s) <= namedUntried {
			return true
		}
	}
	return false
}

// anotherMayDecide returns whether a call need not wait for this address. A standby is no reason not to: it refuses the
// call for certain.
func (r *routes) anotherMayDecide(index int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	for i, one := range r.all {
		if i != index && one.up() && !one.standby.Load() {
			return true
		}
	}
	return false
}

// find returns the index of an address that is written exactly so; -1: none is.
func (r *routes) find(address string) int {
	for i, one := range r.all {
		if one.address == address {
			return i
		}
	}
	return -1
}

// refused marks an address that answered as a standby. The one that it names as the primary (-1: none) loses its mark; in
// this order, a standby that names itself keeps its own.
func (r *routes) refused(index, primary int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if primary >= 0 {
		r.setStandby(primary, false)
	}
	r.setStandby(index, true)
}

// decides takes the mark from an address that answered a call that writes as only the primary does.
func (r *routes) decides(index int) {
	if !r.all[index].standby.Load() {
		return // usually: without the lock
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.setStandby(index, false)
}

func (r *routes) setStandby(index int, standby bool) {
	if r.all[index].standby.Swap(standby) != standby {
		r.notify()
	}
}

func (r *routes) isUp(index int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.all[index].up()
}

// lastError returns why there is no connection to the first address.
func (r *routes) lastError() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.all[0].why
}

// succeeded returns whether this ended an ejection: the answer to a call does so, too.
func (r *routes) succeeded(index int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	one.failures = 0
	if !one.ejected {
		one.ejections = 0
		return false
	}
	one.ejections = 0
	one.ejected, one.probing, one.probeDue = false, false, false
	r.notify()
	return true
}

// failed returns for how long the address is ejected; 0: it is not, or was before.
func (r *routes) failed(index int) time.Duration {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	if len(r.all) == 1 || one.ejected {
		return 0
	}
	if one.failures++; one.failures < r.ejectAfter {
		return 0
	}
	one.ejected = true
	r.notify()
	return r.eject(one)
}

func (r *routes) eject(one *route) time.Duration {
	length := ejectMax
	if one.ejections < 5 {
		length = ejectMin << one.ejections
	}
	one.ejections++
	one.failures = 0
	one.probing = false
	return time.Duration(float64(length) * (1 - ejectJitter + 2*ejectJitter*r.uniform()))
}

// takeProbe returns the connection to probe now; nil: no probe is due, or there is no connection. begin is called before
// the routes can close.
func (r *routes) takeProbe(index int, begin func()) *connection {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	if r.closed || !one.ejected || one.probing {
		return nil
	}
	if one.connection == nil {
		one.probeDue = true
		return nil
	}
	one.probing = true
	begin()
	return one.connection
}

// probeFailed returns for how long the address is ejected; 0: a call has succeeded meanwhile.
func (r *routes) probeFailed(index int) time.Duration {
	r.lock.Lock()
	defer r.lock.Unlock()
	one := r.all[index]
	if !one.probing || r.closed {
		return 0
	}
	return r.eject(one)
}

// close prevents further probes.
func (r *routes) close() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.closed = true
}
