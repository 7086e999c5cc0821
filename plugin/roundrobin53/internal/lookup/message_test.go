package lookup

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestNewQuery compares queries with those that miekg/dns packs.
func TestNewQuery(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 62)+".", 4) // 253 octets
	for _, name := range []string{".", "a.", "lb.example.net.", `odd\.label.\255.example.`, long} {
		for _, edns := range []bool{true, false} {
			q, err := newQuery(Question{Name: name, Type: dns.TypeAAAA}, edns)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			m := new(dns.Msg).SetQuestion(name, dns.TypeAAAA)
			if edns {
				m.SetEdns0(payloadSize, false)
			}
			m.Id = uint16(q.message[0])<<8 | uint16(q.message[1])
			want, err := m.Pack()
			if err != nil || !bytes.Equal(q.message, want) {
				t.Errorf("%s: % x, want % x, %v", name, q.message, want, err)
			}
			if !bytes.Contains(q.message, q.question) || len(q.question) < 5 {
				t.Errorf("%s: question % x", name, q.question)
			}
		}
	}
	for _, name := range []string{strings.Repeat("a", 64) + ".", long + "aaa.", "a..b."} {
		if _, err := newQuery(Question{Name: name, Type: dns.TypeA}, true); err == nil || !strings.Contains(err.Error(), "can't be asked for") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
