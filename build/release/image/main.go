// Command image packs binaries, one for each architecture, into an OCI image archive. It needs no container engine, and the
// same binaries, versions and time give the same archive, byte for byte.
//
//	bin/image -coredns v1.15.0 -version v0.1.0 -created 1700000000 -o coredns-oci.tar BINARY...
package main

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/build/version"
)

// release holds the facts that the image states about itself.
type release struct {
	coredns  string // version of CoreDNS
	own      string // version of roundrobin53
	revision string // commit, if known
	created  time.Time
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	var r release
	output := flag.String("o", "coredns-oci.tar", "`file` to write the archive to")
	roots := flag.String("roots", "", "write the CA bundle to this `file`, and nothing else")
	flag.StringVar(&r.coredns, "coredns", "", "`version` of CoreDNS")
	flag.StringVar(&r.own, "version", "", "`version` of roundrobin53; without it, what the first binary knows of its commit")
	flag.StringVar(&r.revision, "revision", "", "`commit` of roundrobin53")
	created := flag.Int64("created", 0, "time of the image in `seconds` since 1970")
	flag.Parse()
	r.created = time.Unix(*created, 0).UTC()
	var err error
	if *roots != "" {
		err = writeRoots(*roots)
	} else {
		err = run(*output, r, flag.Args())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(output string, r release, paths []string) error {
	if r.coredns == "" || len(paths) == 0 {
		return errors.New("-coredns and a binary are needed")
	}
	if r.own == "" {
		info, err := buildinfo.ReadFile(paths[0])
		if err != nil {
			return err
		}
		r.own = info.Main.Version
	}
	images, err := readBinaries(paths)
	if err != nil {
		return err
	}
	base, err := baseLayer()
	if err != nil {
		return err
	}
	archive := newArchive()
	var list []descriptor
	for _, arch := range slices.Sorted(maps.Keys(images)) {
		top, err := binaryLayer(images[arch])
		if err != nil {
			return err
		}
		image, err := archive.addImage(r, arch, base, top)
		if err != nil {
			return err
		}
		list = append(list, image)
	}
	if err := archive.addIndex(version.Image, version.Tag(r.coredns, r.own), list); err != nil {
		return err
	}
	return archive.write(output)
}

// readBinaries reads binaries, by their architectures.
func readBinaries(paths []string) (map[string][]byte, error) {
	binaries := map[string][]byte{}
	for _, path := range paths {
		arch, err := architecture(path)
		if err != nil {
			return nil, err
		}
		if binaries[arch] != nil {
			return nil, fmt.Errorf("%s: there is a binary for %s already", path, arch)
		}
		if binaries[arch], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return binaries, nil
}

// architectures are Go's names for the machines of ELF headers.
var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// architecture returns the architecture of a binary. It refuses a binary that needs a dynamic
// linker: the image has none.
func architecture(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	defer file.Close()
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is linked dynamically; build it with CGO_ENABLED=0", path)
		}
	}
	arch, ok := architectures[file.Machine]
	if !ok {
		return "", fmt.Errorf("%s is for %s; known are amd64 and arm64", path, file.Machine)
	}
	return arch, nil
}
