package status

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
)

// TestExplain guards how an explanation is asked for, and the forms it has.
func TestExplain(t *testing.T) {
	b, _ := served(t, everything, "example.org.", "example.net.")
	office, _ := served(t, "roundrobin53 {\nrecord www 192.0.2.1\n}", "example.net.")
	office.View = "office"
	for _, block := range []*Block{b, office} {
		block.Explain = func(name string, rrtype uint16, client netip.Prefix) *explain.Document {
			return &explain.Document{
				Version: explain.Version, Name: name, Type: dns.TypeToString[rrtype], Client: client.String(), Rcode: "NOERROR", Answer: []string{"view <" + block.View + ">"},
				Stages: []explain.Stage{{Stage: "drain", In: 2, Out: 1, Removed: []explain.Removed{{Value: "192.0.2.9", Why: "drained"}}}},
			}
		}
	}
	h := pageOf(b, office)
	for _, c := range []struct {
		query, accept string
		code          int
		kind, says    string
	}{
		{"name=app.example.org", "", 200, "text/plain", "192.0.2.9"},
		{"name=App.Example.Org.&type=aaaa&client=10.1.2.3", "application/json", 200, "application/json", `"name":"app.example.org.","type":"AAAA"`},
		{"name=app.example.org&client=10.1.2.3/8", "application/json", 200, "application/json", `"client":"10.0.0.0/8"`},
		{"name=app.example.org", "application/json", 200, "application/json", `"client":"192.0.2.1/32"`},
		{"name=app.example.org", "text/html,application/xhtml+xml,*/*;q=0.8", 200, "text/html", "view &lt;&gt;"},
		{"name=app.example.org", "text/html;q=0.1, application/json;q=0.9", 200, "application/json", ""},
		{"name=app.example.org", "*/*", 200, "text/plain", ""},
		{"name=www.example.net", "", 400, "text/plain", "view=office of server=dns://example.net.:53"},
		{"name=www.example.net&view=office", "application/json", 200, "application/json", "office"},
		{"name=app.example.net&server=dns://example.org.:53", "", 200, "text/plain", ""},
		{"name=app.example.org&view=none", "", 404, "text/plain", `no server block here has the view "none"; the views are "", "office"`},
		{"name=app.example.org&server=none", "", 404, "text/plain", `no server block here has the key "none"; the keys are dns://`},
		{"name=www.example.com", "", 404, "text/plain", "example.org., example.net."},
		{"", "", 400, "text/plain", "name=NAME"},
		{"name=app.example.org&type=APP", "", 400, "text/plain", `"APP"`},
		{"name=app.example.org&client=office", "", 400, "text/plain", `"office"`},
		{"name=app.example.org&client=10.0.0.0/33", "", 400, "text/plain", `"10.0.0.0/33"`},
		{"name=app.example.org&client=fe80::1%25eth0", "", 400, "text/plain", "client"},
		{"name=app.example.org&qtype=A", "", 400, "text/plain", "name, type, client, view, server"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/explain?"+c.query, nil)
		r.Host = "localhost:8053"
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"), " ", w.Body)
		if !strings.HasPrefix(got, fmt.Sprint(c.code, " ", c.kind)) || !strings.Contains(got, c.says) {
			t.Errorf("%s, Accept %q: %s, want %d %s with %s", c.query, c.accept, got, c.code, c.kind, c.says)
		}
	}
}
