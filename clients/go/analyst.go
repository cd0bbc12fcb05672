package harrier

import "context"

// ChangeList makes 1 to 1,000 changes of the policy's lists in one message, in their order, and there are as many results.
// The error is that of the call as a whole. Making a change again changes nothing.
func (c *Client) ChangeList(ctx context.Context, changes []ListChange, options ...CallOption) ([]ListChangeResult, error) {
	encode := func(*callOptions) (*request, error) { return changeRequest(changes) }
	return ask(ctx, c, options, encode, decodeChanges)
}

// GetList returns a list of the policy and a page of the entries that were added to it: at most Limit of those after
// AfterPosition. If list is "", it returns all lists without their entries.
func (c *Client) GetList(ctx context.Context, list string, options ...CallOption) (*ListPage, error) {
	encode := func(chosen *callOptions) (*request, error) {
		return listRequest(list, chosen.afterPosition, chosen.limit)
	}
	return ask(ctx, c, options, encode, decodeListPage)
}

// ChangeBrake pulls or lifts the brake of a rule, or of the policy as a whole. A rule whose brake is pulled acts as if in
// shadow. Doing it again changes nothing. Status has the brakes that are pulled.
func (c *Client) ChangeBrake(ctx context.Context, change BrakeChange, options ...CallOption) (*BrakeChanged, error) {
	encode := func(*callOptions) (*request, error) { return brakeRequest(change) }
	return ask(ctx, c, options, encode, decodeBrakeChanged)
}

// Reload makes the server load its policy and its shadow policies again. With Wait it returns what became of them; a
// refused policy is a result and not an error.
func (c *Client) Reload(ctx context.Context, options ...CallOption) (*Reload, error) {
	encode := func(chosen *callOptions) (*request, error) { return reloadRequest(chosen.wait) }
	return ask(ctx, c, options, encode, decodeReload)
}

// Explain derives the decision of a transaction again from the server's archive. That can take long if the archive is
// large: set a Deadline of about a minute. A server for which several explanations are waiting answers ErrUnavailable.
func (c *Client) Explain(ctx context.Context, transactionID string, options ...CallOption) (*Explanation, error) {
	encode := func(*callOptions) (*request, error) { return explainRequest(transactionID) }
	return ask(ctx, c, options, encode, decodeExplanation)
}
