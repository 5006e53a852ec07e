// Sieve of Eratosthenes over a []bool. Size: the limit.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	limit, _ := strconv.Atoi(os.Args[1])
	composite := make([]bool, limit+1)
	count := 0
	for n := 2; n <= limit; n++ {
		if !composite[n] {
			count++
			for multiple := n * n; multiple <= limit; multiple += n {
				composite[multiple] = true
			}
		}
	}
	fmt.Println(count)
}
