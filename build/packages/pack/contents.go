//go:build system

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2/files"
)

// sections are those of the manual pages.
var sections = []string{"1", "7"}

// contents are the files of a package.
func (p packer) contents(format, binary string) (files.Contents, error) {
	c := files.Contents{
		p.file(binary, "/usr/bin/"+name, files.TypeFile, 0o755),
		p.file(filepath.Join(p.work, name+".service"), "/lib/systemd/system/"+name+".service", files.TypeFile, 0o644),
		p.file(p.ours("Corefile"), "/etc/"+name+"/Corefile", files.TypeConfigNoReplace, 0o644),
	}
	for _, section := range sections {
		pages, err := filepath.Glob(filepath.Join(p.work, "*."+section+".gz"))
		if err != nil {
			return nil, err
		}
		for _, page := range pages {
			c = append(c, p.file(page, "/usr/share/man/man"+section+"/"+filepath.Base(page), files.TypeFile, 0o644))
		}
	}
	if format == "rpm" {
		c[1].Destination = "/usr" + c[1].Destination
		return append(c, p.file(filepath.Join(p.root, "LICENSE"), "/usr/share/licenses/"+name+"/LICENSE", files.TypeRPMLicense, 0o644)), nil
	}
	doc := "/usr/share/doc/" + name + "/"
	return append(c,
		p.file(p.ours("copyright"), doc+"copyright", files.TypeFile, 0o644),
		p.file(filepath.Join(p.work, "changelog.gz"), doc+"changelog.gz", files.TypeFile, 0o644),
		p.file(filepath.Join(p.work, "changelog.Debian.gz"), doc+"changelog.Debian.gz", files.TypeFile, 0o644),
		p.file(p.ours("lintian-overrides"), "/usr/share/lintian/overrides/"+name, files.TypeFile, 0o644),
	), nil
}

func (p packer) file(source, destination, kind string, mode os.FileMode) *files.Content {
	return &files.Content{
		Source: source, Destination: destination, Type: kind,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: p.created},
	}
}

// prepare writes what is made of other files: the unit with the packages' paths, and what has to be compressed.
func (p packer) prepare() error {
	unit, err := os.ReadFile(filepath.Join(p.root, "build", "roundrobin53.service"))
	if err != nil {
		return err
	}
	unit = []byte(paths.Replace(string(unit)))
	if err := os.WriteFile(filepath.Join(p.work, name+".service"), unit, 0o600); err != nil { //nolint:gosec // a directory that we have made
		return err
	}
	changes, err := os.ReadFile(filepath.Join(p.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	texts := map[string][]byte{"changelog": changes, "changelog.Debian": p.debianChangelog()}
	if err := p.addManual(texts); err != nil {
		return err
	}
	for file, text := range texts {
		if err := compress(filepath.Join(p.work, file+".gz"), text); err != nil {
			return err
		}
	}
	return nil
}

// addManual adds the manual pages to texts, by file name.
func (p packer) addManual(texts map[string][]byte) error {
	for _, section := range sections {
		pages, err := filepath.Glob(filepath.Join(p.dist, "man", "*."+section))
		if err != nil {
			return err
		}
		if len(pages) == 0 {
			return fmt.Errorf("no manual pages of section %s in %s", section, filepath.Join(p.dist, "man"))
		}
		for _, page := range pages {
			if texts[filepath.Base(page)], err = os.ReadFile(page); err != nil {
				return err
			}
		}
	}
	return nil
}

// paths are those that the packages have in place of those in the unit for an installation by hand.
var paths = strings.NewReplacer(
	"/usr/local/bin/coredns", "/usr/bin/"+name,
	"/etc/coredns", "/etc/"+name,
	"ConfigurationDirectory=coredns\n", "ConfigurationDirectory="+name+"\n",
	"systemctl reload roundrobin53", "systemctl reload "+name,
	"Documentation=", "Documentation=man:"+name+"(7) ",
)

// debianChangelog says only which version it is. What has changed is in the other changelog.
func (p packer) debianChangelog() []byte {
	version := strings.Replace(strings.TrimPrefix(p.version, "v"), "-", "~", 1)
	return fmt.Appendf(nil, "%s (%s-1) stable; urgency=medium\n\n  * Release %s, see changelog.gz.\n\n -- %s  %s\n",
		name, version, p.version, maintainer, p.created.Format(time.RFC1123Z))
}

// compress writes a text as gzip -9n does, with neither a name nor a time in it.
func compress(path string, text []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
