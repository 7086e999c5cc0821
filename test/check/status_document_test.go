package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// documentFields are the fields of /status.json: what reads the document relies on each of them.
const documentFields = `
version time
instance instance.started instance.corefile instance.coredns instance.roundrobin53
zones zones.zone zones.view zones.server zones.bind zones.serial zones.overlay zones.rrsets
zones.rrsets.name zones.rrsets.type zones.rrsets.ttl zones.rrsets.order zones.rrsets.answers zones.rrsets.by_line
zones.rrsets.alias zones.rrsets.source zones.rrsets.groups zones.rrsets.values
zones.rrsets.groups.for zones.rrsets.groups.tier zones.rrsets.groups.state zones.rrsets.groups.failback_left
zones.rrsets.groups.next zones.rrsets.groups.candidates
zones.rrsets.values.value zones.rrsets.values.from_name zones.rrsets.values.weight zones.rrsets.values.priority
zones.rrsets.values.from zones.rrsets.values.geo zones.rrsets.values.at zones.rrsets.values.state
zones.rrsets.values.since zones.rrsets.values.share zones.rrsets.values.given zones.rrsets.values.first_picks
zones.rrsets.values.override zones.rrsets.values.source zones.rrsets.values.checks
zones.rrsets.values.checks.check zones.rrsets.values.checks.state zones.rrsets.values.checks.since
zones.rrsets.values.checks.reason zones.rrsets.values.checks.duration
lookups lookups.name lookups.type lookups.resolver lookups.result lookups.since lookups.age lookups.ttl lookups.reason lookups.addresses
lookups.left lookups.sources
`

// TestStatusDocumentFields guards programs that read the document: it has all fields that are listed here, and the README has
// the same.
func TestStatusDocumentFields(t *testing.T) {
	n, signs, address := nameserver.Start(t), server.StartTarget(t), "127.0.0.1:"+server.FreePort(t)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	server.Serve(t, "fields.example:0 {\nroundrobin53 {\nstatus "+address+"\nresolver "+n.Address+"\nrecord app A lb.example.net. check web metrics\n"+signs.Checks("web")+"}\n}\n")
	client := statusClient(t)
	var served string
	server.Eventually(t, "the document has a value that was looked up", func() bool {
		_, served, _ = getStatus(t, client, address, "/status.json")
		return strings.Contains(served, `"from_name":"lb.example.net."`)
	})
	want := slices.Sorted(slices.Values(strings.Fields(documentFields)))
	for what, document := range map[string]string{"the document": served, "the README": server.Fences(server.ReadFile(t, "README.md"), "json")[0]} {
		got := fieldsOf(t, document)
		for _, field := range want {
			if !slices.Contains(got, field) {
				t.Errorf("%s lacks %s", what, field)
			}
		}
		for _, field := range got {
			if !slices.Contains(want, field) {
				t.Errorf("%s has %s, which is not listed here", what, field)
			}
		}
	}
}

// fieldsOf returns the paths of all fields of a JSON document, in order.
func fieldsOf(t *testing.T, document string) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	fields := make(map[string]bool)
	var walk func(prefix string, value any)
	walk = func(prefix string, value any) {
		switch value := value.(type) {
		case []any:
			for _, element := range value {
				walk(prefix, element)
			}
		case map[string]any:
			for name, field := range value {
				fields[prefix+name] = true
				walk(prefix+name+".", field)
			}
		}
	}
	walk("", value)
	return slices.Sorted(maps.Keys(fields))
}

// TestStatusSources guards the way from what is shown to the line of the Corefile: for records of all types, and for names
// that have the addresses of another.
func TestStatusSources(t *testing.T) {
	address := "127.0.0.1:" + server.FreePort(t)
	server.Start(t, `example.org:0 {
	roundrobin53 {
		status `+address+`
		soa ns1 hostmaster
		ns ns1 192.0.2.53
		record @ MX 10 mail
		record @ MX 20 mail
		record @ ALIAS app
		record app A {
			value 192.0.2.1 weight 3
			value 192.0.2.2
		}
		record mail 192.0.2.25
		record www ALIAS app A
		record www AAAA 2001:db8::1
		record www TXT "one"
		record sub NS ns.example.net.
		record blue CNAME app
		record lb CNAME {
			value a.example.net. weight 1
			value b.example.net. weight 1
		}
		record far ALIAS lb.example.net.
		resolver 127.0.0.1:9
	}
}
`)
	code, body, _ := getStatus(t, statusClient(t), address, "/status.json")
	var d struct {
		Zones []struct {
			RRsets []struct {
				Name, Type, Alias, Source string
				Values                    []struct{ Source string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &d); code != http.StatusOK || err != nil {
		t.Fatalf("%d, %v\n%s", code, err, body)
	}
	got := make(map[string]string)
	for _, r := range d.Zones[0].RRsets {
		text := strings.TrimSpace(r.Alias + " " + r.Source)
		for _, v := range r.Values {
			text += " " + v.Source
		}
		got[r.Name+" "+r.Type] = strings.ReplaceAll(text, "Corefile:", "")
	}
	want := map[string]string{
		"example.org. SOA":        "4 4",
		"example.org. NS":         "5 5",
		"ns1.example.org. A":      "5 5",
		"example.org. MX":         "6 6 7",
		"example.org. A":          "app.example.org. 8 10 11",
		"app.example.org. A":      "9 10 11",
		"mail.example.org. A":     "13 13",
		"www.example.org. A":      "app.example.org. 14 10 11",
		"www.example.org. AAAA":   "15 15",
		"www.example.org. TXT":    "16 16",
		"sub.example.org. NS":     "17 17",
		"blue.example.org. CNAME": "18 18",
		"lb.example.org. CNAME":   "19 20 21",
		"far.example.org. A":      "lb.example.net. 23",
		"far.example.org. AAAA":   "lb.example.net. 23",
	}
	if !maps.Equal(got, want) {
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				t.Errorf("%s: %q, want %q", name, got[name], want[name])
			}
		}
		t.Errorf("got %s", strings.ReplaceAll(fmt.Sprintf("%q", got), `" "`, "\"\n\""))
	}
	_, page, _ := getStatus(t, statusClient(t), address, "/?q=example")
	for _, want := range []string{"ALIAS <span class=\"value\">app.example.org.</span>", "Corefile:6", "Corefile:7", "Corefile:17"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
}
