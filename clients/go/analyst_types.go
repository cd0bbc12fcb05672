package harrier

import "time"

// What the calls of an analyst send and return: changes of lists and brakes, reloads, explanations and searches. Zero times are none.

// ---------------------------------------------------------------------------------------------------------------
// Lists

// ListChange adds an entry to a list of the policy while the server runs or, with Remove, removes an entry that was
// added. The entries of the policy's own files stay.
type ListChange struct {
	// List is its name in the policy.
	List string
	// Value is at most 1,024 bytes: for a list of type network an address or a network, for one of type int a whole
	// number or a range ("1000-1999").
	Value  string
	Remove bool
	// ExpiryTime: transactions with event times from here on do not match the entry. It must be in the future; zero: the
	// entry does not expire. Adding an entry that is there changes its expiry. Sent in microseconds.
	ExpiryTime time.Time
	// Source says who makes the change ("analyst:7"), Reason why. Both are optional.
	Source string
	Reason string
}

// ListChanged is the answer to a ListChange.
type ListChanged struct {
	List string
	// Value is in the canonical form of the list: "2001:DB8::1" becomes "2001:db8::1".
	Value string
	// Position is that of the change in the archive; 0 if nothing changed.
	Position uint64
	// Changed is false if the entry was there with this expiry already or, for a removal, was not there.
	Changed bool
	// WasThere: the entry had been added before and not removed.
	WasThere bool
	// PreviousExpiryTime is zero if the entry was not there or did not expire.
	PreviousExpiryTime time.Time
	// InPolicy: the policy's own entries cover all of it, so it is in the list whatever is removed.
	InPolicy bool
}

// ListChangeResult is the result of one change of ChangeList: Err, or Changed.
type ListChangeResult struct {
	Changed *ListChanged
	Err     error
}

// ListSummary is a list and the number of its entries.
type ListSummary struct {
	List string
	// Type is "string", "network" or "int"; "" if the policy does not declare the list.
	Type string
	// About is the description in the policy.
	About string
	// Declared: the policy in force declares the list. Runtime: the list accepts changes.
	Declared bool
	Runtime  bool
	// File has the policy's own entries, of which there are PolicyEntries.
	File          string
	PolicyEntries uint64
	// AddedEntries were added while the server ran, and not removed. UsedEntries are those of them that are valid for the
	// list's type; the others date from when it had another type, and have no effect.
	AddedEntries uint64
	UsedEntries  uint64
	// Changes counts all changes so far, with removals.
	Changes        uint64
	LastChangeTime time.Time
}

// ListEntry is an entry that was added while the server ran.
type ListEntry struct {
	Value string
	// ExpiryTime: transactions with event times from here on do not match it; zero: it does not expire.
	ExpiryTime time.Time
	// Position is that of its record in the archive.
	Position    uint64
	ReceiveTime time.Time
	Source      string
	Reason      string
}

// ListPage is the list that was asked for, or all of them, and a page of its added entries in the order of their
// positions.
type ListPage struct {
	Lists   []ListSummary
	Entries []ListEntry
	// NextPosition is what AfterPosition needs for the next page; 0: there is none.
	NextPosition uint64
}

// ---------------------------------------------------------------------------------------------------------------
// Brakes

// BrakeChange pulls the brake of a rule or, without Pull, lifts it.
type BrakeChange struct {
	// Rule is its name in the policy; "" with Policy, which means each of the policy's rules.
	Rule   string
	Policy bool
	Pull   bool
	// Definition lifts a brake that is for another declaration of the rule than that of the policy in force: as of the
	// Brake. 0: the one in force.
	Definition uint64
	// Source says who makes the change ("analyst:7"), Reason why. Both are optional.
	Source string
	Reason string
}

// BrakeChanged is the answer to a BrakeChange.
type BrakeChanged struct {
	// Changed is false if it was so already.
	Changed bool
	// Position is that of the change in the archive; 0 if nothing changed.
	Position uint64
	// Definition is that of the declaration that the brake is, or was, for.
	Definition uint64
}

// Brake is one that was pulled and not lifted.
type Brake struct {
	// Rule is "" for the policy as a whole.
	Rule string
	// Definition is a hash of the declaration that it is for. Applies: the policy in force declares the rule so.
	Definition uint64
	Applies    bool
	PulledTime time.Time
	Position   uint64
	// Source is who pulled it, "" the server; Reason the person's, or what exceeded at_most.
	Source string
	Reason string
}

// ---------------------------------------------------------------------------------------------------------------
// Reload

// ReloadResult is what became of a policy.
type ReloadResult string

