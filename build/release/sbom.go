package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bom is the software bill of materials: the part of CycloneDX 1.6 that Go modules need.
type bom struct {
	BOMFormat    string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"` // of this document
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
}

// module makes the component of a Go module. In a package URL the version's "+" is escaped.
func module(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}

// writeSBOM lists what the binaries are made of, as the linker has noted it in them: modules, and Go's standard library. It is
// one list for all binaries, since one go.mod gives them all the same versions.
func (r release) writeSBOM() error {
	binaries, err := filepath.Glob(filepath.Join(r.dist, "coredns-*-*"))
	if err != nil {
		return err
	}
	binaries = slices.DeleteFunc(binaries, func(path string) bool { // packages have them inside
		return slices.Contains([]string{".deb", ".rpm"}, filepath.Ext(path))
	})
	if len(binaries) == 0 {
		return fmt.Errorf("no binaries coredns-OS-ARCH in %s", r.dist)
	}
	found := map[string]component{}
	main := ""
	for _, path := range binaries {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return err
		}
		if err := unchanged(path, info); err != nil {
			return err
		}
		main = info.Main.Path
		std := module("library", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))
		found[std.Ref] = std
		for _, dep := range info.Deps {
			if dep.Replace != nil && dep.Replace.Version != "(devel)" { // a directory, which nobody else has
				dep = dep.Replace
			}
			library := module("library", dep.Path, dep.Version)
			found[library.Ref] = library
		}
	}
	list := bom{
		BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:   metadata{Timestamp: r.created.Format(time.RFC3339), Component: module("application", main, r.own)},
		Components: slices.SortedFunc(maps.Values(found), func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) }),
	}
	list.SerialNumber, err = serialNumber(list)
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return write(filepath.Join(r.dist, "sbom.cdx.json"), append(content, '\n'))
}

// unchanged refuses a binary of a checkout with changes that no commit has.
func unchanged(path string, info *buildinfo.BuildInfo) error {
	for _, setting := range info.Settings {
		if setting.Key == "vcs.modified" && setting.Value == "true" {
			return fmt.Errorf("%s is built from a checkout with uncommitted changes", path)
		}
	}
	return nil
}

// serialNumber is a UUID that names the list. It is made of the list (RFC 9562, version 8), so that equal releases are equal.
func serialNumber(list bom) (string, error) {
	content, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	id := sha256.Sum256(content)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]), nil
}
