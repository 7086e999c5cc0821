//go:build system

// Command pack makes the Debian and RPM packages of the binaries and manual pages that a directory holds.
//
//	go -C build/packages run -tags system ./pack -root ../.. -dist ../../dist -version v0.1.0 -created 1700000000
//
// The tag keeps the 250 packages that it is made of away from those who only run all tests.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format
)

// name is that of the package, of its binary and of its unit. Debian's package of CoreDNS has others, and may be installed
// beside it.
const name = "coredns-roundrobin53"

const maintainer = "roundrobin53 <roundrobin53@users.noreply.github.com>"

func main() {
	log.SetFlags(0)
	log.SetPrefix("pack: ")
	var p packer
	flag.StringVar(&p.root, "root", "../..", "`directory` of the repository")
	flag.StringVar(&p.dist, "dist", "", "`directory` with coredns-linux-ARCH and man/, where the packages go")
	flag.StringVar(&p.version, "version", "", "`version` of roundrobin53, as v1.2.3")
	created := flag.Int64("created", 0, "time of the release in `seconds` since 1970")
	flag.Parse()
	p.created = time.Unix(*created, 0).UTC()
	if err := p.run(); err != nil {
		log.Fatal(err)
	}
}

// packer makes packages of the binaries in dist.
type packer struct {
	root    string
	dist    string
	version string
	created time.Time
	work    string // a directory for files that only the packages have
}

func (p packer) run() (err error) {
	binaries, err := filepath.Glob(filepath.Join(p.dist, "coredns-linux-*"))
	if err != nil {
		return err
	}
	if len(binaries) == 0 {
		return fmt.Errorf("no binaries coredns-linux-ARCH in %s", p.dist)
	}
	if p.work, err = os.MkdirTemp("", "pack"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(p.work) }()
	if err := p.prepare(); err != nil {
		return err
	}
	for _, binary := range binaries {
		arch := strings.TrimPrefix(filepath.Base(binary), "coredns-linux-")
		for _, format := range []string{"deb", "rpm"} {
			if err := p.pack(format, arch, binary); err != nil {
				return fmt.Errorf("%s of %s: %w", format, binary, err)
			}
		}
	}
	return nil
}

// pack makes one package.
func (p packer) pack(format, arch, binary string) error {
	info, err := p.info(format, arch, binary)
	if err != nil {
		return err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(p.dist, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	if err := packager.Package(info, file); err != nil {
		_ = file.Close() // the error before says more
		return err
	}
	return file.Close()
}

// info is all that a package says of itself.
func (p packer) info(format, arch, binary string) (*nfpm.Info, error) {
	contents, err := p.contents(format, binary)
	if err != nil {
		return nil, err
	}
	info := &nfpm.Info{
		Name: name, Arch: arch, Platform: "linux", Version: p.version, Release: "1", Section: "net", Priority: "optional",
		Maintainer: maintainer, Vendor: "roundrobin53", Homepage: "https://github.com/roundrobin53/roundrobin53",
		Description: "DNS server with the routing policies of Amazon Route 53\n" +
			"CoreDNS with all of its plugins and roundrobin53, which answers for zones\n" +
			"written in its configuration: addresses take exact turns, by weight, health,\n" +
			"tier and the network or location of the client.",
		MTime:        p.created,
		Overridables: nfpm.Overridables{Contents: contents},
	}
	info.RPM.BuildHost = "localhost" // equal inputs give equal packages
	if format == "deb" {             // its licence is a file, and no field
		info.Scripts = nfpm.Scripts{PostInstall: p.ours("postinst"), PreRemove: p.ours("prerm"), PostRemove: p.ours("postrm")}
	} else {
		info.License = "Apache-2.0"
		info.Scripts = nfpm.Scripts{PostInstall: p.ours("post.rpm"), PreRemove: p.ours("preun.rpm"), PostRemove: p.ours("postun.rpm")}
	}
	return nfpm.WithDefaults(info), nil
}

// ours is a file beside this command's module.
func (p packer) ours(file string) string { return filepath.Join(p.root, "build", "packages", file) }
