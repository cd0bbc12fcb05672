package harrier

import (
	"math/rand"
	"sync"
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
}

func (r *route) up() bool { return r.connection != nil && !r.ejected }

// routes has the addresses in the order of preference and decides which one a call goes to. It knows no clock and no
// sockets.
type routes struct {
	ejectAfter int
	uniform    func() float64 // 0 to 1

	lock    sync.Mutex
	all     []*route
	changed chan struct{} // closed and replaced when one connects, disconnects, is ejected, or is used again
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

// choose returns the first that is up, else the first that is connected, else the first, without a connection; and a
// channel that is closed when the choice may change.
func (r *routes) choose() (int, *connection, <-chan struct{}) {
	r.lock.Lock()
	defer r.lock.Unlock()
	chosen := 0
	for i, one := range r.all {
		if one.up() {
			return i, one.connection, r.changed
		}
		if one.connection != nil && r.all[chosen].connection == nil {
			chosen = i
		}
	}
	return chosen, r.all[chosen].connection, r.changed
}

func (r *routes) anotherIsUp(index int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	for i, one := range r.all {
		if i != index && one.up() {
			return true
		}
	}
	return false
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
