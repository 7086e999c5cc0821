// Package browser tests the status page in a real browser. It is a module of its own, so that what drives the browser is no
// requirement of the plugin.
package browser

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
