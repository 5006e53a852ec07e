// The smallest program: what starting and ending costs.
package main

import "fmt"

func main() { fmt.Println("Hello, world!") }
