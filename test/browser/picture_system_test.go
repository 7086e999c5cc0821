//go:build system

package browser

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/roundrobin53/roundrobin53/test/server"
)

var update = flag.Bool("update", false, "make the picture of the README anew")

// picturePath is where the README finds its picture.
const picturePath = "docs/status.png"

// digest identifies what the picture is made of.
func digest(t *testing.T) string {
	t.Helper()
	hash := sha256.New()
	for _, name := range []string{"page.html", "status.css"} {
		hash.Write([]byte(server.ReadFile(t, "plugin/roundrobin53/internal/status/"+name)))
	}
	return fmt.Sprintf("page %x", hash.Sum(nil)[:8])
}

// TestSystemPicture guards the picture of the README against a page that no longer looks like it. The picture says which page
// it shows. With -update it is made anew; look at it before you commit it.
func TestSystemPicture(t *testing.T) {
	if !*update {
		picture := []byte(server.ReadFile(t, picturePath))
		if !bytes.Contains(picture, []byte(digest(t))) {
			t.Errorf("%s shows another page; make it anew with make picture, and look at it", picturePath)
		}
		if len(picture) > 100<<10 {
			t.Errorf("%s has %d octets, want less than 100 KiB", picturePath, len(picture))
		}
		return
	}
	address, signs := "127.0.0.1:"+server.FreePort(t), server.StartTarget(t)
	s := server.Start(t, corefile(address, signs))
	signs.Set(server.Fail, "api db")
	server.AwaitDown(t, s, "api db")
	for range 100 {
		server.AskAddresses(t, s, "app.example.org")
	}
	p := openTab(t, address)
	p.run(chromedp.EmulateViewport(1100, 980), chromedp.Navigate("http://"+address+"/?q=.example.org&zone=example.org"))
	shot, err := chromedp.Run(p, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(server.Path(picturePath), small(t, shot, digest(t)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// small makes a picture small: of its colors it keeps those that are most frequent. The picture says what it shows.
func small(t *testing.T, picture []byte, says string) []byte {
	t.Helper()
	source, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[color.Color]int)
	for y := range source.Bounds().Dy() {
		for x := range source.Bounds().Dx() {
			counts[source.At(x, y)]++
		}
	}
	frequent := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	result := image.NewPaletted(source.Bounds(), frequent[:min(len(frequent), 64)])
	draw.Draw(result, result.Bounds(), source, image.Point{}, draw.Src)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, result); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25 // the signature and the first chunk (PNG, section 5)
	return slices.Concat(b.Bytes()[:header], textChunk(says), b.Bytes()[header:])
}

// textChunk makes a chunk that tells what a picture shows (PNG, section 11.3.3.2).
func textChunk(text string) []byte {
	body := []byte("tEXtSource\x00" + text)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-len("tEXt")))
	chunk = append(chunk, body...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(body))
}
