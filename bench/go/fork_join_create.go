// Goroutines that live for one message: 1,000 are forked, joined, and so on. Size: goroutines.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

const wave = 1000

func main() {
	jobs, _ := strconv.Atoi(os.Args[1])
	made := 0
	for made < jobs {
		count := wave
		if jobs-made < wave {
			count = jobs - made
		}
		var sum int64
		var joiner sync.WaitGroup
		joiner.Add(count)
		for i := 0; i < count; i++ {
			mailbox := make(chan int, 1)
			go func() {
				atomic.AddInt64(&sum, int64(<-mailbox))
				joiner.Done()
			}()
			mailbox <- made + i
		}
		joiner.Wait()
		if sum != int64(count*made+count*(count-1)/2) {
			os.Exit(1)
		}
		made += count
	}
	fmt.Println(made)
}
