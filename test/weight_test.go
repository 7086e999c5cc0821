package test

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// Weights are exact, and count among what is up in the tier.
func TestWeights(t *testing.T) {
	server.CheckPolicies(t, "weight.example.org", "", []server.PolicyCase{
		{Row: "34", Values: "a70 b30", Want: "a7 b3", Each: 1},
		{Row: "35", Values: "a5 b3 c1", Options: "answers all", Want: "a5 b3 c1"},
		{Row: "36", Values: "a0+ b10+", Options: "answers all", Want: "b"},
		{Row: "37", Values: "a0+ b10-", Want: "a"},
		{Row: "38", Values: "a0 b0", Want: "a b", Each: 1},
		{Row: "38", Values: "a0 b0", Options: "answers all", Want: "a b"},
		{Row: "39", Values: "a0- b10-", Options: "all_down all", Want: "b"},
		{Row: "40", Values: "a0+ b10- | d+", Want: "a"},
		{Row: "41", Values: "a~ b10- | d+", Want: "d"},
		{Row: "42", Values: "a0 b0 | d10", Want: "a b", Each: 1},
		{Row: "46", Values: "a5 b3 c1", Options: "answers 2", Want: "a5 b3 c1", Each: 2},
		{Row: "47", Values: "a5 b3 c0", Options: "answers 3", Want: "a5 b3"},
		{Row: "48", Values: "a70- b30+ | d+", Want: "b"},

		// What panicked elsewhere: all zero, one zero, the largest weights.
		{Row: "38", Values: "a0- b0- c0-", Want: "a b c", Each: 1},
		{Row: "36", Values: "a0+ b1+ c0+", Want: "b"},
		{Row: "34", Values: "a65535 b65535 c65535", Want: "a b c", Each: 1},
		{Row: "34", Values: "a65535+ b65535+ c65535-", Want: "a b", Each: 1},
		{Row: "34", Values: "a65535 b43690 c21845", Options: "answers all", Want: "a3 b2 c1"},
	})
}

// firsts is the first values of so many answers.
func firsts(t *testing.T, s *server.Server, qname string, n int) []string {
	t.Helper()
	all := make([]string, n)
	for i := range all {
		all[i] = server.LetterOf(server.FirstAddress(t, s, "udp", qname, dns.TypeA))
	}
	return all
}

// Heavy values are spread out: in bursts they would get the load of a whole second at once.
func TestWeightsAreSmooth(t *testing.T) {
	s := server.Start(t, server.Block("smooth.example.org", server.PolicyRecord("app", "a5 b3 c1", "answers all")))
	sequence := strings.Join(firsts(t, s, "app.smooth.example.org", 5*9), "")
	for _, value := range []string{"a", "b", "c"} {
		if strings.Contains(sequence, strings.Repeat(value, 3)) {
			t.Errorf("35: %s is first three times running in %s", value, sequence)
		}
	}
}

// The second choice is by weight too: the load of a first value that is dead goes to the others in proportion.
func TestSecondChoiceIsByWeight(t *testing.T) {
	s := server.Start(t, server.Block("second.example.org",
		server.PolicyRecord("two", "a5 b3 c1", "answers 2"),
		server.PolicyRecord("all", "a5 b3 c1", "answers all")))
	weights := map[string]float64{"a": 5, "b": 3, "c": 1}
	for name, row := range map[string]string{"two": "46", "all": "35"} {
		t.Run(row+" "+name, func(t *testing.T) {
			const periods = 100
			first, pairs := make(map[string]float64), make(map[string]float64)
			for range periods * 9 {
				got := server.Letters(server.Send(t, s, "udp", server.Question(name+".second.example.org", dns.TypeA)))
				first[got[0]]++
				pairs[got[0]+" "+got[1]]++
			}
			for a := range weights {
				for b := range weights {
					share, want := pairs[a+" "+b]/first[a], weights[b]/(9-weights[a])
					if a != b && math.Abs(share-want) > 0.01 {
						t.Errorf("%s follows %s in %.3f of the answers, want %.3f", b, a, share, want)
					}
				}
			}
		})
	}
}

