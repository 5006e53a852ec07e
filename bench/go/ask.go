// One client asks a server, one question after the other; its reply channel is used again. Size: questions.
package main

import (
	"fmt"
	"os"
	"strconv"
)

type question struct {
	value int
	reply chan int
}

func main() {
	questions, _ := strconv.Atoi(os.Args[1])
	server := make(chan question, 1)
	total := make(chan int)
	go func() {
		asked := 0
		for q := range server {
			asked++
			q.reply <- q.value * 2
		}
		total <- asked
	}()
	result := make(chan int)
	go func() {
		reply := make(chan int, 1)
		sum := 0
		for i := 0; i < questions; i++ {
			server <- question{i, reply}
			sum += <-reply
		}
		close(server)
		result <- sum
	}()
	asked := <-total
	sum := <-result
	if asked != questions || sum != questions*(questions-1) {
		os.Exit(1)
	}
	fmt.Println(sum)
}
