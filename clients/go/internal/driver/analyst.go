package main

import (
	"context"
	"fmt"
	"time"

	"harrier.example/harrier"
)

// The calls of an analyst: what their lines say, and what their answers become.

type listChange struct {
	List         string `json:"list"`
	Value        string `json:"value"`
	Remove       bool   `json:"remove"`
	ExpiryTimeUs int64  `json:"expiry_time_us"`
	Source       string `json:"source"`
	Reason       string `json:"reason"`
}

// moment returns the zero time for 0.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

// microseconds returns 0 for the zero time.
func microseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func hex(id uint64) string { return fmt.Sprintf("%016x", id) }

// list makes objects of items; an empty list is [] and not null.
func list[T any](items []T, made func(T) any) []any {
	objects := make([]any, len(items))
	for i, item := range items {
		objects[i] = made(item)
	}
	return objects
}

func values(features []harrier.Feature) object {
	made := object{}
	for _, feature := range features {
		switch value := feature.Value.(type) {
		case time.Time:
			made[feature.Name] = value.UnixMicro()
		case time.Duration:
			made[feature.Name] = value.Microseconds()
		default:
			made[feature.Name] = value
		}
	}
	return made
}

func entityObject(e *harrier.Entity) object {
	return object{"entity": object{
		"features": values(e.Features), "newest_time_us": microseconds(e.NewestTime), "entries": e.Entries,
		"state_bytes": e.StateBytes, "state_hash": hex(e.StateHash), "at_time_us": microseconds(e.AtTime),
	}}
}

func changedObject(result harrier.ListChangeResult) any {
	if result.Err != nil {
		return errorObject(result.Err)
	}
	c := result.Changed
	return object{"changed": object{
		"list": c.List, "value": c.Value, "position": c.Position, "changed": c.Changed, "was_there": c.WasThere,
		"previous_expiry_time_us": microseconds(c.PreviousExpiryTime), "in_policy": c.InPolicy,
	}}
}

func pageObject(page *harrier.ListPage) object {
	return object{
		"lists": list(page.Lists, func(s harrier.ListSummary) any {
			return object{
				"list": s.List, "type": s.Type, "declared": s.Declared, "runtime": s.Runtime,
				"policy_entries": s.PolicyEntries, "added_entries": s.AddedEntries, "used_entries": s.UsedEntries,
				"changes": s.Changes,
			}
		}),
		"entries": list(page.Entries, func(e harrier.ListEntry) any {
			return object{
				"value": e.Value, "expiry_time_us": microseconds(e.ExpiryTime), "position": e.Position,
				"source": e.Source, "reason": e.Reason,
			}
		}),
		"next_position": page.NextPosition,
	}
}

func reloadObject(r *harrier.Reload) object {
	return object{"reload": object{
		"result": r.Result, "policy_name": r.PolicyName, "snapshot_id": hex(r.SnapshotID), "error": r.Error,
		"messages": r.Messages, "shadows": list(r.Shadows, func(s harrier.ShadowReload) any {
			return object{"folder": s.Folder, "result": s.Result, "error": s.Error}
		}),
	}}
}

func explanationObject(x *harrier.Explanation) object {
	made := object{
		"transaction_id": x.Transaction.ID, "position": x.Position, "equal": x.Equal, "difference": x.Difference,
		"archived": decisionObject(&x.Archived, nil)["decision"],
		"entities": list(x.Entities, func(e harrier.ExplainedEntity) any {
			return object{"name": e.Name, "key": e.Key, "entries": e.Entries, "in_tables": e.InTables}
		}),
		"outcomes": list(x.Outcomes, func(o harrier.ExplainedOutcome) any {
			return object{"previous": o.Previous, "label": o.Label, "source": o.Source}
		}),
		"amendments": list(x.Amendments, func(a harrier.ExplainedAmendment) any {
			return object{
				"position": a.Position, "receive_time_us": microseconds(a.ReceiveTime), "known_time_us": microseconds(a.KnownTime),
				"previous": amendedObject(a.Previous), "now": amendedObject(a.Now), "source": a.Source,
			}
		}),
		"rules": list(x.Then.Rules, func(r harrier.ExplainedRule) any {
			texts := list(r.Parts, func(p harrier.ExplainedPart) any { return p.Text })
			return object{"name": r.Name, "mode": r.Mode, "fate": r.Fate, "score": r.Score, "parts": texts}
		}),
		"cutoffs": list(x.Then.Cutoffs, func(c harrier.ExplainedCutoff) any {
			return object{"verdict": c.Verdict, "score": c.Score}
		}),
		"fields": list(x.Then.Fields, func(f harrier.Feature) any { return f.Name }),
	}
	if derived := x.Then.Decision; derived != nil {
		made["derived"] = decisionObject(derived, nil)["decision"]
		made["features"] = values(derived.Features)
	}
	return object{"explanation": made}
}

