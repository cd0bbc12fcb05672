package harrier

// Code says what kind an Error is. The codes are errors themselves, to compare with:
//
//	if errors.Is(err, harrier.ErrDeadline) { … }
type Code string

const (
	// ErrInvalid: the call breaks a rule; the same call will fail again.
	ErrInvalid Code = "invalid"
	// ErrIDConflict: this transaction id was scored before with other content.
	ErrIDConflict Code = "id_conflict"
	// ErrTooLarge: over a limit: bytes of a message, transactions of a call.
	ErrTooLarge Code = "too_large"
	// ErrNotFound: no such transaction or entity.
	ErrNotFound Code = "not_found"
	// ErrUnsupported: client and server are of versions that do not fit.
	ErrUnsupported Code = "unsupported"
	// ErrDenied: the token is missing, wrong, or without the scope of this call.
	ErrDenied Code = "denied"
	// ErrDeadline: sent, but not answered in time.
	ErrDeadline Code = "deadline"
	// ErrUnavailable: no server took it in time, or the connection broke too often.
	ErrUnavailable Code = "unavailable"
	// ErrBusy: as many requests in flight as allowed, until the deadline.
	ErrBusy Code = "busy"
	// ErrClosed: the client is closed, or was closed under the call.
	ErrClosed Code = "closed"
	// ErrInternal: a defect of the server.
	ErrInternal Code = "internal"
	// ErrProtocol: what came back is no answer to what was asked.
	ErrProtocol Code = "protocol"
	// ErrCanceled: the call's context was cancelled. The other clients' languages have errors of their own for it.
	ErrCanceled Code = "canceled"
)

// Error is the code's name.
func (c Code) Error() string { return string(c) }

// Decided says whether a call that failed may have decided its transactions.
type Decided int

const (
	// NotDecided: certainly not.
	NotDecided Decided = iota
	// MayBeDecided: sending the same again settles it, for a transaction is decided once.
	MayBeDecided
)

// String is "no" or "unknown".
func (d Decided) String() string {
	if d == NotDecided {
		return "no"
	}
	return "unknown"
}

// Error is what every failed call returns, but for what a fallback function or a token function returned (which it
// wraps, or is). errors.Is knows its Code, and context.DeadlineExceeded or context.Canceled if the call's context
// ended it.
type Error struct {
	Code Code
	// Field is the one at fault, as policies name it; empty when no single one is.
	Field string
	// Message is one sentence.
	Message string
	Decided Decided

	cause error
}

// Error has code, field and message.
func (e *Error) Error() string {
	if e.Field == "" {
		return "harrier: " + string(e.Code) + ": " + e.Message
	}
	return "harrier: " + string(e.Code) + ": " + e.Field + ": " + e.Message
}

// Is compares with a Code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap returns the cause, if there is one outside of the client.
func (e *Error) Unwrap() error { return e.cause }
