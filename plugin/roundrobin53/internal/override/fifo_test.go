//go:build unix

package override

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFIFO guards the server: what it is told to read must not keep it waiting.
func TestFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f := &File{Name: name}
	if _, isNews, err := f.Look(); !isNews || err == nil || !strings.Contains(err.Error(), "FIFO") {
		t.Errorf("news %v: %v", isNews, err)
	}
	if _, err := Read("/dev/zero"); err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("a device: %v", err)
	}
}
