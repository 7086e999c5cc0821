// Package deploy tests what users deploy: manifests, values for the Helm chart, the image, and releases, in the formats of
// Kubernetes and OCI. It is a module of its own, so that the modules it needs for that are not requirements of the plugin.
package deploy

import (
	"os"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Run(m)) }
