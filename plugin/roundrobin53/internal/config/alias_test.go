package config

import (
	"testing"

	"github.com/miekg/dns"
)

// TestAliasOfOneFamily guards names whose families come from different names.
func TestAliasOfOneFamily(t *testing.T) {
	const directive = `roundrobin53 {
		record old 192.0.2.1 2001:db8::1
		record new 192.0.2.2 2001:db8::2
		record @ ALIAS old A
		record @ ALIAS new aaaa
		record mixed ALIAS new A
		record mixed AAAA 2001:db8::9
		record far ALIAS @
	}`
	for _, row := range []struct {
		name   string
		rrtype uint16
		want   string
	}{
		{"example.org.", dns.TypeA, "192.0.2.1"},
		{"example.org.", dns.TypeAAAA, "2001:db8::2"},
		{"mixed.example.org.", dns.TypeA, "192.0.2.2"},
		{"mixed.example.org.", dns.TypeAAAA, "2001:db8::9"},
		{"far.example.org.", dns.TypeA, "192.0.2.1"},
		{"far.example.org.", dns.TypeAAAA, "2001:db8::2"},
	} {
		rrset := rrsetOf(t, directive, row.name, row.rrtype)
		if rrset == nil || rrset.Endpoints() != 1 || rrset.Value(0) != row.want {
			t.Errorf("%s %s: %+v, want %s", row.name, dns.TypeToString[row.rrtype], rrset, row.want)
		}
	}
}
