// 64 goroutines, each pings another one chosen at random, waits for its pong, and goes on. Size: messages, pings and pongs.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

const nodes = 64

// A ping carries the channel for its pong; a pong has none.
type message struct{ sender chan message }

func main() {
	size, _ := strconv.Atoi(os.Args[1])
	rounds := size / 2 / nodes
	var mailboxes [nodes]chan message
	for i := range mailboxes {
		// At most one ping of each node and one pong: no sender ever waits.
		mailboxes[i] = make(chan message, nodes+1)
	}
	var finished sync.WaitGroup
	finished.Add(nodes)
	var pings int64
	for i := range mailboxes {
		go func(seed int, own chan message) {
			pinged := 0
			left := rounds
			next := func() {
				if left > 0 {
					seed = (seed*1103515245 + 12345) % 2147483648
					mailboxes[(seed/65536)%nodes] <- message{own}
				} else {
					atomic.AddInt64(&pings, int64(pinged))
					pinged = 0
					finished.Done()
				}
			}
			next()
			for m := range own {
				if m.sender == nil {
					left--
					next()
				} else {
					if left > 0 {
						pinged++
					} else {
						atomic.AddInt64(&pings, 1)
					}
					m.sender <- message{}
				}
			}
		}(i+1, mailboxes[i])
	}
	finished.Wait()
	if pings != int64(rounds*nodes) {
		os.Exit(1)
	}
	fmt.Println(pings)
}
