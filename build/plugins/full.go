//go:build full

package plugins

import _ "github.com/coredns/coredns/core/plugin" // all of CoreDNS's plugins
