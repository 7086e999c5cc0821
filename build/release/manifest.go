package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/roundrobin53/roundrobin53/build/version"
)

// componentKind marks a kustomization that is only a part of others.
var componentKind = regexp.MustCompile(`(?m)^kind: Component$`)

// writeManifests renders every kustomization that can stand alone, for those who apply files: kustomize/overlays/zone becomes
// manifests/overlays/zone.yaml.
func (r release) writeManifests() error {
	return filepath.WalkDir(r.kustomize, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "kustomization.yaml" {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // what the walk has found
		if err != nil || componentKind.Match(text) {
			return err
		}
		return r.writeManifest(filepath.Dir(path))
	})
}

func (r release) writeManifest(dir string) error {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if err := r.checkImage(dir, text); err != nil {
		return err
	}
	name, err := filepath.Rel(r.kustomize, dir)
	if err != nil {
		return err
	}
	return write(filepath.Join(r.dist, "manifests", name+".yaml"), text)
}

var image = regexp.MustCompile(`\b` + regexp.QuoteMeta(version.Image) + `[:@][^\s"']*`)

// checkImage refuses manifests that would run another release's image.
func (r release) checkImage(dir string, text []byte) error {
	want := version.Image + ":" + r.tag()
	for _, got := range image.FindAll(text, -1) {
		if string(got) != want {
			return fmt.Errorf("%s: the image is %s, that of this release is %s", dir, got, want)
		}
	}
	return nil
}
