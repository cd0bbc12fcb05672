package harrier

import (
	"fmt"
	"time"
)

// Verdict is what should happen to a transaction.
type Verdict string

// The verdicts, in order of severity.
const (
	Approve   Verdict = "approve"
	Review    Verdict = "review"
	Challenge Verdict = "challenge"
	Decline   Verdict = "decline"
)

// Label is what a transaction turned out to be.
type Label string

// The labels. NoOutcome withdraws the label reported before.
const (
	NoOutcome  Label = "none"
	Legit      Label = "legit"
	Fraud      Label = "fraud"
	Chargeback Label = "chargeback"
	Suspected  Label = "suspected"
)

// Transaction is what a server decides on. Empty strings are absent, and so is the zero EventTime.
//
// AmountMinor is in minor units of Currency: EUR 5.00 is 500, JPY 500 is 500. Card and the other keys are tokens of
// your own making: the server refuses card numbers.
type Transaction struct {
	// ID is chosen by the caller, unique; 1 to 128 bytes.
	ID string
	// EventTime is when it happened. Sent in microseconds.
	EventTime   time.Time
	AmountMinor int64
	Currency    string
	Card        string
	Customer    string
	Account     string
	Merchant    string
	Terminal    string
	Device      string
	IP          string
	Country     string
	MCC         string
	Channel     string
	Email       string
	Phone       string
	// Location is nil if it is not known.
	Location *Location
	// Attributes are fields that the server's policy declares.
	Attributes []Attribute
	// Source is who sends it, by a name of its own ("checkout-3"), and Sequence the number that it gives it: 1, rising
	// by one. The server notices numbers that are missing, or come twice. Empty and 0: none.
	Source   string
	Sequence uint64
}

// Location is a place in degrees, WGS 84. Sent rounded to 10⁻⁷.
type Location struct {
	Latitude, Longitude float64
}

// Attribute is a named value; String, Int, Float, Bool and Time make one.
type Attribute struct {
	name  string
	value any // string, int64, float64 or bool
}

// String makes an attribute of type string.
func String(name, value string) Attribute { return Attribute{name, value} }

// Int makes an attribute of type int, or of type decimal in units of its last digit.
func Int(name string, value int64) Attribute { return Attribute{name, value} }

// Float makes an attribute of type double.
func Float(name string, value float64) Attribute { return Attribute{name, value} }

// Bool makes an attribute of type bool.
func Bool(name string, value bool) Attribute { return Attribute{name, value} }

// Time makes an attribute of type timestamp.
func Time(name string, value time.Time) Attribute { return Attribute{name, value.UnixMicro()} }

// Name returns the attribute's name.
func (a Attribute) Name() string { return a.name }

// Value returns a string, int64, float64 or bool. It is microseconds for an attribute made by Time.
func (a Attribute) Value() any { return a.value }

// String returns name=value.
func (a Attribute) String() string { return fmt.Sprintf("%s=%v", a.name, a.value) }

// Reason is a rule that fired. Verdict and VerdictIfLive are "" if there is none.
type Reason struct {
	Rule          string
	Text          string
	Score         int32
	Verdict       Verdict
	Shadow        bool
	Suppressed    bool
	Tags          []string
	Group         string
	Capped        int32
	VerdictIfLive Verdict
}

// Feature is a named value that a decision read: nil if it was absent, else bool, int64, float64, string,
// time.Time or time.Duration.
type Feature struct {
	Name  string
	Value any
}

// Arm is which of two policies decides.
type Arm string

const (
	ArmChampion   Arm = "champion"
	ArmChallenger Arm = "challenger"
)

// Decision is a server's decision or, with Fallback, the client's own because there was none in time.
type Decision struct {
	TransactionID string
	Verdict       Verdict
	// Score is 0 (nothing suspicious) to 1,000.
	Score   uint32
	Reasons []Reason
	// SnapshotID and GenerationID identify the policy that decided and the tables it used.
	SnapshotID   uint64
	GenerationID uint64
	// Position is the position of its archive record; 0: a dry run.
	Position       uint64
	Degraded       bool
	DegradedReason string
	// Duplicate: this id was scored before, and this is that decision.
	Duplicate  bool
	DryRun     bool
	ServerTime time.Duration
	// RuleErrors is the number of rules whose evaluation failed; FailedRules has the names of the first 16, in the
	// policy's order. A server or a record of an earlier version names none.
	RuleErrors  uint32
	FailedRules []string
	// Arm says whose share of a key the transaction is in while a challenger decides for one; else it is empty.
	Arm Arm
	// Features are set with ReturnFeatures, in the policy's order.
	Features []Feature
	// Fallback: made by the client. FallbackReason is the code of the error that it replaces.
	Fallback       bool
	FallbackReason Code
}