// The results of a reload. ReloadNone: the call did not wait for it. ReloadUnchanged: the files are those of the policy
// in force. ReloadRefused: the policy has an error, or one of its cases fails, and the one in force stays.
const (
	ReloadNone      ReloadResult = "none"
	ReloadAdopted   ReloadResult = "adopted"
	ReloadUnchanged ReloadResult = "unchanged"
	ReloadRefused   ReloadResult = "refused"
)

// Reload is what became of the policy and of each shadow policy. Without Wait, nothing but Result is set.
type Reload struct {
	Result ReloadResult
	// PolicyName and SnapshotID are those of the policy in force now.
	PolicyName string
	SnapshotID uint64
	// Error is one sentence that says why the policy was refused; Messages has all errors, warnings and failed cases, with
	// line breaks.
	Error    string
	Messages string
	// WarmingFeatures have no history until the next rebuild, and WarmingRules use them: the first names of each, and how
	// many there are.
	WarmingFeatures     []string
	WarmingFeatureCount uint64
	WarmingRules        []string
	WarmingRuleCount    uint64
	// Shadows are in the order of the server's options.
	Shadows []ShadowReload
}

// ShadowReload is what became of the shadow policy in a folder. PolicyName and SnapshotID are those of the shadow policy
// in use from now on: "" and 0 if there is none for this folder.
type ShadowReload struct {
	Folder     string
	Result     ReloadResult
	PolicyName string
	SnapshotID uint64
	// Error and Messages are as in Reload.
	Error    string
	Messages string
}

// ---------------------------------------------------------------------------------------------------------------
// Explain

// Explanation is a decision that was derived again from the archive, with everything that went into it.
type Explanation struct {
	// Transaction is as the server received it. Its attributes of type timestamp are Int in microseconds.
	Transaction Transaction
	// Position is that of its archive record.
	Position    uint64
	ReceiveTime time.Time
	// Archived is the decision in the archive, without features; the derived one is Then.Decision. Equal: they are the same
	// bit for bit. Difference says otherwise how they differ.
	Archived   Decision
	Equal      bool
	Difference string
	// PolicyPosition is that of the record of the policy that decided.
	PolicyPosition uint64
	// GenerationID identifies the tables that it was decided on; 0: none. GenerationPosition is the position that they were
	// built for, AdoptedPosition that of the record of their adoption.
	GenerationID       uint64
	GenerationPosition uint64
	AdoptedPosition    uint64
	// BasePosition is where the history was folded from: the tables' position, or 0 for the archive's first record.
	// RecordsRead were read from there; RecordsApplied of them concern the transaction's entities.
	BasePosition   uint64
	RecordsRead    uint64
	RecordsApplied uint64
	Entities       []ExplainedEntity
	// Outcomes were reported after the decision, which they could not influence.
	Outcomes []ExplainedOutcome
	// Amendments were reported after the decision, too.
	Amendments []ExplainedAmendment
	// Notes are sentences that the reader should know.
	Notes []string
	// Then is what the policy that was in force makes of the transaction.
	Then ExplainedPolicy
	// Experiment is the name of the one whose arm the decision names; else it is empty.
	Experiment string
}

// ExplainedEntity is an entity of the transaction.
type ExplainedEntity struct {
	Name string
	// Key has the parts of a key of several fields, separated by ", ".
	Key string
	// Entries is the number of transactions in its state; NewestTime is the event time of the newest of them.
	Entries    uint64
	NewestTime time.Time
	// Applied is the number of records applied to its state from the tables. InTables: these had a state of it.
	Applied  uint64
	InTables bool
}

// ExplainedOutcome is an outcome reported after the decision.
type ExplainedOutcome struct {
	// Position is that of its archive record.
	Position    uint64
	ReceiveTime time.Time
	KnownTime   time.Time
	Previous    Label
	Label       Label
	Source      string
}

// ExplainedAmendment is an amendment reported after the decision.
type ExplainedAmendment struct {
	// Position is that of its archive record.
	Position    uint64
	ReceiveTime time.Time
	KnownTime   time.Time
	// Previous is what the transaction was until then, Now what it was from then on.
	Previous AmendedTransaction
	Now      AmendedTransaction
	Source   string
}

