package roundrobin53

import (
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/nsid"
	"github.com/coredns/coredns/plugin/transfer"
)

// A block holds what a handler knows of its server block. It is complete when the instance starts,
// and does not change from then on.
type block struct {
	keys     []string // dns://ZONE:PORT …
	config   *dnsserver.Config
	view     string             // "" if it has none
	signed   bool               // a dnssec plugin signs what we answer
	debug    bool               // it has the debug plugin
	nsid     int                // octets that the nsid plugin adds to an answer; 0 if there is none
	transfer *transfer.Transfer // nil if there is none
}

// String names the block in logs.
func (b *block) String() string { return strings.Join(b.keys, " ") }

// look reads what matters to us from the server block. It may be called only when the setup of all
// its plugins is done.
func (b *block) look() {
	b.view = b.config.ViewName
	b.debug = b.config.Debug
	b.signed = b.config.Handler("dnssec") != nil
	if server, ok := b.config.Handler("nsid").(nsid.Nsid); ok {
		const optionHeader = 4 // code and length (RFC 6891 §6.1.2)
		b.nsid = optionHeader + len(server.Data)
	}
	b.transfer, _ = b.config.Handler("transfer").(*transfer.Transfer)
}
