package roundrobin53

// Ready implements ready.Readiness. The ready plugin asks one handler, which speaks for all blocks. The first start of a
// process waits for the sockets, which open after that of the ready plugin, and for the first verdicts, for five seconds at
// most, so that no dead value is answered for lack of a probe; a reload has those of the instance before, and takes no
// readiness away.
func (h *Handler) Ready() bool {
	in := h.instance
	return !in.first || in.hasBegun() && in.prober.isReady()
}
