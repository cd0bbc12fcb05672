// A stock client, mangos: requests as lines of hexadecimal digits on standard input, answers likewise
// and in the same order on standard output, so many in flight at a time.
//
// usage: mangos ADDRESS IN_FLIGHT [CA CERTIFICATE KEY]
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/req"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
	_ "go.nanomsg.org/mangos/v3/transport/tcp"
	_ "go.nanomsg.org/mangos/v3/transport/tlstcp"
)

const timeout = 10 * time.Second

func must(err error) {
	if err != nil {
		log.Fatal("mangos: ", err)
	}
}

func tlsOf(ca, certificate, key string) *tls.Config {
	authorities := x509.NewCertPool()
	bytes, err := os.ReadFile(ca)
	must(err)
	if !authorities.AppendCertsFromPEM(bytes) {
		log.Fatal("mangos: no certificates in ", ca)
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	must(err)
	return &tls.Config{RootCAs: authorities, Certificates: []tls.Certificate{own},
		ServerName: "localhost", MinVersion: tls.VersionTLS13}
}

func readRequests() [][]byte {
	var requests [][]byte
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		request, err := hex.DecodeString(lines.Text())
		must(err)
		requests = append(requests, request)
	}
	must(lines.Err())
	return requests
}

func ask(socket mangos.Socket, request []byte) []byte {
	context, err := socket.OpenContext()
	must(err)
	defer context.Close()
	must(context.SetOption(mangos.OptionRecvDeadline, timeout))
	must(context.Send(request))
	answer, err := context.Recv()
	must(err)
	return answer
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 && len(os.Args) != 6 {
		log.Fatal("usage: mangos ADDRESS IN_FLIGHT [CA CERTIFICATE KEY]")
	}
	inFlight, err := strconv.Atoi(os.Args[2])
	must(err)
	socket, err := req.NewSocket()
	must(err)
	options := map[string]interface{}{}
	if len(os.Args) == 6 {
		options[mangos.OptionTLSConfig] = tlsOf(os.Args[3], os.Args[4], os.Args[5])
	}
	must(socket.DialOptions(os.Args[1], options))
	requests := readRequests()
	answers := make([][]byte, len(requests))
	next := make(chan int)
	var workers sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for at := range next {
				answers[at] = ask(socket, requests[at])
			}
		}()
	}
	for at := range requests {
		next <- at
	}
	close(next)
	workers.Wait()
	for _, answer := range answers {
		fmt.Println(hex.EncodeToString(answer))
	}
	must(socket.Close())
}
