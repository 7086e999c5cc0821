package config

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// digestKind is one kind of digest. Records name it by a number.
type digestKind struct {
	name   string
	octets int
	rfc    int
}

// The digests of a fixed length, by their numbers in the registries of IANA.
var (
	dsDigests = map[uint8]digestKind{
		dns.SHA1:   {"SHA-1", 20, 4034},
		dns.SHA256: {"SHA-256", 32, 4509},
		dns.GOST94: {"GOST R 34.11-94", 32, 5933},
		dns.SHA384: {"SHA-384", 48, 6605},
		5:          {"GOST R 34.11-2012", 32, 9558},
		6:          {"SM3", 32, 9563},
	}
	sshDigests = map[uint8]digestKind{
		1: {"SHA-1", 20, 4255},
		2: {"SHA-256", 32, 6594},
	}
	certificateDigests = map[uint8]digestKind{
		1: {"SHA-256", 32, 6698},
		2: {"SHA-512", 64, 6698},
	}
)

// validateDigest returns an error if a hexadecimal digest does not have the length of its kind.
// Unknown kinds may have any length.
func validateDigest(digest string, number uint8, kinds map[uint8]digestKind) error {
	octets := len(digest) / 2
	kind, ok := kinds[number]
	switch {
	case octets == 0:
		return errors.New("the digest is missing")
	case ok && octets != kind.octets:
		return fmt.Errorf("the digest has %s; one of type %d, %s, has %d (RFC %d)",
			plural(octets, "octet", "octets"), number, kind.name, kind.octets, kind.rfc)
	}
	return nil
}

func validateDS(ds *dns.DS) error {
	if ds.DigestType == 0 || ds.Algorithm == 0 {
		return errors.New("0 is reserved, as an algorithm and as a type of digest (RFC 4034)")
	}
	return validateDigest(ds.Digest, ds.DigestType, dsDigests)
}

// validateCDS is validateDS, except for the record that asks the parent to delete its DS records.
func validateCDS(cds *dns.CDS) error {
	if cds.Algorithm == 0 && (cds.KeyTag != 0 || cds.DigestType != 0 || cds.Digest != "00") {
		return errors.New("with algorithm 0 it is 0 0 0 00 (RFC 8078)")
	}
	if cds.Algorithm == 0 {
		return nil
	}
	return validateDS(&cds.DS)
}

func validateSSHFP(fp *dns.SSHFP) error { return validateDigest(fp.FingerPrint, fp.Type, sshDigests) }

// validateDHCID returns an error if the digest does not have the length of its type (RFC 4701
// §3.1). It stands behind 2 octets for the type of identifier and 1 for the type of digest.
func validateDHCID(id *dns.DHCID) error {
	octets, _ := base64.StdEncoding.DecodeString(id.Digest) // it was packed
	const front, sha256 = 3, 1
	switch {
	case len(octets) <= front:
		return errors.New("the digest is missing; it stands behind 3 octets (RFC 4701)")
	case octets[2] == sha256 && len(octets) != front+32:
		return fmt.Errorf("it has %d octets; with type 1, SHA-256, it has 35 (RFC 4701)", len(octets))
	}
	return nil
}

// validateKey returns an error if a key is not for DNSSEC, or not as long as its algorithm says.
func validateKey(key *dns.DNSKEY) error {
	if key.Protocol != 3 {
		return fmt.Errorf("protocol %d; it is 3 (RFC 4034)", key.Protocol)
	}
	octets, _ := base64.StdEncoding.DecodeString(key.PublicKey) // it was packed
	if len(octets) == 0 {
		return errors.New("the key is missing")
	}
	switch key.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		return validateRSA(octets)
	}
	want, ok := map[uint8]struct{ octets, rfc int }{
		dns.ECCGOST:         {64, 5933},
		dns.ECDSAP256SHA256: {64, 6605},
		dns.ECDSAP384SHA384: {96, 6605},
		dns.ED25519:         {32, 8080},
		dns.ED448:           {57, 8080},
	}[key.Algorithm]
	if ok && len(octets) != want.octets {
		return fmt.Errorf("the key has %s; one of algorithm %d, %s, has %d (RFC %d)", plural(len(octets), "octet", "octets"),
			key.Algorithm, dns.AlgorithmToString[key.Algorithm], want.octets, want.rfc)
	}
	return nil
}

// validateRSA returns an error unless a key is the length of an exponent, the exponent, and a
// modulus (RFC 3110 §2).
func validateRSA(key []byte) error {
	const least = 512 / 8 // of the modulus (RFC 5702 §2.1)
	exponent, front := int(key[0]), 1
	if exponent == 0 && len(key) > 3 {
		exponent, front = int(binary.BigEndian.Uint16(key[1:])), 3
	}
	if exponent == 0 || len(key)-front-exponent < least {
		return fmt.Errorf("the key has %d octets, which are not the length of an exponent, the exponent, and a modulus of 512 bits or more (RFC 3110)", len(key))
	}
	return nil
}

// validateCDNSKEY is validateKey, except for the record that asks the parent to delete its DS
// records.
func validateCDNSKEY(key *dns.CDNSKEY) error {
	switch {
	case key.Algorithm == 0 && (key.Flags != 0 || key.Protocol != 3 || key.PublicKey != "AA=="):
		return errors.New("with algorithm 0 it is 0 3 0 AA== (RFC 8078)")
	case key.Algorithm == 0:
		return nil
	case key.Flags&dns.ZONE == 0:
		return fmt.Errorf("flags %d; a key that signs a zone has 256, or 257 (RFC 4034)", key.Flags)
	}
	return validateKey(&key.DNSKEY)
}
