package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/cli"
	"github.com/roundrobin53/roundrobin53/test/server"
)

const route53Data = "plugin/roundrobin53/internal/route53/testdata"

// importedFrom are the clients that ask imported zones.
var importedFrom = []string{
	server.FromCalifornia, server.FromNewYork, server.FromUS, server.FromCanada, server.FromGermany, server.FromLondon, server.FromTenGermany, server.FromNowhere,
}

// askerIn is the client in a network.
func askerIn(network string) *asking {
	c := &asking{network: netip.MustParsePrefix(network)}
	for _, location := range server.Locations {
		if netip.MustParsePrefix(location.Network).Contains(c.network.Addr()) {
			c.Location = location
		}
	}
	return c
}

// TestImportedPolicies is the proof of `coredns import`: what it makes of record sets of every policy, and of trees of them,
// answers as Route 53 does, to every client and with every set of endpoints down.
func TestImportedPolicies(t *testing.T) {
	for _, dir := range []string{"policies", "trees"} {
		t.Run(dir, func(t *testing.T) {
			checkImported(t, server.Path(filepath.Join(route53Data, dir)), allSubsets("a b c e"))
		})
	}
}

// TestImportedZone does the same with a large zone in which everything is mixed.
func TestImportedZone(t *testing.T) {
	dir := t.TempDir()
	writeMixedZone(t, dir, 400, 1)
	checkImported(t, dir, []string{"", "a", "b c", "a b c", "c e f", "a b c e f"})
}

// allSubsets are the texts of some of the words of a text.
func allSubsets(text string) []string {
	subsets := []string{""}
	for word := range strings.FieldsSeq(text) {
		for _, subset := range slices.Clone(subsets) {
			subsets = append(subsets, strings.TrimSpace(subset+" "+word))
		}
	}
	return subsets
}

// checkImported imports a zone and asks it for all that it has, with endpoints down.
func checkImported(t *testing.T, dir string, downs []string) {
	t.Helper()
	z := readRoute53(t, dir)
	target := server.StartTarget(t)
	for _, down := range downs {
		t.Run("without "+down, func(t *testing.T) {
			target.Set(server.Pass, "a b c e f")
			target.Set(server.Fail, down)
			corefile := importDir(t, watching(t, dir, target, down))
			s := server.Serve(t, strings.NewReplacer("example.com {", "example.com:0 {", "    reload\n", "").Replace(corefile))
			m := &moment{route53Zone: z, down: down}
			server.AwaitDown(t, s, m.downChecks(corefile))
			checkAllOutcomes(t, asks(s), m, corefile)
		})
	}
}

// An exchanger sends a query over a network, and returns the answer.
type exchanger func(t *testing.T, network string, m *dns.Msg) *dns.Msg

// asks returns the exchanger of a server.
func asks(s *server.Server) exchanger {
	return func(t *testing.T, network string, m *dns.Msg) *dns.Msg { return server.Send(t, s, network, m) }
}

// checkAllOutcomes asks for all that a zone has, as every client.
func checkAllOutcomes(t *testing.T, ask exchanger, m *moment, corefile string) {
	t.Helper()
	asked := 0
	for key := range m.groups {
		if isLeftOut(corefile, key) {
			continue
		}
		asked++
		for _, network := range importedFrom {
			m.client = askerIn(network)
			if m.client.located() || !m.goesByDistance(key) {
				checkOutcomes(t, ask, m, key)
			}
		}
	}
	if asked < len(m.groups)/2 {
		t.Errorf("asked for %d of %d names: too much is left out", asked, len(m.groups))
	}
}

// isLeftOut reports whether a Corefile says that it lacks record sets of a name and a type.
func isLeftOut(corefile string, key [2]string) bool {
	return strings.Contains(corefile, fmt.Sprintf("# left out: %s %s", key[0], key[1]))
}

