package harrier

import (
	"testing"
	"time"
)

// Two addresses, and no clock: how long an ejection takes is what routes return.
func twoRoutes() *routes {
	r := newRoutes([]address{{text: "first"}, {text: "second"}}, 3)
	r.uniform = func() float64 { return 0.5 } // no jitter
	return r
}

func expectChosen(t *testing.T, r *routes, index int, conn *connection) {
	t.Helper()
	expectChosenFor(t, r, new(search), index, conn)
}

func expectChosenFor(t *testing.T, r *routes, s *search, index int, conn *connection) {
	t.Helper()
	if got, gotConn, _ := r.choose(s); got != index || gotConn != conn {
		t.Errorf("chose %d (%p), expected %d (%p)", got, gotConn, index, conn)
	}
}

func TestOrderIsPreference(t *testing.T) {
	r, first, second := twoRoutes(), new(connection), new(connection)
	expectChosen(t, r, 0, nil)
	_, _, changed := r.choose(new(search))
	r.connected(1, second)
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	expectChosen(t, r, 1, second)
	r.connected(0, first)
	expectChosen(t, r, 0, first)
	if !r.anotherMayDecide(0) {
		t.Error("the second is up")
	}
	r.disconnected(0, nil)
	expectChosen(t, r, 1, second)
	r.disconnected(1, nil)
	expectChosen(t, r, 0, nil)
}

func TestEjection(t *testing.T) {
	r, first, second := twoRoutes(), new(connection), new(connection)
	r.connected(0, first)
	r.connected(1, second)
	r.failed(0)
	r.failed(0)
	r.succeeded(0) // the count starts anew
	for failures := 1; failures < 3; failures++ {
		if length := r.failed(0); length != 0 {
			t.Fatal("ejected after", failures)
		}
	}
	if length := r.failed(0); length != time.Second {
		t.Fatal(length)
	}
	expectChosen(t, r, 1, second)
	if r.failed(0) != 0 {
		t.Error("an ejected address was ejected again")
	}

	begun := 0
	if r.takeProbe(0, func() { begun++ }) != first || r.takeProbe(0, func() { begun++ }) != nil || begun != 1 {
		t.Error("one probe at a time")
	}
	for _, wanted := range []time.Duration{2, 4, 8, 16, 30, 30, 30} {
		if length := r.probeFailed(0); length != wanted*time.Second {
			t.Errorf("%v, expected %d s", length, wanted)
		}
		if r.takeProbe(0, func() {}) != first {
			t.Fatal("no probe")
		}
	}
	if !r.succeeded(0) {
		t.Error("it was taken up again")
	}
	expectChosen(t, r, 0, first)
	if r.probeFailed(0) != 0 {
		t.Error("a call was answered while the probe was under way")
	}
	r.failed(0)
	r.failed(0)
	if length := r.failed(0); length != time.Second {
		t.Errorf("%v: the count of ejections starts anew after a success", length)
	}
}

func TestEjectionFailsNoCall(t *testing.T) {
	r, first, second := twoRoutes(), new(connection), new(connection)
	r.connected(0, first)
	r.connected(1, second)
	for i := 0; i < 3; i++ {
		r.failed(0)
		r.failed(1)
	}
	expectChosen(t, r, 0, first) // ejected, but connected
	r.disconnected(0, nil)
	expectChosen(t, r, 1, second)

	alone := newRoutes([]address{{text: "only"}}, 1)
	alone.connected(0, first)
	if alone.failed(0) != 0 {
		t.Error("the only address was ejected")
	}
}

func TestAProbeWaitsForAConnection(t *testing.T) {
	r, first := twoRoutes(), new(connection)
	r.connected(0, first)
	for i := 0; i < 3; i++ {
		r.failed(0)
	}
	r.disconnected(0, nil)
	if r.takeProbe(0, func() { t.Error("began") }) != nil {
		t.Error("there is nothing to probe")
	}
	if !r.connected(0, first) {
		t.Error("it is time to probe")
	}
	r.close()
	if r.takeProbe(0, func() { t.Error("began") }) != nil {
		t.Error("closed")
	}
}

