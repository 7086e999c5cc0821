package server

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Choices are the answers that clients get, by client.
type Choices map[string][]string

// StickyClients returns n networks of clients.
func StickyClients(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("10.%d.%d.0/24", i/200, i%200)
	}
	return all
}

// ChoicesOf asks for each client, twice: an order that is sticky answers the same.
func ChoicesOf(t *testing.T, s *Server, qname string, qtype uint16, clients []string) Choices {
	t.Helper()
	all := make(Choices)
	for _, client := range clients {
		for range 2 {
			got := Letters(Send(t, s, "udp", WithOPT(Question(qname, qtype), 0, PolicySubnet(client))))
			if before, ok := all[client]; ok && !slices.Equal(got, before) {
				t.Fatalf("%s from %s: %q after %q, want the same", qname, client, got, before)
			}
			all[client] = got
		}
	}
	return all
}

// Each checks that every client has what want says.
func (c Choices) Each(t *testing.T, when string, want func(client string) []string) {
	t.Helper()
	t.Run(when, func(t *testing.T) {
		for _, client := range slices.Sorted(maps.Keys(c)) {
			if want := want(client); !slices.Equal(c[client], want) {
				t.Errorf("%s gets %q, want %q", client, c[client], want)
			}
		}
	})
}

// Distinct is how many first values the clients have between them.
func (c Choices) Distinct() int {
	values := make(map[string]bool)
	for _, got := range c {
		values[got[0]] = true
	}
	return len(values)
}
