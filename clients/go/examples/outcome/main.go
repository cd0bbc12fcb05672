// Package main reports a transaction as fraud. usage: outcome [-to ADDRESS] TRANSACTION
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"harrier.example/harrier"
)

func main() {
	to := flag.String("to", "tcp://127.0.0.1:7731", "the server's address")
	flag.Parse()
	client, err := harrier.New([]string{*to}, harrier.WithDeadline(time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	accepted, err := client.ReportOutcome(context.Background(), harrier.Outcome{TransactionID: flag.Arg(0), Label: harrier.Fraud})
	if errors.Is(err, harrier.ErrNotFound) {
		log.Fatal("no such transaction")
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println("changed:", accepted.Changed, "before:", accepted.Previous)
}
