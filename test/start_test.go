package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFallthroughToNobody guards against SERVFAIL where there is no next plugin: the zone answers itself, and says at
// start that the line has no effect.
func TestFallthroughToNobody(t *testing.T) {
	s := server.Start(t, "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\nfallthrough\n}\n}")
	if m := s.Ask("nope.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
		t.Errorf("a name that does not exist: got\n%s\nwant NXDOMAIN", m)
	}
	if want := "fallthrough: no plugin of this block comes behind roundrobin53"; !strings.Contains(s.Log(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.Log())
	}
}

// TestStartIsLogged reads the line that says what is served.
func TestStartIsLogged(t *testing.T) {
	s := server.Start(t, "example.org:0 example.net:0 {\nroundrobin53 {\nrecord app 192.0.2.1 192.0.2.2 2001:db8::1\nrecord @ MX 10 app\n}\n}")
	want := "[INFO] plugin/roundrobin53: dns://example.org.:0 dns://example.net.:0: zones 2, names 4, values 8\n"
	if !strings.Contains(s.Log(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.Log())
	}
	if strings.Contains(s.Log(), "[WARNING]") {
		t.Errorf("warnings without a reason:\n%s", s.Log())
	}
}

// TestOverlayWithSOA guards a soa line where the zone falls through: the apex has what its lines say, an SOA too.
func TestOverlayWithSOA(t *testing.T) {
	s := server.Start(t, "example.org:0 {\nroundrobin53 {\nsoa ns1 hostmaster\nrecord app A 192.0.2.1\nfallthrough\n}\nwhoami\n}")
	m := s.Ask("example.org", dns.TypeSOA)
	if len(m.Answer) != 1 || m.Answer[0].(*dns.SOA).Ns != "ns1.example.org." {
		t.Errorf("the SOA of the apex: got\n%s\nwant the one given", m)
	}
}

// TestLargeCorefile starts 100,000 records, enough for the memory of reading them to be given back.
func TestLargeCorefile(t *testing.T) {
	const names, values = 12_500, 8
	var corefile strings.Builder
	corefile.WriteString("example.org:0 {\nroundrobin53 {\n")
	for i := range names {
		fmt.Fprintf(&corefile, "record name%d A", i)
		for j := range values {
			fmt.Fprintf(&corefile, " 10.%d.%d.%d", i>>8, i&255, j)
		}
		corefile.WriteByte('\n')
	}
	corefile.WriteString("}\n}\n")
	s := server.Start(t, corefile.String())
	if want := "zones 1, names 12500, values 100000\n"; !strings.Contains(s.Log(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.Log())
	}
	if got := server.Addresses(s.Ask("name12499.example.org", dns.TypeA)); len(got) != values || !strings.HasPrefix(got[0], "10.48.211.") {
		t.Errorf("the last name: %v", got)
	}
}

// TestWarningsAreLimited guards the log against a Corefile with one wrong habit on every line.
func TestWarningsAreLimited(t *testing.T) {
	var corefile strings.Builder
	corefile.WriteString("example.org:0 {\nroundrobin53 {\n")
	for i := range 15 {
		fmt.Fprintf(&corefile, "record sub%d NS ns1.example.net.\nrecord x.sub%d TXT hidden\n", i, i)
	}
	corefile.WriteString("}\n}\n")
	s := server.Start(t, corefile.String())
	if got := strings.Count(s.Log(), "lies below a delegation"); got != 10 {
		t.Errorf("%d warnings, want 10:\n%s", got, s.Log())
	}
	if !strings.Contains(s.Log(), "and 5 more like the last") {
		t.Errorf("the others are not counted:\n%s", s.Log())
	}
}

// A name from outside that is not UTF-8 is an error with its place, at the start and in a reload, and no panic of the
// metrics library: names of checks and networks, targets, and the view of the block, which other plugins make labels of.
func TestNamesThatAreNotUTF8(t *testing.T) {
	t.Setenv("LATIN1", "b\xfcro")
	block := func(view, lines string) string {
		return "example.org:0 {\nprometheus 127.0.0.1:0\n" + view + "\nroundrobin53 {\nrecord www A 192.0.2.1 metrics\n" + lines + "\n}\n}\n"
	}
	s := server.Start(t, block("", ""))
	for _, c := range []struct{ name, corefile, want string }{
		{"view", block("view {$LATIN1} {\nexpr true\n}", ""), `Corefile:6 - Error during parsing: roundrobin53: the view of the server block is called "b\xfcro"`},
		{"check", block("", "check {$LATIN1} tcp://:1"), `Corefile:6 - Error during parsing: check: "b\xfcro"`},
		{"network", block("", "network {$LATIN1} 192.0.2.0/24"), `Corefile:6 - Error during parsing: network: "b\xfcro"`},
		{"target", block("", "record web CNAME {$LATIN1} metrics"), `Corefile:6 - Error during parsing: record: CNAME: "b\xfcro"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Reload(c.corefile); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reload: got %v, want %s", err, c.want)
			}
			if got := server.StartError(t, c.corefile); !strings.Contains(got, c.want) {
				t.Errorf("start: got %s, want %s", got, c.want)
			}
		})
	}
	if got := server.Addresses(s.Ask("www.example.org", dns.TypeA)); len(got) != 1 {
		t.Errorf("after the reloads: got %v, want one address", got)
	}
}
