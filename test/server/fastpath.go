//go:build linux

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ReloadableFast is a Corefile with fastpath or without, some other directives, and a record that is different each time.
func ReloadableFast(isFast bool, directives string, version int) string {
	option := ""
	if isFast {
		option = "fastpath"
	}
	return fmt.Sprintf(`example.org:PORT {
		bind 127.0.0.1
		%s
		roundrobin53 {
			%s
			%s
			record version A 198.51.100.%d
			record v%d A 192.0.2.1
		}
	}
	`, directives, option, ThreeRecord, version%250, version)
}

// StartFast runs a server from a Corefile whose port is written PORT: the fast path needs one that is known beforehand.
// It returns when the fast path has told what comes of it, unless that is not asked for.
func StartFast(t *testing.T, corefile string) (s *Server, port string) {
	t.Helper()
	var err error
	for range 10 { // somebody may take the port before the server does
		port = FreePort(t)
		if s, err = TryStart(t, strings.ReplaceAll(corefile, "PORT", port)); err == nil {
			awaitFast(t, s, 0, strings.Contains(corefile, "fastpath"))
			return s, port
		}
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	t.Fatalf("start: %v\n%s", err, corefile)
	return nil, ""
}

// awaitFast waits until the log of s tells, behind an offset, what comes of the fast path: from then on each query goes
// its final way.
func awaitFast(t *testing.T, s *Server, offset int, isAsked bool) {
	t.Helper()
	if isAsked {
		Eventually(t, "the log tells of the fast path", func() bool { return strings.Contains(s.Log()[offset:], "fastpath: ") })
	}
}

// ReloadFast reloads with a Corefile as startFast takes it.
func ReloadFast(t *testing.T, s *Server, port, corefile string) {
	t.Helper()
	offset := len(s.Log())
	if err := s.Reload(strings.ReplaceAll(corefile, "PORT", port)); err != nil {
		t.Fatalf("reload: %v", err)
	}
	awaitFast(t, s, offset, strings.Contains(corefile, "fastpath"))
}

// AskFast asks until the fast path has been proved, and once more. It reports whether that answered.
func AskFast(t *testing.T, address string, m *dns.Msg) (reply *dns.Msg, isFast bool) {
	t.Helper()
	conn := Dial(t, address)
	var octets []byte
	for range 3 {
		m.Id = dns.Id()
		reply, octets = AskRaw(t, conn, m)
	}
	return reply, IsCompressed(reply, octets)
}

// CheckFast asks for addresses and checks who answers.
func CheckFast(t *testing.T, address, name string, qtype uint16, wantFast bool, want string) {
	t.Helper()
	m, isFast := AskFast(t, address, Question(name, qtype))
	if wantFast && !isFast { // of several listeners, the first may have told what comes of it while another is not there yet
		Eventually(t, name+" is answered by the fast path at "+address, func() bool {
			m, isFast = AskFast(t, address, Question(name, qtype))
			return isFast
		})
	}
	if isFast != wantFast || SortedAddresses(m) != want {
		t.Errorf("%s %s at %s: got %q, by the fast path %t, want %q, %t", name, dns.TypeToString[qtype], address, SortedAddresses(m), isFast, want, wantFast)
	}
}

// FastZone is a Corefile with a bit of everything.
func FastZone() string {
	return `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			network here 127.0.0.0/8
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record @ A 192.0.2.1
			record *.wild A 192.0.2.1 192.0.2.2 192.0.2.3
			record v4 A 192.0.2.1 192.0.2.2
			record text TXT "text"
			record mail MX 10 app
			record alias CNAME app
			record outside CNAME www.example.net.
			record sub NS ns.sub.example.org.
			record ns.sub A 192.0.2.53
			record weighted A {
				value 192.0.2.1 weight 3
				value 192.0.2.2 weight 1
			}
			record two A 192.0.2.1 192.0.2.2 192.0.2.3 answers 2
			record line A {
				value 192.0.2.1 192.0.2.2 weight 70
				value 192.0.2.3 weight 30
				answers line
			}
			record random A 192.0.2.1 192.0.2.2 192.0.2.3 order random
			record sticky A 192.0.2.1 192.0.2.2 192.0.2.3 order sticky
			record near A {
				value 192.0.2.1 from here
				value 192.0.2.2
			}
			record big A ` + strings.Join(ManyAddresses(64, dns.TypeA), " ") + `
			record huge AAAA ` + strings.Join(ManyAddresses(100, dns.TypeAAAA), " ") + `
		}
	}`
}

// WholeZone are records of each kind, for a zone that has app and *.wild.
const WholeZone = `
	network here 127.0.0.0/8
	record near A {
		value 192.0.2.1 from here
		value 192.0.2.2
	}
	record sticky AAAA 2001:db8::1 2001:db8::2 order sticky
	record far CNAME alias
	record far2 CNAME far
	record outside CNAME www.example.com.
	record gone CNAME nowhere
	record half CNAME v4
	record v4 A 192.0.2.1 192.0.2.2
	record *.pointed CNAME app
	record cut NS ns1.cut.example.org.
	record cut NS ns.elsewhere.example.com.
	record cut NS ns2
	record cut DS 1 13 2 3490A6806D47F17A34C29E2CE80E8A999FFBE4BE3490A6806D47F17A34C29E2C
	record ns1.cut A 192.0.2.53
	record ns2 AAAA 2001:db8::53
	record down CNAME www.cut.example.org.
	record a.b.c.d A 192.0.2.1
	record _sip._udp SRV 0 5 5060 app
	record _sip._udp SRV 0 5 5060 v4
	record svc HTTPS 1 . alpn=h2
	record svc HTTPS 2 app
	record svc A 192.0.2.1 192.0.2.2
	record other HTTPS 0 svc
	record *.wildsvc HTTPS 1 . alpn=h2
	record *.wildsvc A 192.0.2.1 192.0.2.2
	record caa CAA 0 issue "ca.example.net"
	record ptr PTR app
	record quoted TXT "a \"b\" c"
	record bigmail MX 10 big
	record bigmail MX 20 app
	record tobig CNAME big
	record drained A 192.0.2.1 drain
`

// LongChain is CNAMEs that lead from chain0 to app, more than are followed.
func LongChain() string {
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "record chain%d CNAME chain%d\n", i, i+1)
	}
	return text.String() + "record chain20 CNAME app\n"
}
