package explain_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// words are the words of a Corefile without quotes and comments, line by line.
type words struct {
	lines     [][]string
	line, pos int
}

func newWords(text string) *words {
	w := &words{pos: -1}
	for line := range strings.Lines(text) {
		w.lines = append(w.lines, strings.Fields(line))
	}
	return w
}

func (w *words) Next() bool {
	for w.pos++; w.line < len(w.lines) && w.pos >= len(w.lines[w.line]); w.pos = 0 {
		w.line++
	}
	return w.line < len(w.lines)
}

func (w *words) NextArg() bool {
	if w.pos+1 >= len(w.lines[w.line]) {
		return false
	}
	w.pos++
	return true
}

func (w *words) Val() string  { return w.lines[w.line][w.pos] }
func (w *words) File() string { return "Corefile" }
func (w *words) Line() int    { return w.line + 1 }

// build makes the store of a block in example.org.
func build(t *testing.T, block string) *store.Store {
	t.Helper()
	conf, err := config.Parse(newWords(block), &config.Surroundings{Zones: []string{"example.org."}})
	if err != nil {
		t.Fatalf("%v\n%s", err, block)
	}
	s, err := store.Build(conf)
	if err != nil {
		t.Fatalf("%v\n%s", err, block)
	}
	return s
}

// client makes a query of a client for a name in example.org.
func client(name string, rrtype uint16, who *policy.Who) *explain.Query {
	return &explain.Query{
		Name: name + ".example.org.", Type: rrtype, Now: time.Now(), From: explain.FromAsked, Client: who.Network.Addr().String(),
		Who: func(policy.Needs) *policy.Who { return who },
	}
}

func at(address string) *policy.Who {
	addr := netip.MustParseAddr(address)
	return &policy.Who{Network: netip.PrefixFrom(addr, addr.BitLen())}
}

// setDown makes targets down.
func setDown(s *store.Store, isDown func(target int) bool, now time.Time) {
	s.Verdicts.UpdateAll(func(target int) bool { return !isDown(target) }, now)
}

// TestExplainedAnswerIsTheNext guards the one promise of an explanation: it tells what happens. In
// 10,000 random configurations, with random verdicts, the client's next query gets the explained
// answer, and each stage begins with the values that the stage before left.
func TestExplainedAnswerIsTheNext(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		block := randomBlock(random)
		s := build(t, block)
		for range 2 {
			share := random.Float64()
			setDown(s, func(int) bool { return random.Float64() < share }, time.Now())
			who := randomClient(random)
			rrtype := dns.TypeA
			if strings.Contains(block, "CNAME") {
				rrtype = dns.TypeCNAME
			}
			q := client("app", rrtype, who)
			q.Class = turn.Class(random.IntN(int(turn.Classes)))
			d := explain.Of(s, q)
			set := setOf(s)
			want := set.Take(s.Verdicts.Board(), q.Class, who, nil)
			texts := make([]string, len(want.Order))
			for i, value := range want.Order {
				texts[i] = set.Value(int(value))
			}
			if strings.Contains(block, "order random") { // each answer is a draw
				for _, text := range texts {
					if slices.ContainsFunc(d.Stages, func(stage explain.Stage) bool { return hasRemoved(stage, text) }) {
						t.Fatalf("answered %q, which is explained to be out:\n%s\n%s", text, block, d.Text())
					}
				}
				checkStages(t, block, d)
				continue
			}
			if !slices.Equal(d.Answer, texts) || d.Scope != want.Scope {
				t.Fatalf("explained %q scope %d, answered %q scope %d:\n%s\n%s", d.Answer, d.Scope, texts, want.Scope, block, d.Text())
			}
			checkStages(t, block, d)
		}
	}
}

// setOf returns the set of app.example.org.
func setOf(s *store.Store) *policy.Set {
	for rrset, set := range s.All() {
		if rrset.Name == "app.example.org." {
			if rrset.Type == dns.TypeCNAME {
				return s.CNAMEs(s.Table.Lookup(rrset.Name, dns.TypeCNAME).RRset).For(dns.TypeCNAME)
			}
			return set
		}
	}
	return nil
}

func hasRemoved(stage explain.Stage, value string) bool {
	if strings.HasPrefix(stage.Detail, "all_down all") { // what is removed comes back
		return false
	}
	return slices.ContainsFunc(stage.Removed, func(removed explain.Removed) bool { return removed.Value == value })
}

