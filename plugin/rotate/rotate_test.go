package rotate

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// handler returns what a directive gives, before a plugin that answers with the messages of next.
func handler(tb testing.TB, directive string, next func() *dns.Msg) *Handler {
	tb.Helper()
	h, err := parse(controller(directive))
	if err != nil {
		tb.Fatal(err)
	}
	h.turns = new(table)
	h.Next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, _ *dns.Msg) (int, error) {
		return dns.RcodeSuccess, w.WriteMsg(next())
	})
	return h
}

// client is a writer that keeps the last message.
type client struct {
	test.ResponseWriter
	addr net.Addr
	m    *dns.Msg
}

func (c *client) WriteMsg(m *dns.Msg) error {
	c.m = m
	return nil
}

func (c *client) RemoteAddr() net.Addr {
	if c.addr != nil {
		return c.addr
	}
	return c.ResponseWriter.RemoteAddr()
}

// ask asks once and returns the answer.
func ask(tb testing.TB, h *Handler, w *client, qname string, qtype uint16) *dns.Msg {
	tb.Helper()
	if _, err := h.ServeDNS(context.Background(), w, new(dns.Msg).SetQuestion(qname, qtype)); err != nil {
		tb.Fatal(err)
	}
	return w.m
}

// message returns an answer of these records, in short: "A 1" is an A record of app.example.org
// with the address 192.0.2.1, "AAAA 1" one with 2001:db8::1, "CNAME" leads from www.example.org to
// it, and "RRSIG A" signs.
func message(records ...string) *dns.Msg {
	m := new(dns.Msg).SetQuestion("app.example.org.", dns.TypeA)
	m.Response = true
	for _, text := range records {
		rrtype, value, _ := strings.Cut(text, " ")
		owner := "app.example.org."
		switch rrtype {
		case "A":
			value = "192.0.2." + value
		case "AAAA":
			value = "2001:db8::" + value
		case "CNAME":
			owner, value = "www.example.org.", "app.example.org."
		case "RRSIG":
			value += " 13 3 60 20300101000000 20200101000000 1 example.org. AAAA"
		}
		rr, err := dns.NewRR(owner + " 60 IN " + rrtype + " " + value)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	return m
}

// short returns the answer section of a message as message takes it.
func short(m *dns.Msg) string {
	var records []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			records = append(records, fmt.Sprintf("A %d", rr.A.To4()[3]))
		case *dns.AAAA:
			records = append(records, fmt.Sprintf("AAAA %d", rr.AAAA[15]))
		case *dns.RRSIG:
			records = append(records, "RRSIG "+dns.TypeToString[rr.TypeCovered])
		default:
			records = append(records, dns.TypeToString[rr.Header().Rrtype])
		}
	}
	return strings.Join(records, ", ")
}

// TestTurns guards exact turns, whatever order the addresses come in, and pairs: each value follows
// each other one.
func TestTurns(t *testing.T) {
	for _, rrtype := range []string{"A", "AAAA"} {
		i := 0
		h := handler(t, "rotate", func() *dns.Msg {
			i++
			all := turn.Shuffle(4, 4, nil)
			records := make([]string, len(all))
			for j, value := range all {
				records[j] = fmt.Sprintf("%s %d", rrtype, value)
			}
			return message(records...)
		})
		first, pairs := make(map[string]int), make(map[string]int)
		for range 10 * 4 * 3 {
			records := strings.Split(short(ask(t, h, new(client), "App.example.org.", dns.StringToType[rrtype])), ", ")
			first[records[0]]++
			pairs[records[0]+records[1]]++
		}
		for value, times := range first {
			if times != 30 {
				t.Errorf("%s was first %d times, want 30", value, times)
			}
		}
		if len(pairs) != 12 || slices.Max(slices.Collect(values(pairs))) != 10 {
			t.Errorf("%s: pairs are %v, want 12 of them, 10 times each", rrtype, pairs)
		}
	}
}

func values(counts map[string]int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for _, n := range counts {
			if !yield(n) {
				return
			}
		}
	}
}

