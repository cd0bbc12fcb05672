package harrier

import (
	"bytes"
	"math/rand"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"harrier.example/harrier/internal/wire"
)

// transaction has any of the fields that the message has, whichever they are.
func (c chance) transaction() *wire.Transaction {
	made := new(wire.Transaction)
	fields := made.ProtoReflect().Descriptor().Fields()
	for i := 0; i < fields.Len(); i++ {
		field := fields.Get(i)
		switch {
		case c.flag():
		case field.Kind() == protoreflect.StringKind:
			made.ProtoReflect().Set(field, protoreflect.ValueOfString(c.text()))
		case field.Name() == "event_time_us": // a time of Go's holds fewer
			made.EventTimeUs = int64(c.number()>>8) - 1<<50
		case field.Kind() == protoreflect.Int64Kind:
			made.ProtoReflect().Set(field, protoreflect.ValueOfInt64(int64(c.number())))
		case field.Kind() == protoreflect.Uint64Kind:
			made.ProtoReflect().Set(field, protoreflect.ValueOfUint64(c.number()))
		case field.Name() == "location":
			made.Location = &wire.Location{LatitudeE7: int32(c.number()), LongitudeE7: int32(c.number())}
		case field.Name() == "attributes":
			made.Attributes = append(made.Attributes,
				&wire.Attribute{Name: "a", Value: &wire.Attribute_Text{Text: c.text()}},
				&wire.Attribute{Name: "b", Value: &wire.Attribute_Integer{Integer: int64(c.number())}})
		default:
			panic("a field that this test does not know: " + field.Name())
		}
	}
	return made
}

func TestScoreRequestsAreWhatGeneratedCodeWrites(t *testing.T) {
	c := chance{rand.New(rand.NewSource(7))}
	for round := 0; round < 5000; round++ {
		score := &wire.ScoreRequest{DryRun: c.flag(), ReturnFeatures: c.flag()}
		var transactions []Transaction
		for left := 1 + c.Intn(1+round%40); left > 0; left-- {
			one := c.transaction()
			score.Transactions = append(score.Transactions, one)
			transactions = append(transactions, transactionOf(one))
		}
		made, err := scoreRequest(transactions, score.DryRun, score.ReturnFeatures)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := proto.MarshalOptions{Deterministic: true}.Marshal(&wire.Request{Call: &wire.Request_Score{Score: score}})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made.body, wanted) {
			t.Fatalf("round %d: %v:\n%x, expected\n%x", round, score, made.body, wanted)
		}
	}
}
