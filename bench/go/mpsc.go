// Eight producers send to one consumer. Size: messages.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const producers = 8

func main() {
	size, _ := strconv.Atoi(os.Args[1])
	each := size / producers
	values := make(chan int, 1024)
	for p := 0; p < producers; p++ {
		go func() {
			for i := 0; i < each; i++ {
				values <- i
			}
		}()
	}
	sum := 0
	for i := 0; i < each*producers; i++ {
		sum += <-values
	}
	if sum != producers*(each*(each-1)/2) {
		os.Exit(1)
	}
	fmt.Println(each * producers)
}