// TestClassesTakeTurnsApart guards what has turns of its own: names, families, transports, and what
// the server asks itself.
func TestClassesTakeTurnsApart(t *testing.T) {
	h := handler(t, "rotate", func() *dns.Msg { return message("A 1", "A 2") })
	last := make(map[string]string)
	for range 8 {
		for name, w := range map[string]*client{"udp": {}, "tcp": {ResponseWriter: test.ResponseWriter{TCP: true}}} {
			for _, qname := range []string{"a.example.org.", "b.example.org."} {
				got := short(ask(t, h, w, qname, dns.TypeA))
				if got == last[name+qname] {
					t.Errorf("%s over %s: %s again", qname, name, got)
				}
				last[name+qname] = got
			}
		}
	}
}

// TestWhatIsInOrder guards everything around the addresses, and answers that are none of ours.
func TestWhatIsInOrder(t *testing.T) {
	foreign := message("A 1", "A 2")
	foreign.Answer[1].Header().Name = "other.example.org."
	malformed := message("A 1", "A 2")
	malformed.Answer[0].(*dns.A).A = nil
	short16 := message("AAAA 1", "AAAA 2")
	short16.Answer[0].(*dns.AAAA).AAAA = net.IP{1}
	failed := message("A 1", "A 2")
	failed.Rcode = dns.RcodeServerFailure
	for _, row := range []struct {
		name      string
		directive string
		qtype     uint16
		m         *dns.Msg
		want      []string // the answers, in any order; one: it is not changed
	}{
		{"addresses", "rotate", dns.TypeA, message("A 1", "A 2"), []string{"A 1, A 2", "A 2, A 1"}},
		{"a CNAME stays first", "rotate", dns.TypeA, message("CNAME", "A 2", "A 1"), []string{"CNAME, A 1, A 2", "CNAME, A 2, A 1"}},
		{"a signature stays", "rotate", dns.TypeA, message("CNAME", "RRSIG CNAME", "A 2", "A 1", "RRSIG A"), []string{"CNAME, RRSIG CNAME, A 1, A 2, RRSIG A", "CNAME, RRSIG CNAME, A 2, A 1, RRSIG A"}},
		{"as many as wanted", "rotate {\nanswers 1\n}", dns.TypeA, message("CNAME", "A 2", "A 1", "TXT x"), []string{"CNAME, A 1, TXT", "CNAME, A 2, TXT"}},
		{"a signed set is whole", "rotate {\nanswers 1\n}", dns.TypeA, message("A 2", "A 1", "RRSIG A"), []string{"A 1, A 2, RRSIG A", "A 2, A 1, RRSIG A"}},
		{"fewer than wanted", "rotate {\nanswers 5\n}", dns.TypeA, message("A 2", "A 1"), []string{"A 1, A 2", "A 2, A 1"}},
		{"one address", "rotate", dns.TypeA, message("CNAME", "A 2"), []string{"CNAME, A 2"}},
		{"none", "rotate", dns.TypeA, message("CNAME", "TXT x"), []string{"CNAME, TXT"}},
		{"the other family", "rotate", dns.TypeA, message("AAAA 2", "AAAA 1"), []string{"AAAA 2, AAAA 1"}},
		{"both families", "rotate", dns.TypeAAAA, message("A 2", "A 1"), []string{"A 2, A 1"}},
		{"several names", "rotate", dns.TypeA, foreign, []string{"A 1, A 2"}},
		{"ANY", "rotate", dns.TypeANY, message("A 2", "A 1"), []string{"A 2, A 1"}},
		{"AXFR", "rotate", dns.TypeAXFR, message("A 2", "A 1"), []string{"A 2, A 1"}},
		{"another zone", "rotate example.com", dns.TypeA, message("A 2", "A 1"), []string{"A 2, A 1"}},
		{"failed", "rotate", dns.TypeA, failed, []string{"A 1, A 2"}},
		{"no message", "rotate", dns.TypeA, nil, nil},
	} {
		h := handler(t, row.directive, func() *dns.Msg { return row.m })
		got := make(map[string]bool)
		for range 4 {
			m := ask(t, h, new(client), "www.example.org.", row.qtype)
			if m == nil {
				break
			}
			got[short(m)] = true
			if isSame := m == row.m; isSame != (len(row.want) == 1) {
				t.Errorf("%s: the message is passed on as it is: %t", row.name, isSame)
			}
			if cap(m.Answer) != len(m.Answer) && m != row.m {
				t.Errorf("%s: room for %d records behind the answer", row.name, cap(m.Answer)-len(m.Answer))
			}
		}
		if all := slices.Sorted(keys(got)); !slices.Equal(all, row.want) {
			t.Errorf("%s: %q, want %q", row.name, all, row.want)
		}
	}
	for qtype, m := range map[uint16]*dns.Msg{dns.TypeA: malformed, dns.TypeAAAA: short16} {
		h := handler(t, "rotate", func() *dns.Msg { return m })
		if ask(t, h, new(client), "app.example.org.", qtype) != m {
			t.Error("a record without an address is put in order")
		}
	}
}

