package harrier_test

import (
	"testing"
	"time"

	"harrier.example/harrier"
	"harrier.example/harrier/internal/wire"
)

func TestChangeList(t *testing.T) {
	told := new(figures)
	s, client := newPair(t, harrier.WithMetrics(told))
	expiry := time.UnixMicro(1_767_312_000_000_000)
	results, err := client.ChangeList(background, []harrier.ListChange{
		{List: "blocked", Value: "c1", ExpiryTime: expiry, Source: "analyst:7", Reason: "lost"},
		{List: "blocked", Value: "c2", Remove: true},
	}, harrier.Traceparent(trace))
	if err != nil || len(results) != 2 || results[1].Changed.Value != "c2" || results[1].Changed.Position != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	sent := s.all()[0]
	changes := sent.GetChangeList().GetChanges()
	if sent.Traceparent != trace || changes[0].ExpiryTimeUs != expiry.UnixMicro() || changes[0].Reason != "lost" || !changes[1].Remove {
		t.Errorf("%v", sent)
	}
	told.expect(t, "set harrier_client_in_flight 1 map[]", "set harrier_client_address_up 1 map[address:"+s.address+"]",
		"set harrier_client_in_flight 0 map[]", "count harrier_client_calls_total 1 map[call:change_list result:ok]",
		"observe harrier_client_call_seconds 0 map[call:change_list]")

	s.set(func(*wire.Request) any {
		return &wire.Response{Answer: &wire.Response_ChangeList{ChangeList: &wire.ChangeListResponse{}}}
	})
	_, err = client.ChangeList(background, []harrier.ListChange{{List: "blocked", Value: "c1"}})
	expectCode(t, err, harrier.ErrProtocol, harrier.MayBeDecided)
	_, err = client.ChangeList(background, nil)
	expectCode(t, err, harrier.ErrInvalid, harrier.NotDecided)
	if len(s.all()) != 2 {
		t.Error("a call without changes was sent")
	}
}

func TestOptionsOfAnAnalystsCalls(t *testing.T) {
	s, client := newPair(t)
	s.set(func(request *wire.Request) any {
		switch {
		case request.GetGetList() != nil:
			return &wire.Response{Answer: &wire.Response_GetList{GetList: &wire.GetListResponse{NextPosition: 9}}}
		case request.GetReload() != nil:
			answer := &wire.ReloadResponse{Result: wire.ReloadResult_RELOAD_REFUSED, Error: "line 3"}
			return &wire.Response{Answer: &wire.Response_Reload{Reload: answer}}
		}
		return failing(wire.ErrorCode_ERROR_NOT_FOUND)(request)
	})
	page, err := client.GetList(background, "blocked", harrier.AfterPosition(5), harrier.Limit(3))
	if err != nil || page.NextPosition != 9 {
		t.Fatalf("%+v, %v", page, err)
	}
	if asked := s.all()[0].GetGetList(); asked.List != "blocked" || asked.AfterPosition != 5 || asked.Limit != 3 {
		t.Errorf("%v", asked)
	}
	// A refused policy is a result.
	reload, err := client.Reload(background, harrier.Wait(), harrier.Deadline(time.Minute))
	if err != nil || reload.Result != harrier.ReloadRefused || reload.Error != "line 3" {
		t.Fatalf("%+v, %v", reload, err)
	}
	if sent := s.all()[1]; !sent.GetReload().Wait || sent.DeadlineUs < 30_000_000 {
		t.Errorf("%v", sent)
	}
	if _, err = client.Reload(background); err != nil || s.all()[2].GetReload().Wait {
		t.Errorf("%v, %v", s.all()[2], err)
	}
	found, err := client.Explain(background, "t1")
	expectCode(t, err, harrier.ErrNotFound, harrier.NotDecided)
	if found != nil || s.all()[3].GetExplain().TransactionId != "t1" {
		t.Errorf("%+v, %v", found, s.all()[3])
	}
}
