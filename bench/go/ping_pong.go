// Two goroutines and one message that goes to and fro. Size: messages.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	size, _ := strconv.Atoi(os.Args[1])
	rounds := size / 2
	// One place each: as fast as unbuffered channels.
	ping, pong := make(chan int, 1), make(chan int, 1)
	seen := 0
	done := make(chan struct{})
	go func() {
		for range ping {
			seen++
			pong <- seen
		}
		close(done)
	}()
	for i := 0; i < rounds; i++ {
		ping <- i
		<-pong
	}
	close(ping)
	<-done
	if seen != rounds {
		os.Exit(1)
	}
	fmt.Println(seen)
}