func keys(set map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range set {
			if !yield(key) {
				return
			}
		}
	}
}

// TestOtherQueriesPass guards what has no single question for addresses.
func TestOtherQueriesPass(t *testing.T) {
	for name, change := range map[string]func(*dns.Msg){
		"NOTIFY":       func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"UPDATE":       func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate },
		"CHAOS":        func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"no question":  func(m *dns.Msg) { m.Question = nil },
		"two of them":  func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"another type": func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeSRV },
	} {
		w, r := new(client), new(dns.Msg).SetQuestion("app.example.org.", dns.TypeA)
		change(r)
		answer := message("A 2", "A 1")
		h := handler(t, "rotate", func() *dns.Msg { return answer })
		if _, err := h.ServeDNS(t.Context(), w, r); err != nil || w.m != answer {
			t.Errorf("%s: error %v, answer %v, want what comes from below", name, err, w.m)
		}
	}
}

func TestIsIn(t *testing.T) {
	for _, zone := range []string{".", "org.", "example.org."} {
		for _, name := range []string{".", "org.", "example.org.", "a.example.org.", "b.a.example.org.", "notexample.org.", `a\.example.org.`, `a\\.example.org.`, `\.org.`, "example.com."} {
			if got, want := isIn(name, zone), dns.IsSubDomain(zone, name); got != want {
				t.Errorf("%s in %s: %t, want %t", name, zone, got, want)
			}
		}
	}
}

// owns is a plugin that owns one name.
type owns string

func (o owns) Owns(name string, qtype uint16) bool {
	return name == string(o) && qtype == dns.TypeA
}

// TestOwnedNamesAreLeftAlone guards the answers of roundrobin53, which are in turns already.
func TestOwnedNamesAreLeftAlone(t *testing.T) {
	answer := message("A 2", "A 1")
	h := handler(t, "rotate", func() *dns.Msg { return answer })
	h.owner = owns("app.example.org.")
	if m := ask(t, h, new(client), "APP.example.org.", dns.TypeA); m != answer {
		t.Errorf("an answer of its owner is changed: %s", short(m))
	}
	if m := ask(t, h, new(client), "other.example.org.", dns.TypeA); m == answer {
		t.Error("an answer of another name is not changed")
	}
}

// TestSticky guards the client's address: it is the same for its network, whatever order the
// addresses come in, and only the clients of one that is gone move.
func TestSticky(t *testing.T) {
	records := []string{"A 1", "A 2", "A 3", "A 4"}
	h := handler(t, "rotate {\norder sticky\n}", func() *dns.Msg {
		var shuffled []string
		for _, i := range turn.Shuffle(len(records), len(records), nil) {
			shuffled = append(shuffled, records[i])
		}
		return message(shuffled...)
	})
	orderFor := func(i, host int) []string {
		w := &client{addr: &net.UDPAddr{IP: net.IPv4(10, byte(i>>8), byte(i), byte(host)), Port: 53}}
		return strings.Split(short(ask(t, h, w, "app.example.org.", dns.TypeA)), ", ")
	}
	const clients = 400
	before, counts := make([][]string, clients), make(map[string]int)
	for i := range clients {
		before[i] = orderFor(i, 1)
		counts[before[i][0]]++
		if again := orderFor(i, 200); !slices.Equal(again, before[i]) {
			t.Fatalf("one network gets %v and %v", before[i], again)
		}
	}
	if slices.Min(slices.Collect(values(counts))) < clients/8 {
		t.Errorf("clients by address: %v, want about a quarter each", counts)
	}
	records = records[1:]
	for i := range clients {
		without := slices.DeleteFunc(slices.Clone(before[i]), func(value string) bool { return value == "A 1" })
		if after := orderFor(i, 1); !slices.Equal(after, without) {
			t.Fatalf("without A 1: %v, and before %v", after, before[i])
		}
	}
}

