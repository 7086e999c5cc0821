package config

import (
	"fmt"
	"strconv"
	"strings"
)

// maxTTL is the largest TTL of DNS (RFC 2181 §8), in seconds.
const maxTTL = 1<<31 - 1

// durationUnits are the units of a DURATION, in seconds.
var durationUnits = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}

// parseDuration reads a DURATION: seconds, or numbers with units, as in 90, 90s, 1m30s and 1d.
func parseDuration(text string) (uint32, error) {
	wrong := fmt.Errorf("%q is not a duration up to %d seconds, as in 60, 60s, 5m, 1d", text, maxTTL)
	var total uint64
	for rest := text; rest != "" || text == ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseUint(rest[:digits], 10, 32)
		if err != nil {
			return 0, wrong
		}
		if rest = rest[digits:]; rest == "" {
			if digits != len(text) {
				return 0, wrong
			}
			total = n
			break
		}
		unit, ok := durationUnits[rest[0]]
		if !ok {
			return 0, wrong
		}
		if total += n * unit; total > maxTTL {
			return 0, wrong
		}
		rest = rest[1:]
	}
	if total > maxTTL {
		return 0, wrong
	}
	return uint32(total), nil
}