// ExplainedPolicy is how a policy decides the transaction.
type ExplainedPolicy struct {
	Name       string
	SnapshotID uint64
	// Refusal says why the policy refuses the transaction, because of RefusedField. Then Decision is nil, and nothing after
	// it is set.
	Refusal      string
	RefusedField string
	// Decision has all features and computed values.
	Decision *Decision
	// Fields are those of the transaction as expressions read them, with derived ones.
	Fields []Feature
	// Computed is how the computed values came about.
	Computed []ExplainedComputed
	// Rules are all of them, in the policy's order.
	Rules  []ExplainedRule
	Groups []ExplainedGroup
	// Cutoffs are in rising severity.
	Cutoffs []ExplainedCutoff
	Shadows []ExplainedShadow
	// WarmingFeatures had no history in the tables.
	WarmingFeatures []string
	// Models is what each input contributed to each output of each model.
	Models []ExplainedModel
}

// ExplainedKind is what a part of an expression is.
type ExplainedKind string

// The kinds of parts. KindOther is arithmetic, a function, an index, or a kind that this client does not know.
// KindComparison is also an `in` with a list literal. KindEach is what a macro evaluates for each item; its value is the
// list of the results.
const (
	KindOther       ExplainedKind = "other"
	KindName        ExplainedKind = "name"
	KindHas         ExplainedKind = "has"
	KindList        ExplainedKind = "list"
	KindThreshold   ExplainedKind = "threshold"
	KindComparison  ExplainedKind = "comparison"
	KindAnd         ExplainedKind = "and"
	KindOr          ExplainedKind = "or"
	KindNot         ExplainedKind = "not"
	KindConditional ExplainedKind = "conditional"
	KindMacro       ExplainedKind = "macro"
	KindEach        ExplainedKind = "each"
)

// ThresholdOrigin is where the value of a threshold comes from.
type ThresholdOrigin string

// The origins. OriginNone: it is no threshold. OriginFallback: the policy's own value, because nothing was computed, or
// from too few transactions. OriginOverall: computed over all groups. OriginGroup: computed for the transaction's group.
const (
	OriginNone     ThresholdOrigin = "none"
	OriginFallback ThresholdOrigin = "fallback"
	OriginOverall  ThresholdOrigin = "overall"
	OriginGroup    ThresholdOrigin = "group"
)

// ExplainedPart is a part of an expression. Parts are in the order in which they are written, each followed by its own
// parts, which are one deeper. Literals are left out.
type ExplainedPart struct {
	// Text is as written in the policy, on one line.
	Text string
	// Depth is 0 for the whole expression.
	Depth uint32
	Kind  ExplainedKind
	// Type is that of the value: "bool", "int", "double", "string", "timestamp", "duration", "list", "map", "absent" or
	// "error".
	Type string
	// Value is of the types of Feature.Value; a list or map is a string, as printed.
	Value any
	// Error says why there is no value: "division by zero".
	Error string
	// Reached: it was evaluated, because nothing before it had settled the whole. Decides: the result of the whole follows
	// from it.
	Reached bool
	Decides bool
	// List is the list that is searched (KindList). Added: the value is in it only because it was added at run time.
	List  string
	Added bool
	// Origin is where the value comes from (KindThreshold).
	Origin ThresholdOrigin
}

// ExplainedComputed is how a computed value came about; the value itself is among the features of the decision.
type ExplainedComputed struct {
	Name  string
	Parts []ExplainedPart
}

// RuleMode is whether a rule has an effect.
type RuleMode string

// The modes of rules.
const (
	ModeLive   RuleMode = "live"
	ModeShadow RuleMode = "shadow"
	ModeOff    RuleMode = "off"
)

// RuleFate is what became of a rule.
type RuleFate string

// The fates of rules. FateAbsent: the condition depends on something that is absent. FateError: it could not be
// evaluated. FateFired: with effect. FateShadow: a shadow rule that fired, without effect. FateSuppressed: it fired, but
// also recently for the same entity, so without effect. FateOff: the rule or its group is switched off. FateEarly: the
// transaction is before the rule's From. FateOver: it is not before its Until. FateLeftOut: the condition is true, but the
// rollout excludes this key.
const (
	FateFalse      RuleFate = "false"
	FateAbsent     RuleFate = "absent"
	FateError      RuleFate = "error"
	FateFired      RuleFate = "fired"
	FateShadow     RuleFate = "shadow"
	FateSuppressed RuleFate = "suppressed"
	FateOff        RuleFate = "off"
	FateEarly      RuleFate = "early"
	FateOver       RuleFate = "over"
	FateLeftOut    RuleFate = "left_out"
)

