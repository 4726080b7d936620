// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: go

// Go: pipes between goroutines through the kernel, and deadlines on them.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"time"
)

func pipes() {
	var wg sync.WaitGroup
	sums := make([]int, 10)
	for i := range sums {
		r, w, err := os.Pipe()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		wg.Add(2)
		go func(i int) {
			defer wg.Done()
			for k := 0; k < 1000; k++ {
				fmt.Fprintf(w, "%d\n", i*k)
			}
			w.Close()
		}(i)
		go func(i int) {
			defer wg.Done()
			s := bufio.NewScanner(r)
			for s.Scan() {
				var n int
				fmt.Sscan(s.Text(), &n)
				sums[i] += n
			}
			r.Close()
		}(i)
	}
	wg.Wait()
	fmt.Println(sums)
}

func deadline() {
	r, _, _ := os.Pipe()
	start := time.Now()
	r.SetReadDeadline(start.Add(20 * time.Millisecond))
	_, err := r.Read(make([]byte, 1))
	fmt.Println(os.IsTimeout(err), time.Since(start) >= 20*time.Millisecond)
}

func main() {
	pipes()
	deadline()
}