func checkStages(t *testing.T, block string, d *explain.Document) {
	t.Helper()
	isOpen := false
	for i, stage := range d.Stages {
		isOpen = isOpen || strings.HasPrefix(stage.Detail, "all_down all")
		if i > 0 && stage.In != d.Stages[i-1].Out && (!isOpen || stage.Stage != "tier") {
			t.Fatalf("%s begins with %d values, but %s left %d:\n%s\n%s", stage.Stage, stage.In, d.Stages[i-1].Stage, d.Stages[i-1].Out, block, d.Text())
		}
		if stage.Stage != "limit" && stage.In-stage.Out != len(stage.Removed) {
			t.Fatalf("%s: %d values in, %d out, %d removed:\n%s", stage.Stage, stage.In, stage.Out, len(stage.Removed), block)
		}
	}
	if last := d.Stages[len(d.Stages)-1]; last.Stage == "limit" && last.Out != len(d.Answer) {
		t.Fatalf("limit leaves %d values, the answer has %d", last.Out, len(d.Answer))
	}
}

// randomBlock returns a block with one record, which has some of all options.
func randomBlock(random *rand.Rand) string {
	var b strings.Builder
	chance := func(share float64, format string, args ...any) {
		if random.Float64() < share {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	b.WriteString("roundrobin53 {\nnetwork office 10.0.0.0/8\ncheck a http://:80/\ncheck b tcp://:81\ncheck two 1 of a b\ncheck low 2 of a b {\ninvert\n}\nrecord app ")
	order := []string{"round_robin", "random", "sticky", "nearest"}[random.IntN(4)]
	isCNAME, isPlain := random.IntN(5) == 0, random.IntN(4) == 0
	if isCNAME {
		b.WriteString("CNAME {\norder " + order + "\n")
	} else {
		b.WriteString("A {\norder " + order + "\n")
	}
	if !isCNAME {
		chance(0.5, "answers %s\n", []string{"1", "2", "line", "all"}[random.IntN(4)])
	}
	chance(0.3, "all_down none\n")
	isTiered := !isPlain && random.IntN(2) == 0
	if isTiered {
		chance(0.5, "min_up 2\n")
		chance(0.3, "failback 60s\n")
	}
	fixed := random.IntN(2) == 0
	for i := range 2 + random.IntN(5) {
		writeValues(random, &b, i, isCNAME)
		if order == "nearest" {
			fmt.Fprintf(&b, " at %d,%d", random.IntN(80), random.IntN(3)*50)
		}
		if isTiered {
			fmt.Fprintf(&b, " priority %d", 1+i%2)
		}
		if !isPlain {
			target := "" // a CNAME has no address to connect to
			if isCNAME {
				target = " target 192.0.2.1"
			}
			chance(0.7, "check %s%s", []string{"a", "b", "a b", "two", "low"}[random.IntN(5)], target)
			chance(0.4, "from %s", []string{"office", "10.1.0.0/16", "10.1.2.0/24 2001:db8::/32", "192.0.2.0/24"}[random.IntN(4)])
			chance(0.3, "geo %s", []string{"DE", "US-CA", "europe", "DE US"}[random.IntN(4)])
			chance(0.2, "drain")
			if fixed && order != "nearest" {
				fmt.Fprintf(&b, " weight %d", random.IntN(4))
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n}\n")
	return b.String()
}

func writeValues(random *rand.Rand, b *strings.Builder, line int, isCNAME bool) {
	if isCNAME {
		fmt.Fprintf(b, "value c%d.example.net.", line)
		return
	}
	b.WriteString("value")
	for i := range 1 + random.IntN(3) {
		fmt.Fprintf(b, " 192.0.%d.%d", line, i)
	}
}

func randomClient(random *rand.Rand) *policy.Who {
	who := at([]string{"10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.77", "2001:db8::1", "203.0.113.5"}[random.IntN(6)])
	who.Subnet = random.IntN(2) == 0
	who.Places = []route.Places{{}, route.NewPlaces("", "EU", "DE", "BE"), route.NewPlaces("", "NA", "US", "CA"), route.NewPlaces("", "EU", "", "")}[random.IntN(4)]
	if random.IntN(2) == 0 {
		who.Point, who.Located = pool.PointAt(float64(random.IntN(80)), float64(random.IntN(90))), true
	}
	return who
}

const sample = `roundrobin53 {
network office 10.0.0.0/8
check web http://:8080/
record app 30 A check web {
value 10.1.0.1 weight 3 from office
value 10.1.0.2 10.1.0.3 weight 1 from office
value 10.1.0.4 weight 1 from office priority 2
value 192.0.2.9 drain
value 192.0.2.1 192.0.2.2
min_up 2
}
record www CNAME app
record cdn CNAME elsewhere.example.net.
record mail MX 10 mx.example.net.
record plain A 192.0.2.1 192.0.2.2 192.0.2.3 answers 2
}`

type probeError string

func (e probeError) Error() string { return string(e) }

// targetOf returns the target of a value.
func targetOf(s *store.Store, value string) int {
	for _, w := range s.Watches {
		if w.Value == value {
			return w.Target
		}
	}
	return -1
}

// TestText guards what operators read: every stage that did something, with its reason and line.
func TestText(t *testing.T) {
	s := build(t, sample)
	lost := targetOf(s, "10.1.0.3")
	now := time.Now()
	setDown(s, func(target int) bool { return target == lost }, now)
	q := client("www", dns.TypeA, at("10.1.2.3"))
	q.Now = now
	q.Probe = func(target int) explain.Probe {
		if target != lost {
			return explain.Probe{}
		}
		return explain.Probe{Since: now.Add(-252 * time.Second), Reason: probeError("connect: connection refused")}
	}
	got := explain.Of(s, q).Text()
	for _, want := range []string{
		"www.example.org. A for 10.1.2.3\n  answer   app.example.org.",
		"app.example.org. A for 10.1.2.3\n  7 values                                              Corefile:5\n",
		"  drain    - 192.0.2.9                                  drained at Corefile:8\n",
		"  route    office: 4 of 6\n",
		"           - 192.0.2.1                                  for default\n",
		"  health   - 10.1.0.3                                   down for 4m12s, check web: connect: connection refused\n",
		"  tier     priority 1: 2 of 3 up                        min_up 2\n           - 10.1.0.4                                   priority 2\n",
		"  order    order round_robin, weights 3:1               next first: 10.1.0.",
		"  limit    1\n  answer   10.1.0.",
		" ttl 30\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing:\n%s\nin:\n%s", want, got)
		}
	}
}

// TestWithoutStages guards the answers that are not chosen.
func TestWithoutStages(t *testing.T) {
	s := build(t, sample)
	for _, row := range []struct {
		name   string
		rrtype uint16
		rcode  string
		want   string
	}{
		{"mail", dns.TypeMX, "NOERROR", "10 mx.example.net."},
		{"mail", dns.TypeA, "NOERROR", "NODATA"},
		{"app", dns.TypeANY, "NOERROR", "HINFO"},
		{"none", dns.TypeA, "NXDOMAIN", "nothing has the name"},
		{"cdn", dns.TypeA, "NOERROR", "asked for elsewhere"},
		{"cdn", dns.TypeCNAME, "NOERROR", "elsewhere.example.net."},
		{"plain", dns.TypeA, "NOERROR", "limit    2"},
	} {
		d := explain.Of(s, client(row.name, row.rrtype, at("192.0.2.7")))
		if text := d.Text(); d.Rcode != row.rcode || !strings.Contains(text, row.want) {
			t.Errorf("%s %d: %s, want %s with %q in:\n%s", row.name, row.rrtype, d.Rcode, row.rcode, row.want, text)
		}
	}
	q := client("app", dns.TypeA, at("192.0.2.7"))
	q.Name = "example.com."
	if d := explain.Of(s, q); d.Rcode != "REFUSED" {
		t.Errorf("another zone: %s", d.Rcode)
	}
	if q.HasNext = true; explain.Of(s, q).Rcode != "" {
		t.Error("another zone, and another plugin: its answer is not known here")
	}
}

// TestDocument guards the names of the fields, which programs read.
func TestDocument(t *testing.T) {
	s := build(t, sample)
	text, err := json.Marshal(explain.Of(s, client("app", dns.TypeA, at("10.1.2.3"))))
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.FieldsSeq(`"version":1 "name":"app.example.org." "type":"A" "client":"10.1.2.3" "client_from":"asked" "rcode":"NOERROR" ` +
		`"ttl":30 "scope":0 "answer":["10. "stages":[{"stage":"drain","in":7,"out":6,"removed":[{"value":"192.0.2.9","why":"drained "note":"office: "detail": "source":"Corefile:8"`) {
		if !strings.Contains(string(text), field) {
			t.Errorf("%s is missing in %s", field, text)
		}
	}
}
