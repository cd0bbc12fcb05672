package harrier

import (
	"fmt"
	"math"

	"harrier.example/harrier/internal/wire"
)

// Conversion between the types of an analyst's calls and protobuf's, as in codec.go.

var (
	reloadResults = map[wire.ReloadResult]ReloadResult{
		wire.ReloadResult_RELOAD_UNSPECIFIED: ReloadNone,
		wire.ReloadResult_RELOAD_ADOPTED:     ReloadAdopted,
		wire.ReloadResult_RELOAD_UNCHANGED:   ReloadUnchanged,
		wire.ReloadResult_RELOAD_REFUSED:     ReloadRefused,
	}
	kinds = map[wire.ExplainedKind]ExplainedKind{
		wire.ExplainedKind_EXPLAINED_KIND_OTHER:       KindOther,
		wire.ExplainedKind_EXPLAINED_KIND_NAME:        KindName,
		wire.ExplainedKind_EXPLAINED_KIND_HAS:         KindHas,
		wire.ExplainedKind_EXPLAINED_KIND_LIST:        KindList,
		wire.ExplainedKind_EXPLAINED_KIND_THRESHOLD:   KindThreshold,
		wire.ExplainedKind_EXPLAINED_KIND_COMPARISON:  KindComparison,
		wire.ExplainedKind_EXPLAINED_KIND_AND:         KindAnd,
		wire.ExplainedKind_EXPLAINED_KIND_OR:          KindOr,
		wire.ExplainedKind_EXPLAINED_KIND_NOT:         KindNot,
		wire.ExplainedKind_EXPLAINED_KIND_CONDITIONAL: KindConditional,
		wire.ExplainedKind_EXPLAINED_KIND_MACRO:       KindMacro,
		wire.ExplainedKind_EXPLAINED_KIND_EACH:        KindEach,
	}
	origins = map[wire.ThresholdOrigin]ThresholdOrigin{
		wire.ThresholdOrigin_THRESHOLD_ORIGIN_NONE:     OriginNone,
		wire.ThresholdOrigin_THRESHOLD_ORIGIN_FALLBACK: OriginFallback,
		wire.ThresholdOrigin_THRESHOLD_ORIGIN_OVERALL:  OriginOverall,
		wire.ThresholdOrigin_THRESHOLD_ORIGIN_GROUP:    OriginGroup,
	}
	modes = map[wire.RuleMode]RuleMode{
		wire.RuleMode_RULE_MODE_LIVE:   ModeLive,
		wire.RuleMode_RULE_MODE_SHADOW: ModeShadow,
		wire.RuleMode_RULE_MODE_OFF:    ModeOff,
	}
	fates = map[wire.RuleFate]RuleFate{
		wire.RuleFate_RULE_FATE_FALSE:      FateFalse,
		wire.RuleFate_RULE_FATE_ABSENT:     FateAbsent,
		wire.RuleFate_RULE_FATE_ERROR:      FateError,
		wire.RuleFate_RULE_FATE_FIRED:      FateFired,
		wire.RuleFate_RULE_FATE_SHADOW:     FateShadow,
		wire.RuleFate_RULE_FATE_SUPPRESSED: FateSuppressed,
		wire.RuleFate_RULE_FATE_OFF:        FateOff,
		wire.RuleFate_RULE_FATE_EARLY:      FateEarly,
		wire.RuleFate_RULE_FATE_OVER:       FateOver,
		wire.RuleFate_RULE_FATE_LEFT_OUT:   FateLeftOut,
	}
)

// ---------------------------------------------------------------------------------------------------------------
// Requests

func changeRequest(changes []ListChange) (*request, error) {
	if err := checkCount(len(changes), "changes"); err != nil {
		return nil, err
	}
	call := &wire.ChangeListRequest{Changes: make([]*wire.ListChange, len(changes))}
	for i, change := range changes {
		expiry, err := microseconds(change.ExpiryTime, "expiry_time_us")
		if err != nil {
			return nil, err
		}
		if err := checkEach(text{"list", change.List}, text{"value", change.Value}, text{"source", change.Source},
			text{"reason", change.Reason}); err != nil {
			return nil, err
		}
		call.Changes[i] = &wire.ListChange{
			List: change.List, Value: change.Value, Remove: change.Remove, ExpiryTimeUs: expiry, Source: change.Source,
			Reason: change.Reason,
		}
	}
	return newRequest("change_list", len(changes), &wire.Request{Call: &wire.Request_ChangeList{ChangeList: call}})
}

