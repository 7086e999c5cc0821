//go:build linux

package fastpath

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastAllocatesNothing guards the reason for the fast path: an answer costs what the kernel takes for two packets.
func TestFastAllocatesNothing(t *testing.T) {
	places := "metadata\n geoip " + server.GeoDatabasePath(t) // of clients that have asked before
	for _, row := range []struct{ name, plugins, record string }{
		{"AAAA? NODATA", "", "record app 192.0.2.1"},
		{"MX? NODATA", "prometheus 127.0.0.1:0", "record app 192.0.2.1"},
		{"MX? MX, the addresses of its host too", "", "record app MX 10 mail\n record mail 192.0.2.1 192.0.2.2"},
		{"TXT? TXT", "", "record app TXT \"some text\""},
		{"HTTPS? HTTPS", "", "record app HTTPS 1 . alpn=h2\n record app 192.0.2.1 192.0.2.2"},
		{"NXDOMAIN", "", "record other 192.0.2.1"},
		{"NXDOMAIN and prometheus", "prometheus 127.0.0.1:0", "record other 192.0.2.1"},
		{"empty non-terminal", "", "record x.app 192.0.2.1"},
		{"ANY? HINFO", "", "record app 192.0.2.1"},
		{"CNAME", "", "record app CNAME web\n record web 192.0.2.1 192.0.2.2"},
		{"several CNAMEs", "", "record app CNAME web.example.org. other.example.org.\n record web 192.0.2.1 192.0.2.2\n record other 192.0.2.3"},
		{"CNAME to nowhere", "", "record app CNAME web"},
		{"referral", "", "record app NS ns.app.example.org.\n record ns.app 192.0.2.1"},
		{"from", "", "network here 127.0.0.0/8\n record app A {\n value 192.0.2.1 192.0.2.2 from here\n value 192.0.2.3\n}"},
		{"from, the values for all", "", "network there 203.0.113.0/24\n record app A {\n value 192.0.2.1 from there\n value 192.0.2.3\n}"},
		{"geo", places, "record app A {\n value 192.0.2.1 192.0.2.2 geo NZ\n value 192.0.2.3\n}"},
		{"nearest", places, "record app A order nearest {\n value 192.0.2.1 at 0,0\n value 192.0.2.3 at 50.11,8.68\n}"},
		{"sticky", "", "record app 192.0.2.1 192.0.2.2 192.0.2.3 order sticky"},
		{"round robin", "", "record app 192.0.2.1 192.0.2.2 192.0.2.3"},
		{"random", "", "record app 192.0.2.1 192.0.2.2 192.0.2.3 order random"},
		{"some of the values", "", "record app 192.0.2.1 192.0.2.2 192.0.2.3 answers 2"},
		{"wildcard", "", "record * 192.0.2.1 192.0.2.2"},
		{"weights", "", "record app A {\n value 192.0.2.1 192.0.2.2 weight 3\n value 192.0.2.3 weight 1\n answers 3\n}"},
		{"tiers", "", "record app A {\n value 192.0.2.1 192.0.2.2\n value 192.0.2.3 priority 2\n}"},
		{"first places", "", "record app 192.0.2.1 192.0.2.2 metrics"},
		{"prometheus and errors", "prometheus 127.0.0.1:0\n errors", "record app 192.0.2.1 192.0.2.2 192.0.2.3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, port := server.StartFast(t, "example.org:PORT {\n bind 127.0.0.1\n "+row.plugins+"\n roundrobin53 {\n fastpath\n "+row.record+"\n}\n}\n")
			address := "127.0.0.1:" + port
			qtype, _, isOther := strings.Cut(row.name, "?")
			if !isOther {
				qtype = "A"
			}
			m := server.Question("app.example.org.", dns.StringToType[qtype])
			m.SetEdns0(1232, false)
			if _, isFast := server.AskFast(t, address, m); !isFast {
				t.Fatal("the fast path does not answer")
			}
			query, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			conn, buf := server.Dial(t, address).Conn, make([]byte, 512)
			exchange := func() {
				if _, err := conn.Write(query); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(buf); err != nil {
					t.Fatal(err)
				}
			}
			if got := testing.AllocsPerRun(1000, exchange); got != 0 { // of the whole process
				t.Errorf("%v allocations for a query, want 0", got)
			}
		})
	}
}
