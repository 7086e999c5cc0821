package roundrobin53

import (
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

var (
	_ fastpath.Handler  = (*Handler)(nil)
	_ fastpath.Counters = (*listener)(nil)
)

// Store implements fastpath.Handler.
func (h *Handler) Store() *store.Store { return h.store.Load() }

// Config implements fastpath.Handler.
func (h *Handler) Config() *dnsserver.Config { return h.block.config }

// Keys implements fastpath.Handler.
func (h *Handler) Keys() []string { return h.block.keys }

// View implements fastpath.Handler.
func (h *Handler) View() string { return h.block.view }

// IsSigned implements fastpath.Handler.
func (h *Handler) IsSigned() bool { return h.block.signed }

// IsDebugged implements fastpath.Handler.
func (h *Handler) IsDebugged() bool { return h.block.debug }

// HasNext implements fastpath.Handler.
func (h *Handler) HasNext() bool { return h.Next != nil }

// Counters implements fastpath.Handler.
func (h *Handler) Counters(s *dnsserver.Server) fastpath.Counters { return h.listenerOf(s) }

// Answered implements fastpath.Counters.
func (s *listener) Answered(z *record.Zone) { s.count(z, resultAnswer) }

// NoData implements fastpath.Counters.
func (s *listener) NoData(z *record.Zone) { s.count(z, resultNoData) }

// NXDomain implements fastpath.Counters.
func (s *listener) NXDomain(z *record.Zone) { s.count(z, resultNXDomain) }

// Referred implements fastpath.Counters.
func (s *listener) Referred(z *record.Zone) { s.count(z, resultReferral) }

// FailedOpen implements fastpath.Counters.
func (s *listener) FailedOpen(zone int) { s.failOpen[zone].Inc() }
