// One producer sends to one counter as fast as it can. Size: messages.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	messages, _ := strconv.Atoi(os.Args[1])
	ticks := make(chan int, 1024)
	total := make(chan int)
	go func() {
		count := 0
		for range ticks {
			count++
		}
		total <- count
	}()
	go func() {
		for i := 0; i < messages; i++ {
			ticks <- i
		}
		close(ticks)
	}()
	count := <-total
	if count != messages {
		os.Exit(1)
	}
	fmt.Println(count)
}
