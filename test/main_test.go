// Package test starts real servers from Corefiles and compares their answers, as a client gets them. Test/server is its
// harness: what more than one file needs is there.
package test

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
