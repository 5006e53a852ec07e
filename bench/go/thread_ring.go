// 503 goroutines in a ring hand one token on. Size: hops.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const nodes = 503

func node(id int, in <-chan int, out chan<- int, last chan<- int) {
	for left := range in {
		if left == 0 {
			last <- id
			return
		}
		out <- left - 1
	}
}

func main() {
	hops, _ := strconv.Atoi(os.Args[1])
	last := make(chan int)
	var links [nodes]chan int
	for i := range links {
		links[i] = make(chan int)
	}
	for i := range links {
		go node(i, links[i], links[(i+1)%nodes], last)
	}
	links[0] <- hops
	id := <-last
	if id != hops%nodes {
		os.Exit(1)
	}
	fmt.Println(id)
}
