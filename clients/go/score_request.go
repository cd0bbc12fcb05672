package harrier

import (
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"harrier.example/harrier/internal/wire"
)

// A fast encoder for scores, which writes the bytes directly: the generated code would allocate its own structures first.
// Locations and attributes are left to the generated code.

const (
	fieldScore        = 10 // of Request
	fieldTransactions = 1  // of ScoreRequest
	fieldDryRun       = 2
	fieldFeatures     = 3
	// of Transaction
	fieldEventTime   = 2
	fieldAmountMinor = 3
	fieldSequence    = 18

	// The initial capacity per transaction, in bytes.
	transactionMostly = 160
)

// textNames has the names of Transaction's string fields by their numbers; "" for the others.
var textNames = [...]string{1: "id", 4: "currency", 5: "card", 6: "customer", 7: "account", 8: "merchant", 9: "terminal",
	10: "device", 11: "ip", 12: "country", 13: "mcc", 14: "channel", 15: "email", 16: "phone",
	17: "source"}

// texts returns the string fields by their numbers.
func (t *Transaction) texts() [len(textNames)]string {
	return [len(textNames)]string{1: t.ID, 4: t.Currency, 5: t.Card, 6: t.Customer, 7: t.Account, 8: t.Merchant,
		9: t.Terminal, 10: t.Device, 11: t.IP, 12: t.Country, 13: t.MCC, 14: t.Channel, 15: t.Email, 16: t.Phone,
		17: t.Source}
}

func scoreRequest(transactions []Transaction, dryRun, returnFeatures bool) (*request, error) {
	if err := checkCount(len(transactions), "transactions"); err != nil {
		return nil, err
	}
	body := make([]byte, 0, len(transactions)*transactionMostly)
	body = protowire.AppendTag(body, fieldScore, protowire.BytesType)
	score := len(body)
	var err error
	for i := range transactions {
		body = protowire.AppendTag(body, fieldTransactions, protowire.BytesType)
		at := len(body)
		if body, err = appendTransaction(body, &transactions[i]); err != nil {
			return nil, err
		}
		body = insertLength(body, at)
	}
	body = appendFlag(body, fieldDryRun, dryRun)
	body = appendFlag(body, fieldFeatures, returnFeatures)
	made, err := encodedRequest("score", len(transactions), insertLength(body, score))
	if err != nil {
		return nil, err
	}
	made.dryRun = dryRun
	return made, nil
}

// insertLength inserts the length of what begins there before it.
func insertLength(data []byte, at int) []byte {
	length := len(data) - at
	var room [10]byte
	prefix := protowire.AppendVarint(room[:0], uint64(length))
	data = append(data, prefix...)
	copy(data[at+len(prefix):], data[at:at+length])
	copy(data[at:], prefix)
	return data
}

func appendFlag(data []byte, field protowire.Number, flag bool) []byte {
	if !flag {
		return data
	}
	return protowire.AppendVarint(protowire.AppendTag(data, field, protowire.VarintType), 1)
}

func appendNumber(data []byte, field protowire.Number, number int64) []byte {
	if number == 0 {
		return data
	}
	return protowire.AppendVarint(protowire.AppendTag(data, field, protowire.VarintType), uint64(number))
}

// appendTransaction writes the fields in the order of their numbers.
func appendTransaction(data []byte, t *Transaction) ([]byte, error) {
	time, err := microseconds(t.EventTime, "event_time_us")
	if err != nil {
		return nil, err
	}
	for number, value := range t.texts() {
		switch number {
		case fieldEventTime:
			data = appendNumber(data, fieldEventTime, time)
		case fieldAmountMinor:
			data = appendNumber(data, fieldAmountMinor, t.AmountMinor)
		}
		if value == "" {
			continue
		}
		if !utf8.ValidString(value) {
			return nil, invalid(textNames[number], "expected UTF-8")
		}
		data = protowire.AppendTag(data, protowire.Number(number), protowire.BytesType)
		data = protowire.AppendString(data, value)
	}
	if t.Sequence != 0 {
		data = protowire.AppendVarint(protowire.AppendTag(data, fieldSequence, protowire.VarintType), t.Sequence)
	}
	if t.Location == nil && len(t.Attributes) == 0 {
		return data, nil
	}
	return appendRest(data, t)
}

func appendRest(data []byte, t *Transaction) ([]byte, error) {
	var rest wire.Transaction
	var err error
	if t.Location != nil {
		if rest.Location, err = location(t.Location); err != nil {
			return nil, err
		}
	}
	for _, attribute := range t.Attributes {
		made, err := attribute.encoded()
		if err != nil {
			return nil, err
		}
		rest.Attributes = append(rest.Attributes, made)
	}
	data, err = proto.MarshalOptions{}.MarshalAppend(data, &rest)
	if err != nil {
		return nil, invalid("", err.Error())
	}
	return data, nil
}

func location(l *Location) (*wire.Location, error) {
	latitude, longitude := math.Round(l.Latitude*1e7), math.Round(l.Longitude*1e7)
	// Written this way round so that NaN, which compares false, is refused.
	if !(math.Abs(latitude) <= math.MaxInt32 && math.Abs(longitude) <= math.MaxInt32) {
		return nil, invalid("location", fmt.Sprintf("%v, %v; expected degrees", l.Latitude, l.Longitude))
	}
	return &wire.Location{LatitudeE7: int32(latitude), LongitudeE7: int32(longitude)}, nil
}

func (a Attribute) encoded() (*wire.Attribute, error) {
	if err := checkEach(text{"attributes", a.name}); err != nil {
		return nil, err
	}
	target := &wire.Attribute{Name: a.name}
	switch value := a.value.(type) {
	case string:
		if err := checkEach(text{a.name, value}); err != nil {
			return nil, err
		}
		target.Value = &wire.Attribute_Text{Text: value}
	case int64:
		target.Value = &wire.Attribute_Integer{Integer: value}
	case float64:
		target.Value = &wire.Attribute_Number{Number: value}
	case bool:
		target.Value = &wire.Attribute_Flag{Flag: value}
	default:
		return nil, invalid("attributes", fmt.Sprintf("%q has no value; expected one made by String, Int, Float, Bool or Time", a.name))
	}
	return target, nil
}
