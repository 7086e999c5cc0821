package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Media types of the OCI image specification.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor points to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// index lists images: one for each architecture, or in index.json the one list of them.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// imageConfig is how the image is run.
type imageConfig struct {
	Created string `json:"created"`
	platform
	Config execution `json:"config"`
	RootFS rootFS    `json:"rootfs"`
}

type execution struct {
	User         string
	ExposedPorts map[string]struct{}
	Entrypoint   []string
	Cmd          []string
	WorkingDir   string
	Labels       map[string]string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// execution is how the image of a release is run. The Dockerfile says the same, and a test compares them.
func (r release) execution() execution {
	ports := map[string]struct{}{}
	for _, port := range []string{"53/tcp", "53/udp", "1053/tcp", "1053/udp", "8080/tcp", "8181/tcp", "9153/tcp"} {
		ports[port] = struct{}{}
	}
	labels := map[string]string{
		"org.opencontainers.image.title":       "CoreDNS with roundrobin53",
		"org.opencontainers.image.description": "CoreDNS with all of its plugins and roundrobin53, which answers for zones and rotates their addresses",
		"org.opencontainers.image.source":      "https://github.com/roundrobin53/roundrobin53",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     r.own,
		"org.opencontainers.image.revision":    r.revision,
		"org.opencontainers.image.created":     r.created.Format(time.RFC3339),
		"io.coredns.version":                   r.coredns,
	}
	return execution{
		User: "65532:65532", ExposedPorts: ports, WorkingDir: "/", Labels: labels,
		Entrypoint: []string{"/coredns"}, Cmd: []string{"-conf", "/etc/coredns/Corefile"},
	}
}

// archive is an OCI image layout, to be written as a tar file.
type archive struct {
	files map[string][]byte
}

func newArchive() *archive {
	return &archive{files: map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
}

// addBlob stores content under its digest.
func (a *archive) addBlob(mediaType string, content []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
	a.files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)] = content
	return d
}

// addJSON stores what a value is in JSON. encoding/json sorts maps, so equal values are equal bytes.
func (a *archive) addJSON(mediaType string, value any) (descriptor, error) {
	content, err := json.Marshal(value)
	return a.addBlob(mediaType, content), err
}

// addImage stores the image of one architecture.
func (a *archive) addImage(r release, arch string, layers ...layer) (descriptor, error) {
	config := imageConfig{
		Created:  r.created.Format(time.RFC3339),
		platform: platform{Architecture: arch, OS: "linux"},
		Config:   r.execution(),
		RootFS:   rootFS{Type: "layers"},
	}
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.diffID)
		m.Layers = append(m.Layers, a.addBlob(typeLayer, l.blob))
	}
	var err error
	if m.Config, err = a.addJSON(typeConfig, config); err != nil {
		return descriptor{}, err
	}
	d, err := a.addJSON(typeManifest, m)
	d.Platform = &config.platform
	return d, err
}

// addIndex stores the list of the images, and names it.
func (a *archive) addIndex(image, tag string, images []descriptor) error {
	list, err := a.addJSON(typeIndex, index{SchemaVersion: 2, MediaType: typeIndex, Manifests: images})
	if err != nil {
		return err
	}
	list.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": tag,               // skopeo, podman
		"io.containerd.image.name":          image + ":" + tag, // containerd, Docker
	}
	a.files["index.json"], err = json.Marshal(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{list}})
	return err
}

// write writes all files, sorted by name, without a time of their own.
func (a *archive) write(path string) error {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := writeEntry(w, entry{name: dir, mode: 0o755}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if err := writeEntry(w, entry{name: name, mode: 0o644, content: a.files[name]}); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644) //nolint:gosec // for everyone to read
}
