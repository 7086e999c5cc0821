package names

import (
	"testing"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestResolverOverTLS asks a resolver over TLS, whose certificate an authority has signed that the system trusts, and then by a
// name that the certificate does not have. It runs the binary: a process reads the system's authorities once. The variable
// that names them is Linux's.
func TestResolverOverTLS(t *testing.T) {
	if !server.Apart(t) { // for the variable
		return
	}
	n := nameserver.Start(t)
	n.Set("app.backend.test.", "60 A 192.0.2.1")
	n.Set("other.backend.test.", "60 A 192.0.2.2")
	t.Setenv("SSL_CERT_FILE", n.CAFile)
	p := server.StartProgram(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			resolver "tls://`+n.TLSAddress+`#`+nameserver.Name+`"
			record app A app.backend.test.
		}
	}
	example.net:PORT {
		bind 127.0.0.1
		roundrobin53 {
			resolver "tls://`+n.TLSAddress+`#wrong.invalid"
			record app A {
				value other.backend.test.
				value 192.0.2.99 priority 2
			}
		}
	}
	`)
	server.Eventually(t, "the looked-up address is answered", func() bool { return p.Answer("app.example.org") == "192.0.2.1" })
	if got := p.Answer("app.example.net"); got != "192.0.2.99" {
		t.Errorf("with a certificate for another name: %s", got)
	}
	if got := n.Queries("other.backend.test.", 1); len(got) != 0 {
		t.Errorf("%d queries to a server that was not verified", len(got))
	}
}
