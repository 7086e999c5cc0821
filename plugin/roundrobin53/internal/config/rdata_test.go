package config

import (
	"testing"

	"github.com/miekg/dns"
)

// rrsetOf returns an RRset of a directive for example.org; nil if there is none.
func rrsetOf(t *testing.T, directive, name string, rrtype uint16) *RRset {
	t.Helper()
	conf, err := readText(directive)
	if err != nil {
		t.Fatal(err)
	}
	return conf.rrset(name, rrtype)
}

// TestTextEscapes guards texts with octets that can't be written plainly.
func TestTextEscapes(t *testing.T) {
	for _, row := range []struct{ written, want string }{
		{`plain`, "plain"},
		{`"say \"hi\""`, `say "hi"`},
		{`"C:\\dir"`, `C:\dir`},
		{`a\010b`, "a\nb"},
		{`\000\255`, "\x00\xff"},
		{`\123$NAME}`, "{$NAME}"},
		{`\;\a\\100`, `;a\100`},
		{`é`, "é"},
	} {
		rrset := rrsetOf(t, "roundrobin53 {\nrecord app TXT "+row.written+"\n}", "app.example.org.", dns.TypeTXT)
		var wire [512]byte
		end, err := dns.PackRR(rrset.RRs[0], wire[:], 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		want := string(rune(len(row.want))) + row.want
		if got := string(wire[end-len(want) : end]); got != want {
			t.Errorf("%s: %q, want %q", row.written, got, want)
		}
	}
}
