package test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// rotateNames are the names that rotatedRecords has, with so many addresses of each family.
var rotateNames = map[string]int{"three.example.org": 3, "fifteen.example.org": 15, "eighty.example.org": 80}

// rotatedRecords is a zone file of rotateNames and of what else there is in zones.
func rotatedRecords() string {
	var b strings.Builder
	b.WriteString("$ORIGIN example.org.\n$TTL 60\n@ SOA ns hostmaster 1 7200 1800 86400 60\n@ NS ns\nns A 192.0.2.53\n")
	b.WriteString("alias CNAME three\nlong CNAME alias\none A 192.0.2.1\ntxt TXT text\n_sip._udp SRV 0 0 5060 three\nmail MX 10 three\n")
	for name, n := range rotateNames {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			for _, value := range server.ManyAddresses(n, qtype) {
				fmt.Fprintf(&b, "%s. %s %s\n", name, dns.TypeToString[qtype], value)
			}
		}
	}
	return b.String()
}

// checkExact asks for a name with 16 clients at a time, over UDP and TCP, plain and with EDNS, and for both families. In
// each class every value is first equally often, and so is every ordered pair (first, second) where that many are asked
// for.
func checkExact(t *testing.T, s *server.Server, name string, values int) {
	t.Helper()
	type class struct {
		network string
		qtype   uint16
	}
	var mu sync.Mutex
	first, pairs := make(map[class]map[string]int), make(map[class]map[string]int)
	const rounds = 6
	var wg sync.WaitGroup
	work := make(chan class)
	for range 16 {
		wg.Go(func() {
			for c := range work {
				m, err := exchangeOnce(s, c.network, server.WithOPT(server.Question(name, c.qtype), 0))
				if err != nil {
					t.Errorf("%s over %s: %v", name, c.network, err)
					continue
				}
				all := server.Addresses(m)
				if len(all) != values {
					t.Errorf("%s over %s: %d addresses, want %d", name, c.network, len(all), values)
					continue
				}
				mu.Lock()
				if first[c] == nil {
					first[c], pairs[c] = make(map[string]int), make(map[string]int)
				}
				first[c][all[0]]++
				pairs[c][all[0]+" "+all[1]]++
				mu.Unlock()
			}
		})
	}
	for range rounds * values {
		for _, network := range []string{"udp", "tcp"} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
				work <- class{network, qtype}
			}
		}
	}
	close(work)
	wg.Wait()
	for c, counts := range first {
		if len(counts) != values {
			t.Errorf("%s %s over %s: %d values were first, want %d", name, dns.TypeToString[c.qtype], c.network, len(counts), values)
		}
		for value, times := range counts {
			if times != rounds {
				t.Errorf("%s %s over %s: %s was first %d times, want %d", name, dns.TypeToString[c.qtype], c.network, value, times, rounds)
			}
		}
		if values-1 == rounds/3 && len(pairs[c]) != values*(values-1) {
			t.Errorf("%s %s over %s: pairs %v, want %d", name, dns.TypeToString[c.qtype], c.network, pairs[c], values*(values-1))
		}
	}
}

// exchangeOnce sends a query to the first listener of a server, from a socket of its own.
func exchangeOnce(s *server.Server, network string, m *dns.Msg) (*dns.Msg, error) {
	address := s.UDP(0)
	if network == "tcp" {
		address = s.TCP(0)
	}
	client := dns.Client{Net: network, Timeout: 10 * time.Second, UDPSize: dns.MaxMsgSize}
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(4096)
	}
	reply, _, err := client.Exchange(m, server.Loopback(address))
	return reply, err
}

