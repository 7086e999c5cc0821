// Package names tests values that are names, with real servers and nameservers: what clients get while the addresses come,
// change, fail and go.
package names

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