func listRequest(list string, afterPosition uint64, limit int) (*request, error) {
	if limit < 0 || int64(limit) > math.MaxUint32 {
		return nil, invalid("limit", fmt.Sprintf("%d; expected 0 to 1000", limit))
	}
	if err := checkEach(text{"list", list}); err != nil {
		return nil, err
	}
	call := &wire.GetListRequest{List: list, AfterPosition: afterPosition, Limit: uint32(limit)}
	return newRequest("get_list", 0, &wire.Request{Call: &wire.Request_GetList{GetList: call}})
}

func brakeRequest(change BrakeChange) (*request, error) {
	if err := checkEach(text{"rule", change.Rule}, text{"source", change.Source}, text{"reason", change.Reason}); err != nil {
		return nil, err
	}
	call := &wire.ChangeBrakeRequest{
		Rule: change.Rule, Policy: change.Policy, Pull: change.Pull, Definition: change.Definition, Source: change.Source,
		Reason: change.Reason,
	}
	return newRequest("change_brake", 0, &wire.Request{Call: &wire.Request_ChangeBrake{ChangeBrake: call}})
}

func reloadRequest(wait bool) (*request, error) {
	call := &wire.ReloadRequest{Wait: wait}
	return newRequest("reload", 0, &wire.Request{Call: &wire.Request_Reload{Reload: call}})
}

func explainRequest(transactionID string) (*request, error) {
	if err := checkEach(text{"transaction_id", transactionID}); err != nil {
		return nil, err
	}
	call := &wire.ExplainRequest{TransactionId: transactionID}
	return newRequest("explain", 0, &wire.Request{Call: &wire.Request_Explain{Explain: call}})
}

// ---------------------------------------------------------------------------------------------------------------
// Responses

// each converts the items of a slice; nil stays nil.
func each[From, To any](items []From, convert func(From) To) []To {
	if len(items) == 0 {
		return nil
	}
	made := make([]To, len(items))
	for i, item := range items {
		made[i] = convert(item)
	}
	return made
}

// reading converts an answer and keeps the first thing in it that this client does not know.
type reading struct{ fault error }

func (r *reading) fail(message string) {
	if r.fault == nil {
		r.fault = protocolError("the server's answer: " + message)
	}
}

func known[N ~int32, M any](r *reading, members map[N]M, number N, what string) M {
	found, there := members[number]
	if !there {
		r.fail(fmt.Sprintf("%s %d is not known", what, number))
	}
	return found
}

// verdict returns "" for none.
func (r *reading) verdict(number wire.Verdict) Verdict {
	if number == wire.Verdict_VERDICT_UNSPECIFIED {
		return ""
	}
	return known(r, verdicts, number, "verdict")
}

func (r *reading) decision(given *wire.Decision) *Decision {
	made := new(Decision)
	if given == nil {
		r.fail("a decision is missing")
	} else if err := decodeDecision(made, given); err != nil && r.fault == nil {
		r.fault = err
	}
	return made
}

func decodeChanges(response *wire.Response) ([]ListChangeResult, error) {
	results := response.GetChangeList().GetResults()
	found := make([]ListChangeResult, len(results))
	for i, result := range results {
		switch one := result.GetResult().(type) {
		case *wire.ListChangeResult_Changed:
			found[i].Changed = &ListChanged{
				List: one.Changed.GetList(), Value: one.Changed.GetValue(), Position: one.Changed.GetPosition(),
				Changed: one.Changed.GetChanged(), WasThere: one.Changed.GetWasThere(),
				PreviousExpiryTime: moment(one.Changed.GetPreviousExpiryTimeUs()), InPolicy: one.Changed.GetInPolicy(),
			}
		case *wire.ListChangeResult_Error:
			found[i].Err = decodeError(one.Error)
		default:
			return nil, errEmptyResult
		}
	}
	return found, nil
}

func decodeListPage(response *wire.Response) (*ListPage, error) {
	page := response.GetGetList()
	return &ListPage{
		Lists:        each(page.GetLists(), decodeListSummary),
		Entries:      each(page.GetEntries(), decodeListEntry),
		NextPosition: page.GetNextPosition(),
	}, nil
}

func decodeListSummary(s *wire.ListSummary) ListSummary {
	return ListSummary{
		List: s.List, Type: s.Type, About: s.About, Declared: s.Declared, Runtime: s.Runtime, File: s.File,
		PolicyEntries: s.PolicyEntries, AddedEntries: s.AddedEntries, UsedEntries: s.UsedEntries, Changes: s.Changes,
		LastChangeTime: moment(s.LastChangeTimeUs),
	}
}