// TestRotate guards exact turns for what other plugins answer, through cache and loadbalance: a zone file, a hosts file, a
// server elsewhere. The Corefile is kubeadm's, with one line more.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "zone")
	hosts := filepath.Join(dir, "hosts")
	var lines strings.Builder
	for name, n := range rotateNames {
		for _, value := range append(server.ManyAddresses(n, dns.TypeA), server.ManyAddresses(n, dns.TypeAAAA)...) {
			fmt.Fprintf(&lines, "%s %s\n", value, name)
		}
	}
	server.WriteFiles(t, dir, map[string]string{"zone": rotatedRecords(), "hosts": lines.String()})
	elsewhere := server.Serve(t, "example.org:0 {\nfile "+zone+"\n}\n")
	for _, plugin := range []string{"file " + zone + " example.org", "hosts " + hosts, "forward . " + server.Loopback(elsewhere.UDP(0)) + " {\nprefer_udp\n}"} {
		kind, _, _ := strings.Cut(plugin, " ")
		t.Run(kind, func(t *testing.T) {
			s := server.Serve(t, ".:0 {\nerrors\nhealth 127.0.0.1:0\n"+plugin+"\nprometheus 127.0.0.1:0\ncache 30\nloop\nreload\nloadbalance\nrotate\n}\n")
			for name, n := range rotateNames {
				checkExact(t, s, name, n)
			}
			if kind == "hosts" {
				return
			}
			for range 4 {
				m := s.Ask("long.example.org", dns.TypeA)
				var types []string
				for _, rr := range m.Answer {
					types = append(types, dns.TypeToString[rr.Header().Rrtype])
				}
				if got := strings.Join(types, " "); got != "CNAME CNAME A A A" {
					t.Errorf("an alias has %s, want the CNAMEs first", got)
				}
			}
			last := server.FirstAddress(t, s, "udp", "long.example.org", dns.TypeA)
			for range 6 {
				now := server.FirstAddress(t, s, "udp", "long.example.org", dns.TypeA)
				if now == last {
					t.Errorf("behind an alias, %s is first twice in a row", now)
				}
				last = now
			}
		})
	}
}

// TestRotateAnswers guards the limit: 16 of 80 addresses fit the usual buffer, and all come equally often.
func TestRotateAnswers(t *testing.T) {
	s := server.Serve(t, "example.org:0 {\nfile "+server.ZoneFile(t, rotatedRecords())+"\nrotate {\nanswers 16\n}\ncache\nloadbalance\n}\n")
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		included := make(map[string]int)
		for range 80 {
			m := server.WithOPT(server.Question("eighty.example.org", qtype), 0)
			m.IsEdns0().SetUDPSize(1232)
			reply := s.Exchange("udp", m)
			if all := server.Addresses(reply); len(all) != 16 || reply.Truncated {
				t.Fatalf("%d addresses, TC %t, want 16 without", len(all), reply.Truncated)
			}
			for _, value := range server.Addresses(reply) {
				included[value]++
			}
		}
		if len(included) != 80 {
			t.Errorf("%d values came in a round, want 80", len(included))
		}
	}
}

