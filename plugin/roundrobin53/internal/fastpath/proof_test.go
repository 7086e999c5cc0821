package fastpath

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// TestIsSameAnswer guards the last check before the fast path answers: whatever the chain does to
// an answer, but for the choice and order of addresses, has to be seen.
func TestIsSameAnswer(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}
	made := policy.NewSet(pool.New(addresses, pool.RoundRobin, 2), 60)
	set := &made
	answer := func(change func(m *dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion("App.example.org.", dns.TypeA)
		m.Id, m.Response, m.Authoritative = 1, true, true
		for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
			rr, err := dns.NewRR("App.example.org. 60 IN A " + address)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		m.SetEdns0(1232, false)
		change(m)
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	record := func(m *dns.Msg, text string) dns.RR {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = m.Answer[:1]
		return rr
	}
	expected := answer(func(*dns.Msg) {})
	areTwo := func(endpoints []uint16) bool { return len(endpoints) == 2 }
	for _, row := range []struct {
		name   string
		change func(m *dns.Msg)
		want   bool
	}{
		{"nothing", func(*dns.Msg) {}, true},
		{"order", func(m *dns.Msg) { m.Answer[0], m.Answer[1] = m.Answer[1], m.Answer[0] }, true},
		{"another address of the set", func(m *dns.Msg) { m.Answer = append(m.Answer, record(m, "App.example.org. 60 IN A 192.0.2.3")) }, true},
		{"compression", func(m *dns.Msg) { m.Compress = true }, true},
		{"another address", func(m *dns.Msg) { m.Answer = append(m.Answer, record(m, "App.example.org. 60 IN A 192.0.2.9")) }, false},
		{"another type", func(m *dns.Msg) { m.Answer = append(m.Answer, record(m, "App.example.org. 60 IN TXT x")) }, false},
		{"TTL", func(m *dns.Msg) { m.Answer[1].Header().Ttl = 59 }, false},
		{"letter case of an owner", func(m *dns.Msg) { m.Answer[1].Header().Name = "app.example.org." }, false},
		{"fewer", func(m *dns.Msg) { m.Answer = m.Answer[:1] }, false},
		{"none", func(m *dns.Msg) { m.Answer = nil }, false},
		{"RCODE", func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }, false},
		{"AA", func(m *dns.Msg) { m.Authoritative = false }, false},
		{"RA", func(m *dns.Msg) { m.RecursionAvailable = true }, false},
		{"question", func(m *dns.Msg) { m.Question[0].Name = "app.example.org." }, false},
		{"authority", func(m *dns.Msg) { m.Ns = append(m.Ns, m.Answer[0]) }, false},
		{"additional", func(m *dns.Msg) { m.Extra = append(m.Extra, m.Answer[0]) }, false},
		{"OPT", func(m *dns.Msg) { m.Extra = nil }, false},
		{"DO", func(m *dns.Msg) { m.IsEdns0().SetDo() }, false},
		{"UDP size", func(m *dns.Msg) { m.IsEdns0().SetUDPSize(512) }, true},
		{"reserved flags", func(m *dns.Msg) { m.IsEdns0().Hdr.Ttl |= 0x7f00 }, true},
		{"version", func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }, false},
		{"EDNS option", func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "aa"}}
		}, false},
	} {
		changed := answer(row.change)
		if got := compare(expected, changed) == proved && isAnswerOf(set, changed, areTwo); got != row.want {
			t.Errorf("%s changed: got %v, want %v", row.name, got, row.want)
		}
	}
	if compare(expected, nil) == proved || isAnswerOf(set, nil, areTwo) {
		t.Error("no answer at all: got true, want false")
	}
}

// TestProofs guards the proofs of RRsets that share a word.
func TestProofs(t *testing.T) {
	const n = 3*proofsPerWord + 1
	p := newProofs(n)
	for i := range n {
		p.put(i, proof(i%3))
		p.put(i, proof(i%3))
	}
	for i := range n {
		if got, want := p.get(i), proof(i%3); got != want {
			t.Errorf("get(%d) = %d, want %d", i, got, want)
		}
	}
}

func TestSnapshotBlock(t *testing.T) {
	ours, root := new(block), new(block)
	f := &snapshot{blocks: map[string]*block{"example.org.": ours, "b.example.org.": nil}}
	for _, row := range []struct {
		name string
		want *block
	}{
		{"example.org.", ours},
		{"a.example.org.", ours},
		{"x.a.example.org.", ours},
		{"bb.example.org.", ours},
		{"b.example.org.", nil},
		{"x.b.example.org.", nil},
		{"xexample.org.", root},
		{"org.", root},
		{"example.net.", root},
	} {
		for _, withRoot := range []bool{false, true} {
			want := row.want
			if delete(f.blocks, "."); withRoot {
				f.blocks["."] = root
			} else if want == root {
				want = nil
			}
			if got := f.block([]byte(row.name)); got != want {
				t.Errorf("block(%s), root %v: got %p, want %p", row.name, withRoot, got, want)
			}
		}
	}
}

// TestIsOfAnotherMoment guards answers that tell nothing, because something changed between the two.
func TestIsOfAnotherMoment(t *testing.T) {
	answer := func(texts ...string) []byte {
		m := new(dns.Msg).SetQuestion("app.example.org.", dns.TypeA)
		m.Id, m.Response = 1, true
		for _, text := range texts {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	soa := func(serial, minimum string) string {
		return "example.org. 60 IN SOA ns.example.org. hostmaster.example.org. " + serial + " 1 2 3 " + minimum
	}
	for _, row := range []struct {
		name          string
		expected, got []byte
		want          proof
	}{
		{"nothing", answer(soa("1", "60")), answer(soa("1", "60")), proved},
		{"serial", answer(soa("1", "60")), answer(soa("2", "60")), unproved},
		{"serial and more", answer(soa("1", "60")), answer(soa("2", "61")), disproved},
		{"CNAME", answer("app.example.org. 60 IN CNAME a."), answer("app.example.org. 60 IN CNAME b."), unproved},
	} {
		if got := compare(row.expected, row.got); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}
