package server

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// CertificateFiles makes a certificate for 127.0.0.1 and dns.example.org. It returns the paths of its key and of the
// certificate, behind which the file has that of the authority: a client that trusts what is in the file trusts the server.
func CertificateFiles(t *testing.T) (certPath, keyPath string) {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := a.Certificate(time.Now().Add(time.Hour), "127.0.0.1", "dns.example.org")
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	dir := t.TempDir()
	certPath, keyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, text := range map[string][]byte{
		certPath: append(chain, a.PEM...),
		keyPath:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certPath, keyPath
}
