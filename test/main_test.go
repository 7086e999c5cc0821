// Package test starts real servers from Corefiles and compares their answers, as a client gets them. Below it are what clients
// get from the fast path, of names that are looked up, and by verdicts of checks: packages of their own, so that two of them run
// at a time, since most of their time they wait. Test/server is their harness: what more than one file needs is there.
package test

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
