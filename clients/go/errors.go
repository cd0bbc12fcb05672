package harrier

// Code is the kind of an Error. Codes are errors themselves, to compare with:
//
//	if errors.Is(err, harrier.ErrDeadline) { … }
type Code string

const (
	// ErrInvalid: the call breaks a rule; the same call will fail again.
	ErrInvalid Code = "invalid"
	// ErrIDConflict: this transaction id was scored before with other content.
	ErrIDConflict Code = "id_conflict"
	// ErrTooLarge: over a limit: bytes of a message, items of a call.
	ErrTooLarge Code = "too_large"
	// ErrNotFound: no such transaction, entity or list.
	ErrNotFound Code = "not_found"
	// ErrUnsupported: client and server versions are not compatible.
	ErrUnsupported Code = "unsupported"
	// ErrDenied: the token is missing, wrong, or without the scope of this call.
	ErrDenied Code = "denied"
	// ErrDeadline: sent, but not answered in time.
	ErrDeadline Code = "deadline"
	// ErrUnavailable: no server took it in time, none is the primary, or the connection broke too often.
	ErrUnavailable Code = "unavailable"
	// ErrBusy: as many requests in flight as allowed, until the deadline.
	ErrBusy Code = "busy"
	// ErrOverloaded: the server refused it at once, because it would not have answered in time. Nothing happened.
	ErrOverloaded Code = "overloaded"
	// ErrClosed: the client is closed, or was closed during the call.
	ErrClosed Code = "closed"
	// ErrInternal: a defect of the server.
	ErrInternal Code = "internal"
	// ErrProtocol: the answer cannot be decoded, or does not match the request.
	ErrProtocol Code = "protocol"
	// ErrCanceled: the call's context was cancelled.
	ErrCanceled Code = "canceled"
)

// Error returns the code's name.
func (c Code) Error() string { return string(c) }

// Decided says whether a call that failed may have decided its transactions.
type Decided int

const (
	// NotDecided: certainly not.
	NotDecided Decided = iota
	// MayBeDecided: possibly. Sending the same again settles it, because a transaction is decided once.
	MayBeDecided
)

// String returns "no" or "unknown".
func (d Decided) String() string {
	if d == NotDecided {
		return "no"
	}
	return "unknown"
}

// Error is what every failed call returns; the error of a fallback function is returned as it is, that of a token
// function is wrapped. errors.Is compares its Code, and context.DeadlineExceeded or context.Canceled if the deadline or
// the call's context ended it.
type Error struct {
	Code Code
	// Field is the field at fault, as policies name it; "" if no single field is.
	Field string
	// Message is one sentence.
	Message string
	Decided Decided
	// Fallback is the policy's verdict for what there was no time to decide; "" if the server sent none.
	Fallback Verdict

	cause   error
	standby *standbyAnswer // the server that answered this is a standby
}

// standbyAnswer is what a standby says of the primary.
type standbyAnswer struct {
	primary string // its address; "" if the standby knows none
}

// Error returns code, field and message.
func (e *Error) Error() string {
	if e.Field == "" {
		return "harrier: " + string(e.Code) + ": " + e.Message
	}
	return "harrier: " + string(e.Code) + ": " + e.Field + ": " + e.Message
}

// Is returns whether target is this error's Code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap returns the cause, if it lies outside of the client.
func (e *Error) Unwrap() error { return e.cause }
