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
	if got, gotConn, _ := r.choose(); got != index || gotConn != conn {
		t.Errorf("chose %d (%p), expected %d (%p)", got, gotConn, index, conn)
	}
}

func TestOrderIsPreference(t *testing.T) {
	r, first, second := twoRoutes(), new(connection), new(connection)
	expectChosen(t, r, 0, nil)
	_, _, changed := r.choose()
	r.connected(1, second)
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	expectChosen(t, r, 1, second)
	r.connected(0, first)
	expectChosen(t, r, 0, first)
	if !r.anotherIsUp(0) {
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
