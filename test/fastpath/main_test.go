// Package fastpath tests what clients get beside the chain, from real servers: the answers are the chain's.
package fastpath

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
