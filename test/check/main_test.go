// Package check tests verdicts, with real servers and endpoints: what is probed and when, what clients get by what was found,
// what a state file makes of it, and what operators are told, by the metrics, the status page and the plugin ready.
package check

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
