// Package main scores from several goroutines, whose calls share one message. usage: batch [-to ADDRESS]
package main

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"time"

	"harrier.example/harrier"
)

func main() {
	to := flag.String("to", "tcp://127.0.0.1:7731", "the server's address")
	flag.Parse()
	client, _ := harrier.New([]string{*to}, harrier.WithFallback(harrier.Review)) // these options are valid
	defer client.Close()
	batcher, _ := client.NewBatcher(2*time.Millisecond, 100)
	var done sync.WaitGroup
	for number := 0; number < 5; number++ {
		done.Add(1)
		go func(id string) {
			defer done.Done()
			decision, err := batcher.Score(context.Background(), harrier.Transaction{ID: id, EventTime: time.Now(), Card: "tok_1", Merchant: "m-17"})
			fmt.Println(id, decision, err)
		}(fmt.Sprintf("order-%d", number))
	}
	done.Wait()
}