// The weight of a line is that of its values together, of those that are up.
func TestWeightOfALine(t *testing.T) {
	const zone = "line.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	port := sharedPort(t, map[string]bool{"127.0.0.1": false, "127.0.0.2": true, "127.0.0.3": true})
	s := server.Start(t, server.Block(zone, "ecs", fmt.Sprintf("check own http://:%s/ {\ninterval 1h\n}", port), e.Watched("interval 1h", "down"),
		`record all {
			value 127.0.0.1 127.0.0.2 127.0.0.3 weight 70
			value 192.0.2.9 weight 30
		}
		record two {
			value 127.0.0.1 127.0.0.2 127.0.0.3 weight 70 check own
			value 192.0.2.9 weight 30
		}
		record none {
			value 127.0.0.1 127.0.0.2 127.0.0.3 weight 70 check down
			value 192.0.2.9 weight 30
		}
		record sticky {
			value 127.0.0.1 127.0.0.2 127.0.0.3 weight 70 check own
			value 192.0.2.9 weight 30
			order sticky
			answers all
		}
		record whole {
			value 127.0.0.1 127.0.0.2 127.0.0.3 weight 70
			value 192.0.2.9 weight 30
			order sticky
			answers all
		}
		record verdict-own A 127.0.0.1 check own all_down none`))
	server.AwaitVerdict(t, s, zone, "own", false)
	server.AwaitVerdict(t, s, zone, "down", false)
	for _, c := range []struct{ name, qname, line string }{
		{"43 b1 b2 b3 weight 70, g weight 30", "all", "abc"},
		{"44 b1- b2+ b3+ weight 70, g weight 30", "two", "bc"},
	} {
		t.Run(c.name, func(t *testing.T) { checkLineTurns(t, firsts(t, s, c.qname+"."+zone, 60), c.line) })
	}
	t.Run("45 b1- b2- b3- weight 70, g weight 30", func(t *testing.T) { server.CheckTurns(t, server.Asker(t, s, "none."+zone), "i", 1) })

	clients := server.StickyClients(200)
	whole := server.ChoicesOf(t, s, "whole."+zone, dns.TypeA, clients)
	server.ChoicesOf(t, s, "sticky."+zone, dns.TypeA, clients).Each(t, "49 b1- of a line with a weight", func(client string) []string {
		return slices.DeleteFunc(slices.Clone(whole[client]), func(value string) bool { return value == "a" })
	})
}

// checkLineTurns fails the test unless in each ten of the first values seven are from a line and three are not, and those of
// the line come equally often, but for the first and last round of theirs.
func checkLineTurns(t *testing.T, first []string, line string) {
	t.Helper()
	times, sum := make(map[string]int), 0
	for start := 0; start < len(first); start += 10 {
		fromLine := 0
		for _, value := range first[start : start+10] {
			if strings.Contains(line, value) {
				fromLine++
				times[value]++
			}
		}
		sum += fromLine
		if fromLine != 7 {
			t.Errorf("%d of %q are from the line, want 7", fromLine, first[start:start+10])
		}
	}
	for value := range strings.SplitSeq(line, "") {
		if want := sum / len(line); times[value] < want-1 || times[value] > want+1 {
			t.Errorf("%s is first %d times, want about %d: %q", value, times[value], want, first)
		}
	}
}

// sharedPort runs an HTTP server on one port of several addresses, some of which fail, and returns the port.
func sharedPort(t *testing.T, passes map[string]bool) string {
	t.Helper()
	for range 100 {
		port := server.FreePort(t)
		var listeners []net.Listener
		for address, isPassing := range passes {
			listener, err := net.Listen("tcp", net.JoinHostPort(address, port))
			if err != nil {
				break // somebody has the port there
			}
			listeners = append(listeners, listener)
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if !isPassing {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})}
			go func() { _ = server.Serve(listener) }()
			t.Cleanup(func() { _ = server.Close() })
		}
		if len(listeners) == len(passes) {
			return port
		}
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}
	t.Fatal("no port is free on all addresses")
	return ""
}

// Three hundred values of the largest weight: no sum overflows, and all are equal.
func TestLargestWeights(t *testing.T) {
	const n = 300
	values := server.ManyAddresses(n, dns.TypeA)
	s := server.Start(t, server.Block("large.example.org", "record app {\nvalue "+strings.Join(values, " weight 65535\nvalue ")+" weight 65535\n}"))
	first := make(map[string]int)
	for range n {
		all := server.Addresses(s.Ask("app.large.example.org", dns.TypeA))
		if len(all) != 1 {
			t.Fatalf("%d values, want 1", len(all))
		}
		first[all[0]]++
	}
	if len(first) != n {
		t.Errorf("%d values are first in %d answers, want all", len(first), n)
	}
}
