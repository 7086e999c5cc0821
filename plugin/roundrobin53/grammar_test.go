package roundrobin53

import (
	"fmt"
	"testing"

	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

// ask returns the answer section of a directive for a name and type, one record a line.
func ask(t *testing.T, directive, name string, qtype uint16) string {
	t.Helper()
	w := &discard{ResponseWriter: test.ResponseWriter{}}
	if _, err := handler(t, directive).ServeDNS(serverContext("dns://:53"), w, new(dns.Msg).SetQuestion(name, qtype)); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, rr := range w.m.Answer {
		text += rr.String() + "\n"
	}
	return text
}

// TestValueInTwoTiers guards the answer of a tier that shares values with another: it has each of
// its own once.
func TestValueInTwoTiers(t *testing.T) {
	const directive = `roundrobin53 {
		record app A {
			value 192.0.2.1 drain
			value 192.0.2.1 priority 2
		}
	}`
	if got, want := ask(t, directive, "app.example.org.", dns.TypeA), "app.example.org.\t60\tIN\tA\t192.0.2.1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestInvertedChecksOfOthers guards checks made of others that are to say the opposite, at each
// level.
func TestInvertedChecksOfOthers(t *testing.T) {
	h := handler(t, `roundrobin53 {
		check a tcp://:1
		check b tcp://:2
		check both 2 of a b {
			invert
		}
		check not_a 1 of a {
			invert
		}
		check a_again 1 of not_a {
			invert
		}
		check mixed 2 of both not_a
		record app1 A 192.0.2.1 check both all_down none
		record app2 A 192.0.2.1 check not_a all_down none
		record app3 A 192.0.2.1 check a_again all_down none
		record app4 A 192.0.2.1 check mixed all_down none
		record app5 A 192.0.2.1 check not_a b all_down none
	}`)
	for verdicts, want := range map[string]string{"++": "--+--", "+-": "+-+--", "-+": "++-++", "--": "++-+-"} {
		setUp(h, verdicts)
		got := ""
		for i := range want {
			sign := "-"
			if values(t, h, fmt.Sprint("app", i+1)) != "" {
				sign = "+"
			}
			got += sign
		}
		if got != want {
			t.Errorf("with a and b %s: %s, want %s", verdicts, got, want)
		}
	}
}
