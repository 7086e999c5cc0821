package fastpath

import (
	"context"
	"testing"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
)

// A teller is a metadata provider. It implements plugin.Handler.
type teller struct {
	plugin.Handler
	name string
}

func (p teller) Name() string { return p.name }

func (teller) Metadata(ctx context.Context, _ request.Request) context.Context { return ctx }

// A mute is a metadata provider that is no plugin.Handler.
type mute struct{}

func (mute) Metadata(ctx context.Context, _ request.Request) context.Context { return ctx }

// TestIsUnknown guards against places that are remembered although they depend on more than the client.
func TestIsUnknown(t *testing.T) {
	for _, row := range []struct {
		provider metadata.Provider
		want     bool
	}{
		{teller{name: "geoip"}, false},
		{teller{name: "kubernetes"}, false},
		{teller{name: "roundrobin53"}, false},
		{teller{name: "clock"}, true},
		{mute{}, true},
	} {
		if got := isUnknown(row.provider); got != row.want {
			t.Errorf("%#v: %t, want %t", row.provider, got, row.want)
		}
	}
}