// TestRotateLeavesTheRestAlone guards all answers that are not addresses of the name asked for: they are what they are
// without the plugin.
func TestRotateLeavesTheRestAlone(t *testing.T) {
	zone := server.ZoneFile(t, rotatedRecords())
	const corefile = "example.org:0 {\ntransfer {\nto *\n}\nfile %s\n%s\n}\n"
	with, without := server.Serve(t, fmt.Sprintf(corefile, zone, "rotate")), server.Serve(t, fmt.Sprintf(corefile, zone, ""))
	for name, qtypes := range map[string][]uint16{
		"example.org": {dns.TypeSOA, dns.TypeNS, dns.TypeANY}, "alias.example.org": {dns.TypeCNAME, dns.TypeTXT},
		"one.example.org": {dns.TypeA, dns.TypeAAAA}, "none.example.org": {dns.TypeA, dns.TypeAAAA}, "txt.example.org": {dns.TypeTXT, dns.TypeA},
		"_sip._udp.example.org": {dns.TypeSRV}, "mail.example.org": {dns.TypeMX}, "three.example.org": {dns.TypeANY, dns.TypeHTTPS},
	} {
		for _, qtype := range qtypes {
			for _, network := range []string{"udp", "tcp"} {
				m := server.WithOPT(server.Question(name, qtype), 0)
				got, want := with.Exchange(network, m.Copy()), without.Exchange(network, m.Copy())
				got.Id = want.Id
				if got.String() != want.String() {
					t.Errorf("%s %s over %s: got\n%s\nwant\n%s", name, dns.TypeToString[qtype], network, got, want)
				}
			}
		}
	}
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		m := server.Question("example.org", qtype)
		if qtype == dns.TypeIXFR {
			m.SetIxfr("example.org.", 0, "ns.example.org.", "hostmaster.example.org.")
		}
		got, want := server.TransferIn(t, with, m.Copy()), server.TransferIn(t, without, m.Copy())
		if text := sortedLines(server.Section(got)); len(got) < 200 || text != sortedLines(server.Section(want)) {
			t.Errorf("%s: %d records, want %d:\n%s", dns.TypeToString[qtype], len(got), len(want), text)
		}
	}
	for _, opcode := range []int{dns.OpcodeUpdate, dns.OpcodeStatus} {
		m := server.Question("three.example.org", dns.TypeA)
		m.Opcode = opcode
		got, gotErr := exchangeOnce(with, "tcp", m.Copy())
		want, wantErr := exchangeOnce(without, "tcp", m.Copy())
		if (gotErr == nil) != (wantErr == nil) || gotErr == nil && got.Rcode != want.Rcode {
			t.Errorf("opcode %d: %v, %v, want %v, %v", opcode, got, gotErr, want, wantErr)
		}
	}
}

// sortedLines is a text with its lines in order.
func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.SplitSeq(text, "\n")), "\n")
}

// TestRotateSigned guards DNSSEC: signatures stay, and validate, since they are of a set, whatever its order.
func TestRotateSigned(t *testing.T) {
	corefile, key := server.SignedZone(t)
	zone := server.ZoneFile(t, "@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60\nwww 60 IN A 192.0.2.1\nwww 60 IN A 192.0.2.2\nwww 60 IN A 192.0.2.3\n")
	before, _, _ := strings.Cut(corefile, "roundrobin53 {")
	s := server.Serve(t, before+"file "+zone+"\nrotate {\nanswers 2\n}\ncache\nloadbalance\n}\n")
	last := ""
	for range 9 {
		m := server.WithoutSignatures(t, key, server.AskDO(t, s, "udp", "www.example.com", dns.TypeA))
		all := server.Addresses(m)
		if len(all) != 3 || !s.Follows(server.ThreeValues, last, all[0]) {
			t.Fatalf("after %s came %v, want turns of all three", last, all)
		}
		last = all[0]
	}
	if all := server.Addresses(s.Ask("www.example.com", dns.TypeA)); len(all) != 2 {
		t.Errorf("without signatures, the answer has %v, want two", all)
	}
}

// TestRotateInner guards clients for whom dns64 asks once more: the turns are apart.
func TestRotateInner(t *testing.T) {
	zone := server.ZoneFile(t, "@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60\napp 60 IN A 192.0.2.1\napp 60 IN A 192.0.2.2\n")
	s := server.Serve(t, "example.org:0 {\ndns64 {\nallow_ipv4\n}\nfile "+zone+"\nrotate\ncache\nloadbalance\n}\n")
	counts := make(map[string]int)
	for range 4 {
		counts[server.FirstOf(t, s, "app.example.org", dns.TypeA)]++
		counts[server.FirstOf(t, s, "app.example.org", dns.TypeAAAA)]++
	}
	for value, times := range counts {
		if times != 2 || len(counts) != 4 {
			t.Errorf("%s was first %d times, want 2: %v", value, times, counts)
		}
	}
}

