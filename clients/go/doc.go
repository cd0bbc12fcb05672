// Package harrier asks a Harrier server about transactions.
//
// A Client is made once and used by any number of goroutines:
//
//	client, err := harrier.New([]string{"tcp://127.0.0.1:7731"}, harrier.WithFallback(harrier.Review))
//	…
//	decision, err := client.Score(ctx, harrier.Transaction{ID: "order-3042", EventTime: time.Now(), …})
//
// The contract of all Harrier clients, clients/README.md in Harrier's tree, specifies the behaviour. In short:
// a call ends at its deadline, which is the earliest of the call's own (Deadline), or else the client's (100 ms), and its
// context's; a call whose connection broke, or that the server could not take, is sent again, with the same
// transaction ids, so nothing is decided twice; a server that stops answering is not used while another one is available;
// of the nodes of a cluster, which must all be among the addresses, the client finds the one that decides; and if there is
// no answer in time, a fallback decision replaces it. Errors are of type *Error, and errors.Is compares them with their
// codes: ErrDeadline, ErrUnavailable, …
//
// # What mangos does, and what it does not
//
// The handshake and the framing of the SP protocol come from mangos v3, from its interface for writers of transports
// (transport.NewConnPipe, NewConnPipeIPC, NewConnHandshaker). Connections, request ids and the matching of answers are this
// package's own, because mangos' sockets do not report what the contract requires:
//
//   - A REQ context whose connection breaks reports it (ErrCanceled, with OptionRetryTime at 0), but as a protocol error
//     if that happens between Send and Recv, and does not report whether the request had been written. It cannot be
//     waited for together with a context.Context, only closed, and starts a goroutine for every request.
//   - A raw REQ socket silently loses requests that it takes from its queue for a connection that has just ended; pipe
//     event hooks, which run later and concurrently, cannot show which ones.
//   - The dialer under both waits for ever for the handshake of a server that hangs, on a goroutine and a connection
//     that closing the socket does not end. (Closing the handshaker would, and races with the handshake.)
//   - A pipe's Send and Recv make three or four small system calls per message. Here they go through buffers, and
//     requests that many goroutines send at once leave in one write.
//
// So each address has one goroutine that reads and one that writes, and calls have none. The transports are tcp, tls+tcp
// and ipc; mangos' WebSocket transport can be neither stopped nor limited in time.
package harrier