func decodeListEntry(e *wire.ListEntry) ListEntry {
	return ListEntry{
		Value: e.Value, ExpiryTime: moment(e.ExpiryTimeUs), Position: e.Position, ReceiveTime: moment(e.ReceiveTimeUs),
		Source: e.Source, Reason: e.Reason,
	}
}

func decodeBrakeChanged(response *wire.Response) (*BrakeChanged, error) {
	given := response.GetChangeBrake()
	return &BrakeChanged{
		Changed: given.GetChanged(), Position: given.GetPosition(), Definition: given.GetDefinition(),
	}, nil
}

func decodeBrake(b *wire.Brake) Brake {
	return Brake{
		Rule: b.Rule, Definition: b.Definition, Applies: b.Applies, PulledTime: moment(b.PulledTimeUs), Position: b.Position,
		Source: b.Source, Reason: b.Reason,
	}
}

func decodeReload(response *wire.Response) (*Reload, error) {
	var r reading
	given := response.GetReload()
	made := &Reload{
		Result: known(&r, reloadResults, given.GetResult(), "reload result"), PolicyName: given.GetPolicyName(),
		SnapshotID: given.GetSnapshotId(), Error: given.GetError(), Messages: given.GetMessages(),
		WarmingFeatures: given.GetWarmingFeatures(), WarmingFeatureCount: given.GetWarmingFeatureCount(),
		WarmingRules: given.GetWarmingRules(), WarmingRuleCount: given.GetWarmingRuleCount(),
		Shadows: each(given.GetShadows(), func(s *wire.ShadowReload) ShadowReload {
			return ShadowReload{
				Folder: s.Folder, Result: known(&r, reloadResults, s.Result, "reload result"), PolicyName: s.PolicyName,
				SnapshotID: s.SnapshotId, Error: s.Error, Messages: s.Messages,
			}
		}),
	}
	return made, r.fault
}

func decodeExplanation(response *wire.Response) (*Explanation, error) {
	var r reading
	given := response.GetExplain()
	made := &Explanation{
		Transaction: r.transaction(given.GetTransaction()), Position: given.GetPosition(),
		ReceiveTime: moment(given.GetReceiveTimeUs()), Archived: *r.decision(given.GetArchived()), Equal: given.GetEqual(),
		Difference: given.GetDifference(), PolicyPosition: given.GetPolicyPosition(), GenerationID: given.GetGenerationId(),
		GenerationPosition: given.GetGenerationPosition(), AdoptedPosition: given.GetAdoptedPosition(),
		BasePosition: given.GetBasePosition(), RecordsRead: given.GetRecordsRead(),
		RecordsApplied: given.GetRecordsApplied(), Entities: each(given.GetEntities(), decodeExplainedEntity),
		Outcomes:   each(given.GetOutcomes(), r.outcome),
		Amendments: each(given.GetAmendments(), decodeExplainedAmendment),
		Notes:      given.GetNotes(), Then: r.policy(given.GetThen()), Experiment: given.GetExperiment(),
	}
	return made, r.fault
}

func (r *reading) transaction(t *wire.Transaction) Transaction {
	if t == nil {
		r.fail("the transaction is missing")
		return Transaction{}
	}
	made := Transaction{
		ID: t.Id, EventTime: moment(t.EventTimeUs), AmountMinor: t.AmountMinor, Currency: t.Currency, Card: t.Card,
		Customer: t.Customer, Account: t.Account, Merchant: t.Merchant, Terminal: t.Terminal, Device: t.Device, IP: t.Ip,
		Country: t.Country, MCC: t.Mcc, Channel: t.Channel, Email: t.Email, Phone: t.Phone,
		Attributes: each(t.Attributes, r.attribute), Source: t.Source, Sequence: t.Sequence,
	}
	if t.Location != nil {
		made.Location = &Location{float64(t.Location.LatitudeE7) / 1e7, float64(t.Location.LongitudeE7) / 1e7}
	}
	return made
}

func (r *reading) attribute(given *wire.Attribute) Attribute {
	switch value := given.Value.(type) {
	case *wire.Attribute_Text:
		return String(given.Name, value.Text)
	case *wire.Attribute_Integer:
		return Int(given.Name, value.Integer)
	case *wire.Attribute_Number:
		return Float(given.Name, value.Number)
	case *wire.Attribute_Flag:
		return Bool(given.Name, value.Flag)
	}
	r.fail("an attribute has no value")
	return Attribute{}
}

func decodeExplainedEntity(e *wire.ExplainedEntity) ExplainedEntity {
	return ExplainedEntity{
		Name: e.Name, Key: e.Key, Entries: e.Entries, NewestTime: moment(e.NewestTimeUs), Applied: e.Applied,
		InTables: e.InTables,
	}
}