// TestRotateBesideRoundrobin53 guards the plugins in one server block: what roundrobin53 answers has its own turns, by the
// fast path too, and what falls through has those of rotate.
func TestRotateBesideRoundrobin53(t *testing.T) {
	zone := server.ZoneFile(t, "@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60\nfile 60 IN A 192.0.2.1\nfile 60 IN A 192.0.2.2\nfile 60 IN A 192.0.2.3\n")
	s, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		rotate
		roundrobin53 {
			fastpath
			record app 192.0.2.3 192.0.2.2 192.0.2.1
			record weighted {
				value 192.0.2.1 weight 3
				value 192.0.2.2 weight 1
				answers all
			}
			fallthrough
		}
		file `+zone+`
	}`)
	backwards := []string{"192.0.2.3", "192.0.2.2", "192.0.2.1"}
	server.TakeTurns(s, "udp", "app.example.org", backwards, "", 6)
	server.TakeTurns(s, "tcp", "app.example.org", backwards, "", 6)
	server.TakeTurns(s, "udp", "file.example.org", server.ThreeValues, "", 6)
	first := make(map[string]int)
	for range 8 {
		first[server.FirstOf(t, s, "weighted.example.org", dns.TypeA)]++
	}
	if first["192.0.2.1"] != 6 {
		t.Errorf("by weight, first were %v, want 6 and 2", first)
	}
	server.AskFast(t, "127.0.0.1:"+port, server.Question("app.example.org", dns.TypeA))
	if _, isFast := server.AskFast(t, "127.0.0.1:"+port, server.Question("app.example.org", dns.TypeA)); !isFast {
		t.Error("the fast path is off beside rotate")
	}
}

// TestRotateReload guards the turns over reloads, good and bad.
func TestRotateReload(t *testing.T) {
	zone := server.ZoneFile(t, "@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60\napp 60 IN A 192.0.2.1\napp 60 IN A 192.0.2.2\napp 60 IN A 192.0.2.3\n")
	corefile := "example.org:0 {\nfile " + zone + "\nrotate\n%s\n}\n"
	s := server.Serve(t, fmt.Sprintf(corefile, ""))
	last := ""
	for i := range 6 {
		last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
		server.MustReload(t, s, fmt.Sprintf(corefile, []string{"errors", "cache", "loadbalance"}[i%3]))
		if err := s.Reload(fmt.Sprintf(corefile, "rotate {\n}")); err == nil || !strings.Contains(err.Error(), "stands twice") {
			t.Fatalf("the error is %v, want one about two directives", err)
		}
	}
	server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
}

// TestRotateMetrics guards the counter and its labels.
func TestRotateMetrics(t *testing.T) {
	zone := server.ZoneFile(t, rotatedRecords())
	s := server.Serve(t, "example.org:0 {\nprometheus 127.0.0.1:0\nfile "+zone+"\nrotate example.org\n}\n")
	before := server.Metric(t, "coredns_rotate_answers_total")
	for range 3 {
		s.Ask("three.example.org", dns.TypeA)
		s.Ask("one.example.org", dns.TypeA)
		s.Ask("none.example.org", dns.TypeA)
	}
	if got := server.Metric(t, "coredns_rotate_answers_total") - before; got != 3 {
		t.Errorf("%v answers are counted, want 3", got)
	}
}

// TestRotateReadme starts the Corefiles of the plugin's manual page, with other ports and servers around them, and without
// a cluster.
func TestRotateReadme(t *testing.T) {
	page := server.ReadFile(t, "plugin/rotate/README.md")
	blocks := server.Fences(page, "corefile")
	if len(blocks) < 3 || !strings.Contains(page, "coredns_rotate_answers_total{server, zone, view}") {
		t.Errorf("%d examples, want more; and the metric", len(blocks))
	}
	for _, block := range blocks {
		for pattern, replacement := range map[string]string{
			`:53 `: ":0 ", `(?s)health .*?\}`: "health 127.0.0.1:0", `ready`: "ready 127.0.0.1:0", `:9153`: "127.0.0.1:0",
			`(?s)kubernetes .*?\}`: "", `/etc/resolv.conf`: "127.0.0.1",
		} {
			block = regexp.MustCompile(pattern).ReplaceAllString(block, replacement)
		}
		server.Serve(t, block)
	}
}
