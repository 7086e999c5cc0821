//go:build linux

package main

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// respond answers queries in a way that a test chooses, by how many came before. It returns the port.
func respond(t *testing.T, answer func(i int, m *dns.Msg) bool) int {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, dns.MinMsgSize)
		for i := 0; ; i++ {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m := new(dns.Msg)
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response = true
			if !answer(i, m) {
				continue
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// TestGenerator checks what is counted: all queries, those that are answered, and those that are answered well.
func TestGenerator(t *testing.T) {
	const octets = 12 + 13 + 4 // of a query for the zone's apex, and of its echo
	for name, row := range map[string]struct {
		answer func(i int, m *dns.Msg) bool
		lost   uint64
		bad    uint64
	}{
		"all":       {func(int, *dns.Msg) bool { return true }, 0, 0},
		"lost":      {func(i int, _ *dns.Msg) bool { return i < 4 || i > 6 }, 3, 0},
		"an error":  {func(i int, m *dns.Msg) bool { m.Rcode = map[bool]int{true: dns.RcodeRefused}[i < 5]; return true }, 0, 5},
		"truncated": {func(i int, m *dns.Msg) bool { m.Truncated = i < 2; return true }, 0, 2},
		"unasked":   {func(i int, m *dns.Msg) bool { m.Response = i > 0; return true }, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked := []question{{"example.org.", dns.TypeA, dns.RcodeSuccess}, {"example.org.", dns.TypeAAAA, dns.RcodeSuccess}}
			queries, err := packQueries(asked, false)
			if err != nil || len(queries) != 2 {
				t.Fatalf("packQueries: %d, %v", len(queries), err)
			}
			g, err := newGenerator(queries, respond(t, row.answer))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = g.close() }()
			got, err := g.load(t.Context(), 0.05)
			if err != nil || got.sent < window || got.lost() != row.lost || got.completed-got.good != row.bad || got.octets != octets {
				t.Errorf("load: %+v, %v, want %d lost and %d bad of %d octets", got, err, row.lost, row.bad, octets)
			}
		})
	}
}
