// Package pseudonym makes pseudonyms of values, by the definition of the server, without a client or a connection.
package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

const (
	keyMin     = 32
	idMax      = 8
	domainMax  = 64
	valueMax   = 1024
	digitCount = 26
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func isKeyID(id string) bool {
	if id == "" || len(id) > idMax {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Of returns the pseudonym of a value by this key, as the server makes it of a field with protect: hmac. The
// domain is the name of the field, or its protect_as. The value is taken as it is: trim and fold it before, if the
// server's values are. See docs/operations/pseudonyms.md.
func Of(key []byte, keyID, domain, value string) (string, error) {
	switch {
	case len(key) < keyMin:
		return "", fmt.Errorf("the key has %d bytes; expected at least %d", len(key), keyMin)
	case !isKeyID(keyID):
		return "", errors.New("a key id has 1 to 8 small letters and digits")
	case domain == "" || len(domain) > domainMax || strings.Contains(domain, "\x00"):
		return "", fmt.Errorf("expected a field's name of at most %d bytes", domainMax)
	case len(value) > valueMax:
		return "", fmt.Errorf("the value has %d bytes; expected at most %d", len(value), valueMax)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(domain + "\x00" + value))
	return "p1." + keyID + "." + encoding.EncodeToString(mac.Sum(nil)[:16]), nil
}

// Is reports whether the value has exactly the form of a pseudonym.
func Is(value string) bool {
	rest, found := strings.CutPrefix(value, "p1.")
	id, digits, separated := strings.Cut(rest, ".")
	if !found || !separated || !isKeyID(id) || len(digits) != digitCount {
		return false
	}
	decoded, err := encoding.DecodeString(digits)
	// The last digit has three bits: of its values only those with two zero bits occur.
	return err == nil && encoding.EncodeToString(decoded) == digits
}
