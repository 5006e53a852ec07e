// Very many goroutines alive at once, each of which has handled a message. Size: goroutines; second argument: milliseconds to stay.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	wanted, _ := strconv.Atoi(os.Args[1])
	stay := 0
	if len(os.Args) > 2 {
		stay, _ = strconv.Atoi(os.Args[2])
	}
	mailboxes := make([]chan chan int, 0, wanted)
	for i := 0; i < wanted; i++ {
		mailbox := make(chan chan int, 1)
		go func() {
			count := 0
			for reply := range mailbox {
				count++
				reply <- count
			}
		}()
		mailboxes = append(mailboxes, mailbox)
	}
	sum := 0
	reply := make(chan int)
	for _, mailbox := range mailboxes {
		mailbox <- reply
		sum += <-reply
	}
	if sum != wanted {
		os.Exit(1)
	}
	fmt.Println("ready")
	time.Sleep(time.Duration(stay) * time.Millisecond)
	_ = mailboxes
}
