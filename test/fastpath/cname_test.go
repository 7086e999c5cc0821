//go:build linux

package fastpath

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastSeveralCNAMEs guards the turns of several CNAMEs: the fast path and the chain take them from one counter, and what
// the fast path leaves to the chain takes one turn, not two.
func TestFastSeveralCNAMEs(t *testing.T) {
	for name, more := range map[string]string{
		"answered here":     "",
		"left to the chain": "record outside CNAME www.example.net.",
	} {
		t.Run(name, func(t *testing.T) {
			_, port := server.StartFast(t, `example.org:PORT {
				bind 127.0.0.1
				roundrobin53 {
					fastpath
					record www CNAME {
						value app weight 3
						value other weight 1
					}
					record app A 192.0.2.1
					record other A 192.0.2.2
					`+more+`
				}
			}`)
			conn := server.Dial(t, "127.0.0.1:"+port)
			isFast := false
			for i := range 40 { // a proof needs a query for which both ways choose the same; 40 is a number of whole rounds
				reply, octets := server.AskRaw(t, conn, server.Question("www.example.org", dns.TypeA))
				isFast = server.IsCompressed(reply, octets)
				if i >= 36 && isFast != (more == "") {
					t.Errorf("query %d: by the fast path %t", i, isFast)
				}
			}
			times := make(map[string]int)
			for i := range 400 {
				m := server.Question("www.example.org", dns.TypeA)
				if i%3 == 0 {
					m = server.WithOPT(m, 0, server.UnknownOption) // takes the chain
				}
				reply, _ := server.AskRaw(t, conn, m)
				times[server.Addresses(reply)[0]]++
			}
			if want := map[string]int{"192.0.2.1": 300, "192.0.2.2": 100}; fmt.Sprint(times) != fmt.Sprint(want) {
				t.Errorf("answers %v, want %v", times, want)
			}
		})
	}
}
