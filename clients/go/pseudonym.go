package harrier

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

const (
	pseudonymKeyMin    = 32
	pseudonymIDMax     = 8
	pseudonymDomainMax = 64
	pseudonymValueMax  = 1024
	pseudonymDigits    = 26
)

var pseudonymEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func isKeyID(id string) bool {
	if id == "" || len(id) > pseudonymIDMax {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Pseudonym returns the pseudonym of a value by this key, as the server makes it of a field with protect: hmac. The
// domain is the name of the field, or its protect_as. The value is taken as it is: trim and fold it before, if the
// server's values are. See docs/operations/pseudonyms.md.
func Pseudonym(key []byte, keyID, domain, value string) (string, error) {
	switch {
	case len(key) < pseudonymKeyMin:
		return "", fmt.Errorf("the key has %d bytes; expected at least %d", len(key), pseudonymKeyMin)
	case !isKeyID(keyID):
		return "", errors.New("a key id has 1 to 8 small letters and digits")
	case domain == "" || len(domain) > pseudonymDomainMax || strings.Contains(domain, "\x00"):
		return "", fmt.Errorf("expected a field's name of at most %d bytes", pseudonymDomainMax)
	case len(value) > pseudonymValueMax:
		return "", fmt.Errorf("the value has %d bytes; expected at most %d", len(value), pseudonymValueMax)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(domain + "\x00" + value))
	return "p1." + keyID + "." + pseudonymEncoding.EncodeToString(mac.Sum(nil)[:16]), nil
}

// IsPseudonym reports whether the value has exactly the form of a pseudonym.
func IsPseudonym(value string) bool {
	rest, found := strings.CutPrefix(value, "p1.")
	id, digits, separated := strings.Cut(rest, ".")
	if !found || !separated || !isKeyID(id) || len(digits) != pseudonymDigits {
		return false
	}
	decoded, err := pseudonymEncoding.DecodeString(digits)
	// The last digit has three bits: of its values only those with two zero bits occur.
	return err == nil && pseudonymEncoding.EncodeToString(decoded) == digits
}