// answered makes the answer of a call's result.
func answered[T any](found T, err error, made func(T) object) object {
	if err != nil {
		return errorObject(err)
	}
	return made(found)
}

func (c *command) analystOptions() []harrier.CallOption {
	made := append(c.options(), harrier.AfterPosition(c.AfterPosition), harrier.Limit(c.Limit))
	if c.AtTimeUs != 0 {
		made = append(made, harrier.AtTime(time.UnixMicro(c.AtTimeUs)))
	}
	if c.Wait {
		made = append(made, harrier.Wait())
	}
	return made
}

func callAnalyst(ctx context.Context, client *harrier.Client, c *command) object {
	options := c.analystOptions()
	switch c.Do {
	case "entity":
		found, err := client.GetEntity(ctx, c.Entity, c.Key, options...)
		return answered(found, err, entityObject)
	case "change_list":
		changes := make([]harrier.ListChange, len(c.Changes))
		for i, one := range c.Changes {
			changes[i] = harrier.ListChange{
				List: one.List, Value: one.Value, Remove: one.Remove, ExpiryTime: moment(one.ExpiryTimeUs),
				Source: one.Source, Reason: one.Reason,
			}
		}
		found, err := client.ChangeList(ctx, changes, options...)
		return answered(found, err, func(results []harrier.ListChangeResult) object {
			return object{"results": list(results, changedObject)}
		})
	case "change_brake":
		change := harrier.BrakeChange{Rule: c.Rule, Policy: c.Policy, Pull: c.Pull, Source: c.Source, Reason: c.Reason}
		found, err := client.ChangeBrake(ctx, change, options...)
		return answered(found, err, func(b *harrier.BrakeChanged) object {
			return object{"results": []any{object{"changed": b.Changed, "position": b.Position}}}
		})
	case "get_list":
		found, err := client.GetList(ctx, c.List, options...)
		return answered(found, err, pageObject)
	case "reload":
		found, err := client.Reload(ctx, options...)
		return answered(found, err, reloadObject)
	case "explain":
		found, err := client.Explain(ctx, c.TransactionID, options...)
		return answered(found, err, explanationObject)
	case "find":
		found, err := client.Find(ctx, findQuery(c), options...)
		return answered(found, err, findingsObject)
	}
	return object{"broken": "what is " + c.Do + "?"}
}

func findQuery(c *command) harrier.FindQuery {
	query := harrier.FindQuery{
		Verdicts: c.Verdicts, Labels: c.Labels, Rule: c.Rule, Shadow: c.Shadow, Limit: c.Limit, Cursor: c.Cursor,
	}
	if len(c.Score) == 2 {
		query.Score = &harrier.ScoreRange{Min: c.Score[0], Max: c.Score[1]}
	}
	if c.Card != "" {
		query.Keys = []harrier.FindKey{{Field: "card", Value: c.Card}}
	}
	return query
}

func findingsObject(page *harrier.Findings) object {
	found := list(page.Transactions, func(one harrier.FoundTransaction) any {
		made := object{
			"transaction_id": one.Transaction.ID, "card": one.Transaction.Card, "verdict": one.Decision.Verdict,
			"position": one.Decision.Position, "label": one.Label, "voided": nil,
		}
		if one.Amended != nil {
			made["voided"] = one.Amended.Voided
		}
		return made
	})
	return object{"findings": object{"cursor": page.Cursor, "incomplete": page.Incomplete, "found": found}}
}