// downChecks are the checks of a Corefile that are down, as their names there.
func (m *moment) downChecks(corefile string) string {
	var names []string
	for id, check := range m.checks {
		name := "hc-" + id[:8]
		if check.HealthCheckConfig.Type != "CALCULATED" && strings.Contains(corefile, "check "+name+" ") && !m.isHealthy(id) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// watching copies a directory, with health checks that watch the endpoints of a target.
func watching(t *testing.T, dir string, target *server.Target, down string) string {
	t.Helper()
	copied := t.TempDir()
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		checks, _ := all["HealthChecks"].([]any)
		for _, check := range checks {
			check := check.(map[string]any)
			conf := check["HealthCheckConfig"].(map[string]any)
			port := target.Port("http")
			switch kind := conf["Type"]; {
			case kind == "CALCULATED":
				continue
			case kind == "TCP" && slices.Contains(strings.Fields(down), check["CallerReference"].(string)):
				port = target.Port("refused")
			}
			conf["IPAddress"] = "127.0.0.1"
			conf["Port"], _ = strconv.Atoi(port)
		}
		data, _ = json.Marshal(all)
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(name)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

// importDir runs coredns import with the JSON files of a directory, and returns what it writes.
func importDir(t *testing.T, dir string) string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	args := append([]string{"import", "-geoip", server.GeoDatabasePath(t)}, names...)
	var out, errors strings.Builder
	if code := cli.Run(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errors}); code == cli.Misused {
		t.Fatal(errors.String())
	}
	return out.String()
}

// checkOutcomes asks for a name until the shares show.
func checkOutcomes(t *testing.T, exchange exchanger, m *moment, key [2]string) {
	t.Helper()
	qtype := dns.StringToType[key[1]]
	if qtype != dns.TypeA && qtype != dns.TypeAAAA && qtype != dns.TypeCNAME {
		return // TestImportedData asks for those
	}
	want := m.answer(key)
	name := strings.ReplaceAll(key[0], `\052`, "any")
	ask := func() string {
		q := server.WithOPT(server.Question(name, qtype), 0, server.SubnetOption(m.client.network.String()))
		values := server.AnsweredValues(exchange(t, "udp", q))
		slices.Sort(values)
		return strings.Join(values, " ")
	}
	period := periodOf(want)
	first, second := make(map[string]int64), make(map[string]int64)
	for range period {
		first[ask()]++
	}
	for range period {
		second[ask()]++
	}
	// The cycle of turns slips from time to time, but not twice within two periods.
	if !want.are(first, period) && !want.are(second, period) {
		t.Errorf("%v from %s, down %q: in %d answers came %v, and %v in as many more; want shares %v", key, m.client.network, m.down, period, first, second, want)
	}
}

// periodOf is the number of answers in which all shares are whole.
func periodOf(shares outcomes) int64 {
	period := big.NewInt(1)
	for _, share := range shares {
		gcd := new(big.Int).GCD(nil, nil, period, share.Denom())
		period.Mul(period, new(big.Int).Div(share.Denom(), gcd))
	}
	return period.Int64()
}

// are reports whether answers came by their shares.
func (o outcomes) are(got map[string]int64, period int64) bool {
	wanted := make(map[string]int64)
	for values, share := range o {
		if rest, ok := strings.CutPrefix(values, "8 of "); ok {
			return isEightOf(got, strings.Fields(rest))
		}
		wanted[canonicalValues(values)] = new(big.Rat).Mul(share, big.NewRat(period, 1)).Num().Int64()
	}
	return maps.Equal(got, wanted)
}

// canonicalValues are values with names as answers have them.
func canonicalValues(values string) string {
	words := strings.Fields(values)
	for i, word := range words {
		if _, err := netip.ParseAddr(word); err != nil {
			words[i] = dns.Fqdn(word)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func isEightOf(got map[string]int64, of []string) bool {
	for values := range got {
		words := strings.Fields(values)
		if len(slices.Compact(words)) != 8 || slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(of, word) }) {
			return false
		}
	}
	return true
}

// TestImportedData asks for records of all types: their data are those of the JSON.
func TestImportedData(t *testing.T) {
	dir := server.Path(filepath.Join(route53Data, "types"))
	z := readRoute53(t, dir)
	corefile := importDir(t, dir)
	s := server.Serve(t, strings.NewReplacer("example.com {", "example.com:0 {", "    reload\n", "").Replace(corefile))
	checkData(t, asks(s), z, corefile)
}

// checkData asks for the records of all record sets without a policy.
func checkData(t *testing.T, exchange exchanger, z *route53Zone, corefile string) {
	t.Helper()
	for key := range z.groups {
		if key[1] == "SOA" || isLeftOut(corefile, key) {
			continue
		}
		m := exchange(t, "tcp", server.Question(inDecimal(key[0]), dns.StringToType[key[1]]))
		var got []string
		for _, rr := range append(m.Answer, m.Ns...) {
			if rr.Header().Rrtype == dns.StringToType[key[1]] {
				got = append(got, dataText(rr))
			}
		}
		slices.Sort(got)
		if want := z.wantedData(t, key); !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q\n%s", key, got, want, server.ReplyText(m))
		}
	}
}

// TestImportedPage guards the example of docs/from-route53.md: the block is what the JSON becomes.
func TestImportedPage(t *testing.T) {
	page := server.ReadFile(t, "docs/from-route53.md")
	var out, errors strings.Builder
	cli.Run([]string{"import", "-"}, cli.Streams{In: strings.NewReader(server.Fences(page, "json")[0]), Out: &out, Err: &errors})
	if !strings.Contains(page, "\n~~~ txt\n"+out.String()+"~~~\n") {
		t.Errorf("the page has not what is made of its JSON:\n%s%s", &out, &errors)
	}
}