// refuse is what a call does when it was answered by a standby.
func refuse(r *routes, s *search, index, primary int) {
	r.refused(index, primary)
	s.answered(index, len(r.all), primary)
}

func TestStandbysAreNotPreferred(t *testing.T) {
	r, first, second := twoRoutes(), new(connection), new(connection)
	r.connected(0, first)
	r.connected(1, second)
	_, _, changed := r.choose(new(search))
	r.refused(0, -1)
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	expectChosen(t, r, 1, second)
	if r.anotherMayDecide(1) {
		t.Error("a standby is no address to go to")
	}
	if !r.anotherMayDecide(0) {
		t.Error("the second is better")
	}
	r.disconnected(1, nil)
	expectChosen(t, r, 0, first) // better than none
	if r.anotherMayDecide(1) {
		t.Error("nor is it when the other address is not connected")
	}
	r.connected(1, second)

	r.decides(1)
	expectChosen(t, r, 1, second)
	r.decides(0)
	expectChosen(t, r, 0, first)
	r.refused(0, -1)
	r.refused(1, 0)
	expectChosen(t, r, 0, first) // it was named
	r.refused(0, 0)
	r.decides(1)
	expectChosen(t, r, 1, second) // a standby that names itself is one
	if r.find("second") != 1 || r.find("SECOND") != -1 || r.find("") != -1 {
		t.Error("addresses are compared as they are written")
	}
}

func TestTheSearchForThePrimary(t *testing.T) {
	r, s := newRoutes([]address{{text: "a"}, {text: "b"}, {text: "c"}}, 3), new(search)
	connections := []*connection{new(connection), new(connection), new(connection)}
	for i, one := range connections {
		r.connected(i, one)
	}
	expect := func(index int, mayDecide bool) {
		t.Helper()
		expectChosenFor(t, r, s, index, connections[index])
		if r.mayDecide(s) != mayDecide {
			t.Error("may decide:", !mayDecide)
		}
	}
	expect(0, true)
	refuse(r, s, 0, 1)
	expect(1, true)
	refuse(r, s, 1, 0) // it has lost its mark, but was tried
	expect(2, true)
	refuse(r, s, 2, 0)
	expect(0, false)
	s.waiting()
	expect(0, true)
	refuse(r, s, 0, -1)
	// All are marked: after each wait another one is asked, because any of them may take over.
	for _, next := range []int{1, 2, 0, 1} {
		expect(next, false)
		s.waiting()
		expect(next, false)
		refuse(r, s, next, -1)
	}
	refuse(r, s, 2, 1)
	expect(0, false) // named, but tried
	s.waiting()
	expect(1, true)
}

// The others refuse the call for certain.
func TestANamedAddressMayBeEjected(t *testing.T) {
	r, s, first, second := twoRoutes(), new(search), new(connection), new(connection)
	r.connected(0, first)
	r.connected(1, second)
	for i := 0; i < 3; i++ {
		r.failed(0)
	}
	expectChosenFor(t, r, s, 1, second)
	refuse(r, s, 1, 0)
	expectChosenFor(t, r, s, 0, first)
	if !r.mayDecide(s) {
		t.Error("it is named")
	}
	expectChosen(t, r, 1, second) // other calls ask the standby first
	r.disconnected(0, nil)
	if r.mayDecide(s) {
		t.Error("it is not connected")
	}
	expectChosenFor(t, r, s, 1, second)
}

func TestJitterOfEjections(t *testing.T) {
	for _, one := range []struct {
		uniform float64
		wanted  time.Duration
	}{{0, 800 * time.Millisecond}, {1, 1200 * time.Millisecond}} {
		r := twoRoutes()
		r.uniform = func() float64 { return one.uniform }
		r.failed(0)
		r.failed(0)
		if length := r.failed(0); length != one.wanted {
			t.Errorf("%v, expected %v", length, one.wanted)
		}
	}
}
