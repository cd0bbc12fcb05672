package pseudonym

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestPseudonymsAreAsPublished(t *testing.T) {
	bytes, err := os.ReadFile("../../../tests/cases/pseudonyms.json")
	if os.IsNotExist(err) {
		t.Skip("not in Harrier's tree")
	}
	var cases struct {
		Pseudonyms []struct {
			KeyID     string `json:"key_id"`
			Key       string `json:"key"`
			Domain    string `json:"domain"`
			Value     string `json:"value"`
			Pseudonym string `json:"pseudonym"`
		} `json:"pseudonyms"`
		Others []string `json:"not_pseudonyms"`
	}
	if err != nil || json.Unmarshal(bytes, &cases) != nil || len(cases.Pseudonyms) < 50 {
		t.Fatalf("pseudonyms.json: %v", err)
	}
	for _, c := range cases.Pseudonyms {
		key, err := hex.DecodeString(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Of(key, c.KeyID, c.Domain, c.Value)
		if err != nil || got != c.Pseudonym {
			t.Errorf("%s %q: %s (%v), expected %s", c.Domain, c.Value, got, err, c.Pseudonym)
		}
		if !Is(got) {
			t.Errorf("%s has not the form of a pseudonym", got)
		}
	}
	for _, other := range cases.Others {
		if Is(other) {
			t.Errorf("%q has the form of a pseudonym", other)
		}
	}
}

func TestPseudonymRefuses(t *testing.T) {
	key := make([]byte, 32)
	for _, c := range []struct {
		key                  []byte
		keyID, domain, value string
	}{
		{key[1:], "k1", "card", "a"},
		{key, "", "card", "a"},
		{key, "K1", "card", "a"},
		{key, "k1", "", "a"},
		{key, "k1", "a\x00b", "a"},
		{key, "k1", "card", strings.Repeat("a", 1025)},
	} {
		if got, err := Of(c.key, c.keyID, c.domain, c.value); err == nil {
			t.Errorf("%q %q: %s, expected an error", c.keyID, c.domain, got)
		}
	}
}
