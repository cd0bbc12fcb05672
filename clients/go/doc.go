// Package harrier asks a Harrier server about transactions.
//
// A Client is made once and used by any number of goroutines:
//
//	client, err := harrier.New([]string{"tcp://127.0.0.1:7731"}, harrier.WithFallback(harrier.Review))
//	…
//	decision, err := client.Score(ctx, harrier.Transaction{ID: "order-3042", EventTime: time.Now(), …})
//
// What it promises, exactly, is the contract of all of Harrier's clients, clients/README.md in Harrier's tree. In short:
// a call ends at its deadline, which is the earliest of the call's own (Deadline), or else the client's (100 ms), and its
// context's; a call whose connection broke, or that the server could not take, is sent again, with the same
// transaction ids, so nothing is decided twice; a server that goes silent is left out while there is another one; and
// where there is no answer in time, a fallback decision stands in. Errors are of type *Error, and errors.Is compares them
// with their codes: ErrDeadline, ErrUnavailable, …
//
// # What is mangos', and what is not
//
// The SP protocol's handshake and framing are those of mangos v3, as it offers them to those who write transports
// (transport.NewConnPipe, NewConnPipeIPC, NewConnHandshaker). Connections, request ids and who waits for which are this
// package's, because mangos' sockets cannot say what the contract has to know:
//
//   - A REQ context whose connection breaks says so (ErrCanceled, with OptionRetryTime at 0), but as a protocol error
//     instead if that happens between Send and Recv, and it does not tell whether the request had been written. It
//     cannot be waited for beside a context.Context, only closed, and starts a goroutine for every request.
//   - A raw REQ socket loses what it takes from its queue for a connection that has just ended, and tells nobody; and
//     with pipe event hooks, which run later and beside it, one cannot know which those were.
//   - The dialer under both waits for ever for the handshake of a server that stands still, on a goroutine and a
//     connection that closing the socket does not end. (Closing the handshaker would, and races with the handshake.)
//   - A pipe's Send and Recv make three or four small system calls a message. Here they go through buffers, and what many
//     goroutines send at once leaves in one piece.
//
// So there is one goroutine that reads and one that writes for each address, and none for a call. The transports are tcp,
// tls+tcp and ipc; mangos' WebSocket transport can be neither stopped nor timed.
package harrier