func TestRandom(t *testing.T) {
	h := handler(t, "rotate {\norder random\n}", func() *dns.Msg { return message("A 1", "A 2", "A 3") })
	seen := make(map[string]int)
	for range 600 {
		seen[short(ask(t, h, new(client), "app.example.org.", dns.TypeA))]++
	}
	if len(seen) != 6 || slices.Min(slices.Collect(values(seen))) < 30 { // 100 are expected; by chance once in 10^13
		t.Errorf("orders are %v, want all six, equally often", seen)
	}
}

// TestKeptMessageIsNotChanged guards plugins that keep what they answer with: with the race
// detector, any write to it by one query while another reads it is found. Outer plugins may append
// to all sections.
func TestKeptMessageIsNotChanged(t *testing.T) {
	kept := message("CNAME", "A 3", "A 1", "A 2", "RRSIG A")
	want := kept.String()
	h := handler(t, "rotate {\nanswers 2\n}", func() *dns.Msg { return kept })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				m := ask(t, h, new(client), "www.example.org.", dns.TypeA)
				m.Answer = append(m.Answer, kept.Answer[0])
				m.Truncated, m.Compress = true, true
			}
		})
	}
	wg.Wait()
	if got := kept.String(); got != want {
		t.Errorf("the message has become\n%s\nwant\n%s", got, want)
	}
}

// TestParallelTurnsAreExact guards the counter: a turn is lost nowhere.
func TestParallelTurnsAreExact(t *testing.T) {
	h := handler(t, "rotate", func() *dns.Msg { return message("A 3", "A 1", "A 2") })
	var mu sync.Mutex
	counts := make(map[string]int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 300 {
				first, _, _ := strings.Cut(short(ask(t, h, new(client), "app.example.org.", dns.TypeA)), ",")
				mu.Lock()
				counts[first]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if counts["A 1"] != 1600 || counts["A 2"] != 1600 || counts["A 3"] != 1600 {
		t.Errorf("first were %v, want 1600 each", counts)
	}
}

// TestStateDoesNotGrow guards the memory of a server that is asked for ever new names.
func TestStateDoesNotGrow(t *testing.T) {
	answer := message("A 3", "A 1", "A 2")
	h := handler(t, "rotate", func() *dns.Msg { return answer })
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	w := new(client)
	before := heap()
	for i := range 100_000 {
		ask(t, h, w, fmt.Sprintf("n%d.example.org.", i), dns.TypeA)
	}
	if after := heap(); after > before+64<<10 {
		t.Errorf("the heap grew by %d octets", after-before)
	}
	runtime.KeepAlive(h)
}

// TestAllocations counts what an answer costs: the call of the next plugin, the writer, the
// message, and of a large set its records.
func TestAllocations(t *testing.T) {
	for n, want := range map[int]float64{8: 3, 16: 3, 64: 4} {
		records := make([]string, n)
		for i := range records {
			records[i] = fmt.Sprintf("A %d", i)
		}
		answer := message(records...)
		h := handler(t, "rotate", func() *dns.Msg { return answer })
		w, r := &client{addr: new(net.UDPAddr)}, new(dns.Msg).SetQuestion("app.example.org.", dns.TypeA)
		ctx := context.Background()
		got := testing.AllocsPerRun(200, func() { _, _ = h.ServeDNS(ctx, w, r) })
		if got > want {
			t.Errorf("%d addresses: %v allocations, want %v", n, got, want)
		}
	}
}