func (r *reading) outcome(o *wire.ExplainedOutcome) ExplainedOutcome {
	return ExplainedOutcome{
		Position: o.Position, ReceiveTime: moment(o.ReceiveTimeUs), KnownTime: moment(o.KnownTimeUs),
		Previous: known(r, labels, o.Previous, "label"), Label: known(r, labels, o.Label, "label"), Source: o.Source,
	}
}

func decodeExplainedAmendment(a *wire.ExplainedAmendment) ExplainedAmendment {
	return ExplainedAmendment{
		Position: a.Position, ReceiveTime: moment(a.ReceiveTimeUs), KnownTime: moment(a.KnownTimeUs),
		Previous: decodeAmended(a.Previous), Now: decodeAmended(a.Now), Source: a.Source,
	}
}

func (r *reading) policy(p *wire.ExplainedPolicy) ExplainedPolicy {
	made := ExplainedPolicy{
		Name: p.GetName(), SnapshotID: p.GetSnapshotId(), Refusal: p.GetRefusal(), RefusedField: p.GetRefusedField(),
	}
	if made.Refusal != "" {
		return made
	}
	made.Decision = r.decision(p.GetDecision())
	made.Fields = decodeFeatures(p.GetFields())
	made.Computed = each(p.GetComputed(), func(c *wire.ExplainedComputed) ExplainedComputed {
		return ExplainedComputed{c.Name, each(c.Parts, r.part)}
	})
	made.Rules = each(p.GetRules(), r.rule)
	made.Groups = each(p.GetGroups(), decodeExplainedGroup)
	made.Cutoffs = each(p.GetCutoffs(), func(c *wire.ExplainedCutoff) ExplainedCutoff {
		return ExplainedCutoff{known(r, verdicts, c.Verdict, "verdict"), c.Score, c.Computed}
	})
	made.Shadows = each(p.GetShadows(), r.shadow)
	made.WarmingFeatures = p.GetWarmingFeatures()
	made.Models = each(p.GetModels(), r.model)
	return made
}

func (r *reading) part(p *wire.ExplainedPart) ExplainedPart {
	made := ExplainedPart{
		Text: p.Text, Depth: p.Depth, Kind: kinds[p.Kind], Type: p.Type, Error: p.Error, Reached: p.Reached,
		Decides: p.Decides, List: p.List, Added: p.Added, Origin: known(r, origins, p.Origin, "threshold origin"),
	}
	if made.Kind == "" {
		made.Kind = KindOther // kinds may be added
	}
	if p.Value != nil {
		made.Value = decodeValue(p.Value)
	}
	return made
}

func (r *reading) rule(given *wire.ExplainedRule) ExplainedRule {
	return ExplainedRule{
		Name: given.Name, About: given.About, File: given.File, Line: given.Line,
		Mode: known(r, modes, given.Mode, "rule mode"), Fate: known(r, fates, given.Fate, "rule fate"),
		Verdict: r.verdict(given.Verdict), VerdictOnError: r.verdict(given.VerdictOnError), Score: given.Score,
		Group: given.Group, Reason: given.Reason, Capped: given.Capped, VerdictIfLive: r.verdict(given.VerdictIfLive),
		From: moment(given.FromUs), Until: moment(given.UntilUs), Rollout: given.Rollout, RolloutKey: given.RolloutKey,
		Braked: given.Braked,
		Parts:  each(given.Parts, r.part),
	}
}

func decodeExplainedGroup(g *wire.ExplainedGroup) ExplainedGroup {
	return ExplainedGroup{
		Name: g.Name, About: g.About, Greatest: g.Greatest, Limited: g.Limited, AtMost: g.AtMost, Asked: g.Asked,
		Counted: g.Counted,
	}
}

func (r *reading) shadow(s *wire.ExplainedShadow) ExplainedShadow {
	return ExplainedShadow{
		Name: s.Name, SnapshotID: s.SnapshotId, Verdict: r.verdict(s.Verdict), Score: s.Score, Rules: s.Rules,
		RuleErrors: s.RuleErrors, Degraded: s.Degraded, Arm: arms[s.Arm],
	}
}

func (r *reading) model(m *wire.ExplainedModel) ExplainedModel {
	made := ExplainedModel{Name: m.Name, Bias: m.Bias, Margin: m.Margin}
	if len(m.Inputs) != len(m.Contributions) {
		r.fail("a model has other inputs than contributions")
		return made
	}
	for i, input := range decodeFeatures(m.Inputs) {
		made.Inputs = append(made.Inputs, ExplainedInput{input.Name, input.Value, m.Contributions[i]})
	}
	return made
}