// ScoreResult is the result of one transaction of ScoreMany: Err, or a Decision.
type ScoreResult struct {
	Decision *Decision
	Err      error
}

// Outcome is a label to report for a transaction. A zero KnownTime means now.
type Outcome struct {
	TransactionID string
	Label         Label
	KnownTime     time.Time
	Source        string
	// UnlessLabelled changes nothing where the transaction has a label already: OutcomeAccepted.Previous.
	UnlessLabelled bool
}

// OutcomeAccepted is the answer to an Outcome. Changed is false if the transaction already had this label, or any with
// UnlessLabelled; then Position is 0.
type OutcomeAccepted struct {
	TransactionID string
	Position      uint64
	Changed       bool
	Previous      Label
}

// OutcomeResult is the result of one outcome of ReportOutcomes: Err, or Accepted.
type OutcomeResult struct {
	Accepted *OutcomeAccepted
	Err      error
}

// AmendmentKind is what became known about a transaction's money.
type AmendmentKind string

// The kinds of amendments. Void: the transaction never took place. Capture: what was really taken. Refund: what has been
// paid back so far. Restore: a void was a mistake.
const (
	Void    AmendmentKind = "void"
	Capture AmendmentKind = "capture"
	Refund  AmendmentKind = "refund"
	Restore AmendmentKind = "restore"
)

// Amendment reports what became known about a transaction's money after it was decided. A zero KnownTime means now.
type Amendment struct {
	TransactionID string
	Kind          AmendmentKind
	// AmountMinor is that of a Capture or Refund, in minor units of the transaction's currency; otherwise 0. It is a total
	// and not a difference: what is captured or refunded altogether.
	AmountMinor int64
	KnownTime   time.Time
	Source      string
	// Currency is that of AmountMinor, if it is known: the server refuses one that is not the transaction's.
	Currency string
}

// AmendedTransaction is what a transaction is by now, in minor units of its currency.
type AmendedTransaction struct {
	Voided bool
	// AmountMinor is what was taken; until a Capture, the amount that was scored.
	AmountMinor int64
	// RefundedMinor is what has been paid back so far.
	RefundedMinor int64
}

// AmendmentAccepted is the answer to an Amendment. Changed is false if the transaction was this already; then Position is
// 0.
type AmendmentAccepted struct {
	TransactionID string
	Position      uint64
	Changed       bool
	// Previous is what the transaction was until now, Now what it is.
	Previous AmendedTransaction
	Now      AmendedTransaction
}

// AmendmentResult is the result of one amendment of AmendMany: Err, or Accepted.
type AmendmentResult struct {
	Accepted *AmendmentAccepted
	Err      error
}

// Entity is the history of one card, customer, … as the server has it.
type Entity struct {
	Features   []Feature
	NewestTime time.Time
	AtTime     time.Time
	// Entries is the number of transactions in its state.
	Entries    uint64
	StateBytes uint64
	StateHash  uint64
}

// Status is what a server reports of itself; its metrics have more.
type Status struct {
	Version        string
	State          string
	StateReason    string
	StartedTime    time.Time
	PolicyName     string
	SnapshotID     uint64
	GenerationID   uint64
	Position       uint64
	SyncedPosition uint64
	Transactions   uint64
	Outcomes       uint64
	StateHash      uint64
	Stale          bool
	ReloadError    string

	// Node is the server's name in its cluster, Primary the address of the server that decides, as far as this one knows,
	// and CommittedPosition that of the last record that is known to be committed. Only of a server whose archive is
	// replicated.
	Node              string
	Primary           string
	CommittedPosition uint64

	// Brakes that were pulled and not lifted: the first 100 of BrakeCount, in the order of their positions.
	Brakes     []Brake
	BrakeCount uint64

	// Sources of transactions, at most 256, and how many transactions had another one.
	Sources                 []Source
	OtherSourceTransactions uint64
}

// Source is what the numbers of a source say, in the whole archive.
type Source struct {
	Source string
	// Transactions with and without a number.
	Transactions    uint64
	LastReceiveTime time.Time
	// First is the lowest number and Highest the highest since the numbering last began anew; 0: none.
	First   uint64
	Highest uint64
	// Gaps counts ranges of numbers that did not come in time, Missed the numbers in them, and Late those of them that came
	// after all.
	Gaps   uint64
	Missed uint64
	Late   uint64
	// Repeats counts numbers that came again, with another transaction, and Restarts how often the numbering began anew.
	Repeats  uint64
	Restarts uint64
	// Missing has the last ranges that are still missing, at most 10, in rising order.
	Missing []SourceRange
}

// SourceRange is a range of numbers; both ends are included.
type SourceRange struct {
	First uint64
	Last  uint64
}
