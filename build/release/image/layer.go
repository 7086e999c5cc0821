package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // of passwd and group
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

//go:embed passwd
var passwd []byte

//go:embed group
var group []byte

// layer is a part of the file system.
type layer struct {
	blob   []byte // compressed
	diffID string // digest of what it is before
}

// entry is a file of a layer, or a directory if it has no content.
type entry struct {
	name    string
	mode    int64
	content []byte
	pax     map[string]string
}

// baseLayer is all but the binary. It is the same for all architectures, and from release to release as long as the roots are.
func baseLayer() (layer, error) {
	return newLayer([]entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, content: group},
		{name: "etc/passwd", mode: 0o644, content: passwd},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: caBundle()},
	})
}

// binaryLayer is the binary, with the capability to listen below port 1024 whoever runs it.
func binaryLayer(content []byte) (layer, error) {
	return newLayer([]entry{{
		name: "coredns", mode: 0o755, content: content,
		pax: map[string]string{"SCHILY.xattr.security.capability": bindService()},
	}})
}

// bindService is cap_net_bind_service=+ep as the attribute security.capability holds it: struct vfs_cap_data of
// linux/capability.h, revision 2, little-endian.
func bindService() string {
	const (
		revision2      = 0x02000000
		effective      = 0x00000001
		netBindService = 10
	)
	var data []byte
	for _, word := range []uint32{revision2 | effective, 1 << netBindService, 0, 0, 0} { // then permitted, inheritable, and both above 31
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	return string(data)
}

// newLayer packs files. All belong to root, and have the same time: a time of their own would change the layer with every
// commit.
func newLayer(entries []entry) (layer, error) {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, e := range entries {
		if err := writeEntry(w, e); err != nil {
			return layer{}, err
		}
	}
	if err := w.Close(); err != nil {
		return layer{}, err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return layer{}, err
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		return layer{}, err
	}
	if err := z.Close(); err != nil {
		return layer{}, err
	}
	return layer{blob: packed.Bytes(), diffID: digest(plain.Bytes())}, nil
}

func writeEntry(w *tar.Writer, e entry) error {
	header := tar.Header{
		Name: e.name, Mode: e.mode, Size: int64(len(e.content)), Typeflag: tar.TypeReg,
		ModTime: time.Unix(0, 0), PAXRecords: e.pax,
	}
	if e.content == nil {
		header.Typeflag = tar.TypeDir
	}
	if err := w.WriteHeader(&header); err != nil {
		return err
	}
	_, err := w.Write(e.content)
	return err
}

// caBundle is the roots that Mozilla trusts, as the Go project publishes them for programs. A root with a constraint is left
// out: a file of certificates can't express "only what was issued before", and without its constraint such a root is
// trusted more than Mozilla does.
func caBundle() []byte {
	var out []byte
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})...)
		}
	}
	return out
}

// writeRoots is for the Dockerfile.
func writeRoots(path string) error {
	return os.WriteFile(path, caBundle(), 0o644) //nolint:gosec // for everyone to read
}

// digest names content.
func digest(content []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(content))
}
