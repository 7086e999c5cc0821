package roundrobin53

// Ready implements ready.Readiness. The ready plugin asks one handler, which speaks for all blocks.
// When a process starts, it waits for the sockets, which open later than those of the ready plugin,
// and for the first verdicts, so that no dead value is answered for lack of a probe; it waits five
// seconds at most. A reload adopts the verdicts of the previous instance and takes no readiness
// away.
func (h *Handler) Ready() bool {
	in := h.instance
	return !in.first || in.hasBegun() && in.prober.isReady()
}
