// Command release completes a directory that holds the binaries of a release: the list of their modules, the manifests, the
// unit for systemd, and at last the checksums of everything. `make release` runs it, at the top of the repository.
//
//	bin/release -coredns v1.15.0 -version v0.1.0 -created 1700000000 -dist dist
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/roundrobin53/roundrobin53/build/version"
)

// release says which versions are released, and from which files.
type release struct {
	dist      string
	kustomize string
	unit      string
	coredns   string
	own       string
	created   time.Time
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	var r release
	flag.StringVar(&r.dist, "dist", "dist", "`directory` with the binaries, coredns-OS-ARCH")
	flag.StringVar(&r.kustomize, "kustomize", "build/kustomize", "`directory` with the manifests")
	flag.StringVar(&r.unit, "unit", "build/roundrobin53.service", "systemd `unit`")
	flag.StringVar(&r.coredns, "coredns", "", "`version` of CoreDNS")
	flag.StringVar(&r.own, "version", "", "`version` of roundrobin53, as v1.2.3")
	created := flag.Int64("created", 0, "time of the release in `seconds` since 1970")
	flag.Parse()
	r.created = time.Unix(*created, 0).UTC()
	if err := r.run(); err != nil {
		log.Fatal(err)
	}
}

// released is a version that a release may have.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`)

func (r release) run() error {
	if !released.MatchString(r.own) {
		return fmt.Errorf("-version: %q is not a version like v1.2.3", r.own)
	}
	if r.coredns == "" {
		return errors.New("-coredns is needed")
	}
	if err := r.writeSBOM(); err != nil {
		return err
	}
	if err := r.writeManifests(); err != nil {
		return err
	}
	unit, err := os.ReadFile(r.unit)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(r.dist, filepath.Base(r.unit)), unit); err != nil {
		return err
	}
	return r.writeSums()
}

// tag returns the image's tag that the manifests have to name.
func (r release) tag() string {
	return version.Tag(r.coredns, r.own)
}

const sums = "SHA256SUMS"

// writeSums lists the digests of all files, for sha256sum -c.
func (r release) writeSums() error {
	var lines []string
	err := filepath.WalkDir(r.dist, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == sums {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // what the walk has found
		if err != nil {
			return err
		}
		name, err := filepath.Rel(r.dist, path)
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), filepath.ToSlash(name)))
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	return write(filepath.Join(r.dist, sums), []byte(strings.Join(lines, "")))
}

// write makes a file, and the directories above it.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everyone to read
		return err
	}
	return os.WriteFile(path, content, 0o644) //nolint:gosec // for everyone to read
}
