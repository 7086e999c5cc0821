package server

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// root is the top of the repository, from any module of it. A test starts in the directory of its package.
var root = findRoot()

func findRoot() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "plugin", "roundrobin53")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return "."
}

// Path is where a file of the repository is.
func Path(name string) string { return filepath.Join(root, name) }

// ReadFile is a file of the repository.
func ReadFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// WriteFiles writes files into a directory.
func WriteFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, contents := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Fences are the blocks of a kind in a Markdown text.
func Fences(text, kind string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile(`(?ms)^~~~ `+kind+`\n(.*?)^~~~$`).FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// zoneCount tells zones apart whose metrics are looked at: those of servers that have ended go on.
var zoneCount atomic.Int64

// NewZone returns the name of a zone that no other test has.
func NewZone(name string) string { return fmt.Sprintf("%s%d.example.org", name, zoneCount.Add(1)) }

// ZoneFile writes a zone file and returns its path.
func ZoneFile(t *testing.T, contents string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// SwapConfigMap points the symbolic link dir/..data to a new directory with a Corefile, as the kubelet updates a ConfigMap.
func SwapConfigMap(t *testing.T, dir, version, corefile string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	WriteFiles(t, filepath.Join(dir, version), map[string]string{"Corefile": corefile})
	if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

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

// StateFile is a state file, until the test ends.
type StateFile struct {
	Name string // its path

	t *testing.T
}

// NewStateFile writes a state file.
func NewStateFile(t *testing.T, text string) StateFile {
	t.Helper()
	f := StateFile{Name: filepath.Join(t.TempDir(), "state"), t: t}
	f.Write(text)
	return f
}

// Write changes the file.
func (f StateFile) Write(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.Name, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// Remove removes the file, or a directory that is in its place.
func (f StateFile) Remove() {
	f.t.Helper()
	if err := os.RemoveAll(f.Name); err != nil {
		f.t.Fatal(err)
	}
}
