package turn

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestClientNetwork guards what one client is for whoever keeps to an address.
func TestClientNetwork(t *testing.T) {
	hash := func(addr string) uint64 { return HashNetwork(ClientNetwork(netip.MustParseAddr(addr))) }
	if hash("192.0.2.1") != hash("192.0.2.200") || hash("2001:db8::1") != hash("2001:db8:0:ff::2") {
		t.Error("addresses of one /24 or /56 differ")
	}
	if hash("192.0.2.1") == hash("192.0.3.1") || hash("2001:db8::1") == hash("2001:db8:0:100::1") {
		t.Error("networks are one that are not")
	}
	if HashNetwork(netip.MustParsePrefix("192.0.2.0/24")) == HashNetwork(netip.MustParsePrefix("192.0.2.0/25")) {
		t.Error("networks of different lengths are one")
	}
}

// TestScore guards clients that keep to an address: a score is the same in all replicas, and in
// later versions.
func TestScore(t *testing.T) {
	if got := fmt.Sprintf("%.9f", Score(1, 2)); got != "1.226436876" {
		t.Errorf("Score(1, 2) is %s, want 1.226436876", got)
	}
}
