// CPU-heavy jobs dealt to goroutines. Size: jobs; second argument: goroutines (8).
package main

import (
	"fmt"
	"os"
	"strconv"
)

const job, primesInJob = 2000, 303

func isPrime(n int) bool {
	if n < 2 {
		return false
	}
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

func main() {
	jobs, _ := strconv.Atoi(os.Args[1])
	count := 8
	if len(os.Args) > 2 {
		count, _ = strconv.Atoi(os.Args[2])
	}
	work := make(chan struct{}, 1024)
	results := make(chan int, 1024)
	for w := 0; w < count; w++ {
		go func() {
			for range work {
				found := 0
				for n := 0; n < job; n++ {
					if isPrime(n) {
						found++
					}
				}
				results <- found
			}
		}()
	}
	go func() {
		for i := 0; i < jobs; i++ {
			work <- struct{}{}
		}
		close(work)
	}()
	sum := 0
	for i := 0; i < jobs; i++ {
		sum += <-results
	}
	if sum != jobs*primesInJob {
		os.Exit(1)
	}
	fmt.Println(sum)
}
