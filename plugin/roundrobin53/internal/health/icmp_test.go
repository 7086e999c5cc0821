package health

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEcho asks this machine where the kernel allows it, and else guards the advice. The test of the
// system sets the kernel up.
func TestEcho(t *testing.T) {
	for _, address := range families {
		target := Target{netip.MustParseAddr(address), &Check{Scheme: schemeICMP, Timeout: 20 * time.Second}}
		err := probeOnce(t, target)
		if forbidden := Available(schemeICMP); forbidden != nil {
			if !isLocal(err) || !strings.Contains(forbidden.Error(), "net.ipv4.ping_group_range") {
				t.Errorf("%s: %v; available: %v", address, err, forbidden)
			}
			continue
		}
		wantReason(t, err, "")
	}
}

func TestForbiddenNamesTheSysctl(t *testing.T) {
	for _, cause := range []error{syscall.EACCES, syscall.EPERM} {
		if err := forbidden(cause); !isLocal(err) || !errors.Is(err, cause) || !strings.Contains(err.Error(), "net.ipv4.ping_group_range") {
			t.Errorf("%v gives %v", cause, err)
		}
	}
	if err := forbidden(syscall.EMFILE); !errors.Is(err, syscall.EMFILE) || strings.Contains(err.Error(), "ping_group_range") {
		t.Errorf("EMFILE gives %v", err)
	}
	for _, scheme := range SchemeNames() {
		if err := Available(scheme); err != nil && scheme != schemeICMP {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}
