// Product of two square matrices of float64, rows as [][]float64. Size: rows.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func matrix(n, a, b, modulus int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
		for j := range rows[i] {
			rows[i][j] = float64((a*i + b*j) % modulus)
		}
	}
	return rows
}

func multiply(x, y [][]float64) [][]float64 {
	product := make([][]float64, len(x))
	for i, left := range x {
		sums := make([]float64, len(y[0]))
		for k, factor := range left {
			for j, value := range y[k] {
				sums[j] += factor * value
			}
		}
		product[i] = sums
	}
	return product
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	product := multiply(matrix(n, 1, 1, 7), matrix(n, 2, 1, 5))
	total := 0.0
	for _, row := range product {
		for _, value := range row {
			total += value
		}
	}
	fmt.Println(int(total))
}
