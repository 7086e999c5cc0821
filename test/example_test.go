package test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestTurns is the product in one test: two values change places from answer to answer.
func TestTurns(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record myapp A 54.1.2.3 54.1.2.4
		}
	}`)
	for _, network := range []string{"udp", "tcp"} {
		before := server.Addresses(s.Exchange(network, server.Question("myapp.example.com", dns.TypeA)))
		for range 10 {
			now := server.Addresses(s.Exchange(network, server.Question("myapp.example.com", dns.TypeA)))
			if want := []string{before[1], before[0]}; !slices.Equal(now, want) {
				t.Fatalf("%s: after %v came %v, want %v", network, before, now, want)
			}
			before = now
		}
	}
}