// ExplainedRule is a rule of the policy, and what became of it.
type ExplainedRule struct {
	Name  string
	About string
	// File is in the policy's folder, and the rule begins at Line in it.
	File string
	Line uint32
	Mode RuleMode
	Fate RuleFate
	// Verdict is what the rule asks for; "": it only adds to the score. VerdictOnError is what it asks for if its condition
	// cannot be evaluated; "": nothing.
	Verdict        Verdict
	VerdictOnError Verdict
	Score          int32
	Group          string
	// Reason (its Text), Capped and VerdictIfLive are as in the type Reason.
	Reason        string
	Capped        int32
	VerdictIfLive Verdict
	// From and Until bound the event times that it applies to; zero: no bound.
	From  time.Time
	Until time.Time
	// Rollout is the share of keys that it applies to, in hundredths of a percent: 10,000 is all. RolloutKey is the field
	// whose values are these keys.
	Rollout    uint32
	RolloutKey string
	// Braked: in shadow by its brake; live in the policy.
	Braked bool
	// Parts are those of its condition; the first is the whole.
	Parts []ExplainedPart
}

// ExplainedGroup is a group of rules.
type ExplainedGroup struct {
	Name  string
	About string
	// Greatest: the greatest of its rules' scores counts; else their sum.
	Greatest bool
	// Limited: it adds at most AtMost to the score.
	Limited bool
	AtMost  int32
	// Asked is the greatest or the sum, of the rules that had effect; Counted was added to the score.
	Asked   int64
	Counted int64
}

// ExplainedCutoff is the smallest score with a verdict.
type ExplainedCutoff struct {
	Verdict Verdict
	Score   uint32
	// Computed: by a rebuild from the policy's budget; else stated in the policy.
	Computed bool
}

// ExplainedShadow is the decision of a shadow policy, or with an Arm that of the other side of the experiment.
type ExplainedShadow struct {
	Name       string
	SnapshotID uint64
	// Verdict is "" if it refuses the transaction.
	Verdict Verdict
	Score   uint32
	// Rules had effect.
	Rules      []string
	RuleErrors uint32
	// Degraded: it lacked features, or read them beyond its lateness.
	Degraded bool
	Arm      Arm
}

// ExplainedModel is what the inputs contributed to a value of a model: SHAP values. Bias and contributions add up to
// Margin, up to rounding.
type ExplainedModel struct {
	// Name is as expressions write it: "models.fraud", or "models.kind.stolen" for a class.
	Name string
	// Inputs have the greatest contribution first.
	Inputs []ExplainedInput
	// Bias is the expected margin before any input is known.
	Bias   float64
	Margin float64
}

// ExplainedInput is an input of a model.
type ExplainedInput struct {
	// Name is as the model has it.
	Name string
	// Value is of the types of Feature.Value; nil: it is missing.
	Value        any
	Contribution float64
}

// ---------------------------------------------------------------------------------------------------------------
// Searches

// FindQuery has the filters of Find; all that are given must hold, and a zero value is no filter. Times are from the
// first on and before the second; the other ranges include both ends.
type FindQuery struct {
	From, Until                 time.Time
	ReceivedFrom, ReceivedUntil time.Time
	Verdicts                    []Verdict
	Score                       *ScoreRange
	// Amount is the amount that was scored; it needs Currency.
	Amount   *AmountRange
	Currency string
	// Rule fired and had effect; with Shadow it may also have fired in shadow, or been suppressed.
	Rule   string
	Shadow bool
	// Keys are fields of the transaction and what they are: "card", "customer", …
	Keys []FindKey
	// Labels are what is known by now; NoOutcome: nothing is.
	Labels        []Label
	TransactionID string
	// Limit is at most 1,000; 0: 100.
	Limit int
	// Cursor is that of the page before, with the same filters.
	Cursor string
}

// ScoreRange includes both ends.
type ScoreRange struct {
	Min, Max uint32
}

// AmountRange includes both ends, in minor units of the currency.
type AmountRange struct {
	MinMinor, MaxMinor int64
}

// FindKey is a text field of a transaction and its value, byte by byte.
type FindKey struct {
	Field, Value string
}

// Findings are a page of transactions, the newest first.
type Findings struct {
	Transactions []FoundTransaction
	// Cursor is that of the next page; empty: there is none.
	Cursor string
	// Incomplete: the search took too long, or the page would be too large, before the limit was reached.
	Incomplete bool
}

// FoundTransaction has its decision as archived, and what is known about it by now.
type FoundTransaction struct {
	Transaction Transaction
	Decision    Decision
	ReceiveTime time.Time
	// Label is what is known. With NoOutcome the next two are zero.
	Label              Label
	OutcomeReceiveTime time.Time
	OutcomeKnownTime   time.Time
	// Amended is nil if there was no amendment.
	Amended     *AmendedTransaction
	AmendedTime time.Time
}
