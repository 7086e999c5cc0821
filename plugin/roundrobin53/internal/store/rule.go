package store

// MaxCNAMEs limits the CNAMEs of a chain that are followed. Where a chain goes on, or is a loop, the
// answer is the CNAMEs so far, without an error: they are true, and how long a chain may be is the
// resolver's decision. The resolver goes on with the last target, or finds the loop, and caches what
// it has; after SERVFAIL it would ask all servers of the zone, again and again. Resolvers stop at 8
// to 16.
const MaxCNAMEs = 16

// AnyCPU is the CPU field of the HINFO record that answers ANY (RFC 8482 §4.2).
const AnyCPU = "RFC8482"
