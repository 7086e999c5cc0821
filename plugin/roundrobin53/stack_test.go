//go:build !race

package roundrobin53

import (
	"testing"
	"unsafe"

	"github.com/miekg/dns"
)

// TestQueriesKeepTheirStack guards the price of a query. Each has a goroutine of its own, whose stack
// grows once while the core reads the message, to 4 KiB. Growing again, to find an answer, costs a
// fifth of the processor time of the whole query. With the race detector frames are larger.
func TestQueriesKeepTheirStack(t *testing.T) {
	const values = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8"
	for _, row := range []struct {
		name, record string
		answers      int
	}{
		{"turns", "record app A " + values, 8},
		{"checked", "check web http://:8080/\nrecord app A " + values + " check web", 8},
		{"tiers", "check web http://:8080/\nrecord app A " + values + " check web {\nvalue 192.0.2.9 priority 2\n}", 8},
		{"weights", "record app A {\nvalue 192.0.2.1 192.0.2.2 weight 70\nvalue 192.0.2.3 weight 29\nvalue 192.0.2.4 weight 1\n}", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := handler(t, "roundrobin53 {\n"+row.record+"\n}")
			ctx, w, r := serverContext("dns://:53"), new(discard), query1("app.example.org.", dns.TypeA)
			answer := func() {
				if _, err := h.ServeDNS(ctx, w, r); err != nil || len(w.m.Answer) != row.answers {
					t.Errorf("%v, %v", err, w.m)
				}
			}
			answer() // the first query meets the listener
			if isMoved := make(chan bool); func() bool { go onSmallStack(answer, isMoved); return <-isMoved }() {
				t.Error("the stack grows beyond 4 KiB")
			}
		})
	}
}

// onSmallStack tells whether f makes a stack grow that has 4 KiB.
func onSmallStack(f func(), isMoved chan<- bool) {
	read()
	isMoved <- moves(f)
}

// read takes as much stack as the core does to read a query: more than 2 KiB have.
//
//go:noinline
func read() {
	var frame [1600]byte
	touch(&frame[0])
}

// moves reports whether f makes the stack grow. When it is called, about as much of the stack is in
// use as the core and miekg/dns use when they call the first plugin.
//
//go:noinline
func moves(f func()) bool {
	var frame [900]byte
	before := touch(&frame[0])
	f()
	return touch(&frame[0]) != before
}

// touch returns the place of an octet in memory. It does not keep the octet from being on the stack.
//
//go:noinline
func touch(octet *byte) uintptr {
	*octet = 1
	return uintptr(unsafe.Pointer(octet))
}
