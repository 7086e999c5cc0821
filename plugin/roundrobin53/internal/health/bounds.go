package health

const (
	// inFlightLimit bounds the memory that probes under way take. It suffices for 10,000 targets
	// with an interval of 10s if all of them run into a timeout of 4s.
	inFlightLimit = 4096
	// One in inFlightShare of the process's descriptors may belong to probes under way, and one in
	// partingShare to connections that are being ended. The rest is for queries, and for a second
	// monitor that starts while this one stops.
	inFlightShare = 4
	partingShare  = 8
)

// bounds limits what a monitor does at a time.
type bounds struct {
	inFlight int // probes
	parting  int // connections of probes that are over
}

// systemBounds derives the bounds from how many files this process may have open.
func systemBounds() bounds {
	files := openFileLimit()
	return bounds{inFlight: int(max(1, min(inFlightLimit, files/inFlightShare))), parting: int(min(files/partingShare, inFlightLimit))}
}
