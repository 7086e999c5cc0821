package health

const (
	// flightLimit bounds the memory of probes under way, and is enough for 10,000 targets at 10s that all run into a
	// timeout of 4s.
	inFlightLimit = 4096
	// flightShare and partingShare of the process's descriptors may be probes under way and connections that are being
	// ended. The rest is for answering queries, and for a second monitor that begins while this one ends.
	inFlightShare = 4
	partingShare  = 8
)

// bounds are how much a monitor may do at a time.
type bounds struct {
	inFlight int // probes
	parting  int // connections of probes that are over
}

// systemBounds follow from how many files this process may have open.
func systemBounds() bounds {
	files := openFileLimit()
	return bounds{inFlight: int(max(1, min(inFlightLimit, files/inFlightShare))), parting: int(min(files/partingShare, inFlightLimit))}
}
