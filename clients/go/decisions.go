package harrier

import (
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A fast decoder for the usual answer to a score: decisions with reasons and nothing else. Anything else, and anything
// invalid, is left to the generated code, which is slower and has the error messages.

// The keys of the fields: number and wire type.
const (
	keyScore  = 10<<3 | byte(protowire.BytesType) // of Response
	keyResult = 1<<3 | byte(protowire.BytesType)  // of ScoreResponse
	// of ScoreResult
	keyDecision = 1<<3 | byte(protowire.BytesType)
)

// readDecisions returns nil if the answer has anything else in it, or another number of decisions.
func readDecisions(data []byte, count int) []ScoreResult {
	whole := plain{text: data}
	content, ok := whole.only(keyScore)
	if !ok {
		return nil
	}
	results := make([]ScoreResult, count)
	decisions := make([]Decision, count)
	all := plain{text: content}
	for i := range results {
		if all.at == len(all.text) || all.key() != keyResult {
			return nil
		}
		one := plain{text: all.bytes()}
		decision, ok := one.only(keyDecision)
		// All strings are slices of one copy.
		if !ok || all.bad || !readDecision(&decisions[i], decision, string(decision)) {
			return nil
		}
		results[i].Decision = &decisions[i]
	}
	if all.at != len(all.text) {
		return nil
	}
	return results
}

func readDecision(d *Decision, data []byte, text string) bool {
	p := plain{text: data, copied: text}
	verdict := uint64(0)
	for p.more() {
		switch key := p.key(); key {
		case 1<<3 | byte(protowire.BytesType):
			d.TransactionID = p.string()
		case 2<<3 | byte(protowire.VarintType):
			verdict = p.varint()
		case 3<<3 | byte(protowire.VarintType):
			d.Score = uint32(p.varint())
		case 4<<3 | byte(protowire.BytesType):
			from := p.bytes()
			if p.bad {
				return false
			}
			if d.Reasons == nil {
				d.Reasons = make([]Reason, 0, 1+p.another(key))
			}
			d.Reasons = append(d.Reasons, Reason{})
			if !readReason(&d.Reasons[len(d.Reasons)-1], from, text[p.at-len(from):p.at]) {
				return false
			}
		case 5<<3 | byte(protowire.Fixed64Type):
			d.SnapshotID = p.fixed64()
		case 6<<3 | byte(protowire.Fixed64Type):
			d.GenerationID = p.fixed64()
		case 7<<3 | byte(protowire.VarintType):
			d.Position = p.varint()
		case 8<<3 | byte(protowire.VarintType):
			d.Degraded = p.varint() != 0
		case 9<<3 | byte(protowire.BytesType):
			d.DegradedReason = p.string()
		case 10<<3 | byte(protowire.VarintType):
			d.Duplicate = p.varint() != 0
		case 11<<3 | byte(protowire.VarintType):
			d.DryRun = p.varint() != 0
		case 12<<3 | byte(protowire.VarintType):
			d.ServerTime = time.Duration(uint32(p.varint())) * time.Microsecond
		case 13<<3 | byte(protowire.VarintType):
			d.RuleErrors = uint32(p.varint())
		case 15<<3 | byte(protowire.BytesType):
			d.FailedRules = append(d.FailedRules, p.string())
		default: // features, or what this client does not know
			return false
		}
	}
	d.Verdict = p.verdict(verdict)
	return !p.bad && d.Verdict != ""
}

func readReason(r *Reason, data []byte, text string) bool {
	p := plain{text: data, copied: text}
	for p.more() {
		switch key := p.key(); key {
		case 1<<3 | byte(protowire.BytesType):
			r.Rule = p.string()
		case 2<<3 | byte(protowire.BytesType):
			r.Text = p.string()
		case 3<<3 | byte(protowire.VarintType):
			r.Score = p.signed()
		case 4<<3 | byte(protowire.VarintType):
			r.Verdict = p.verdict(p.varint())
		case 5<<3 | byte(protowire.VarintType):
			r.Shadow = p.varint() != 0
		case 6<<3 | byte(protowire.VarintType):
			r.Suppressed = p.varint() != 0
		case 7<<3 | byte(protowire.BytesType):
			r.Tags = append(r.Tags, p.string())
		case 8<<3 | byte(protowire.BytesType):
			r.Group = p.string()
		case 9<<3 | byte(protowire.VarintType):
			r.Capped = p.signed()
		case 10<<3 | byte(protowire.VarintType):
			r.VerdictIfLive = p.verdict(p.varint())
		default:
			return false
		}
	}
	return !p.bad
}

// plain reads the fields of one message. After an error it is bad and returns no further field.
type plain struct {
	text   []byte
	copied string // the same bytes as a string, if strings are read from it
	at     int
	bad    bool
}

func (p *plain) more() bool { return !p.bad && p.at < len(p.text) }

// key returns the key of the next field, which must exist. All known numbers are below 16, so a longer key is unknown.
func (p *plain) key() byte {
	key := p.text[p.at]
	p.at++
	return key
}

func (p *plain) fail() { p.bad, p.at = true, len(p.text) }

func (p *plain) varint() uint64 {
	if p.at < len(p.text) && p.text[p.at] < 0x80 {
		p.at++
		return uint64(p.text[p.at-1])
	}
	value, length := protowire.ConsumeVarint(p.text[p.at:])
	if length < 0 {
		p.fail()
		return 0
	}
	p.at += length
	return value
}

func (p *plain) fixed64() uint64 {
	value, length := protowire.ConsumeFixed64(p.text[p.at:])
	if length < 0 {
		p.fail()
		return 0
	}
	p.at += length
	return value
}

func (p *plain) signed() int32 { return int32(protowire.DecodeZigZag(p.varint() & math.MaxUint32)) }

func (p *plain) bytes() []byte {
	length := p.varint()
	if length > uint64(len(p.text)-p.at) {
		p.fail()
		return nil
	}
	from := p.at
	p.at += int(length)
	return p.text[from:p.at]
}

func (p *plain) string() string {
	if length := len(p.bytes()); !p.bad {
		if found := p.copied[p.at-length : p.at]; utf8.ValidString(found) {
			return found
		}
	}
	p.fail()
	return ""
}

// verdict returns "" for 0: none.
func (p *plain) verdict(number uint64) Verdict {
	found := verdictOf(int32(uint32(number)))
	if found == "" && uint32(number) != 0 {
		p.fail()
	}
	return found
}

// another returns how many fields with the key follow directly. It reads ahead on a copy.
func (p plain) another(key byte) int {
	count := 0
	for p.more() && p.key() == key {
		p.bytes()
		count++
	}
	return count
}

// only returns the content of the only field of a message.
func (p *plain) only(key byte) ([]byte, bool) {
	if p.at == len(p.text) || p.key() != key {
		return nil, false
	}
	found := p.bytes()
	return found, !p.bad && p.at == len(p.text)
}
