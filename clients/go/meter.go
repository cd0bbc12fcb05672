package harrier

import (
	"sync"
	"time"
)

// meter hands a client's metrics to its hook. Names and labels are those of the contract.
type meter struct {
	hook Metrics
	lock sync.Mutex // of gauges: the value that is reported last is the one that was read last
}

var noLabels = map[string]string{}

// report calls the hook. If the hook panics, the call continues.
func (m *meter) report(to func(Metrics)) {
	if m.hook == nil {
		return
	}
	defer func() { _ = recover() }()
	to(m.hook)
}

func (m *meter) called(call string, result string, took time.Duration) {
	m.report(func(h Metrics) {
		h.Count("harrier_client_calls_total", 1, map[string]string{"call": call, "result": result})
	})
	m.report(func(h Metrics) {
		h.Observe("harrier_client_call_seconds", took.Seconds(), map[string]string{"call": call})
	})
}

func (m *meter) scored(transactions int) {
	m.report(func(h Metrics) { h.Observe("harrier_client_transactions", float64(transactions), noLabels) })
}

func (m *meter) retried(reason string) {
	m.report(func(h Metrics) { h.Count("harrier_client_retries_total", 1, map[string]string{"reason": reason}) })
}

func (m *meter) fellBack(reason Code, transactions int) {
	m.report(func(h Metrics) {
		h.Count("harrier_client_fallbacks_total", float64(transactions), map[string]string{"reason": string(reason)})
	})
}

func (m *meter) ejected(address string) {
	m.report(func(h Metrics) { h.Count("harrier_client_ejections_total", 1, map[string]string{"address": address}) })
}

func (m *meter) inFlight(read func() int64) {
	if m.hook == nil {
		return
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	m.report(func(h Metrics) { h.Set("harrier_client_in_flight", float64(read()), noLabels) })
}

func (m *meter) up(address string, read func() bool) {
	if m.hook == nil {
		return
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	value := 0.0
	if read() {
		value = 1
	}
	m.report(func(h Metrics) { h.Set("harrier_client_address_up", value, map[string]string{"address": address}) })
}
