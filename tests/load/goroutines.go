// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: go
//@ status: 3
//@ args: a b

// Go: goroutines, channels, maps, the collector, timers, panics, a nil pointer.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
)

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func main() {
	fmt.Println("args", len(os.Args), "env", os.Getenv("X"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	m := map[int]int{}
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			v := fib(15 + i%5)
			mu.Lock()
			m[i] = v
			mu.Unlock()
		}(i)
	}
	wg.Wait()
	keys := []int{}
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	s := 0
	for _, k := range keys {
		s += m[k]
	}
	fmt.Println("sum", s, len(keys))
	ch := make(chan string)
	go func() {
		for i := 0; i < 5; i++ {
			time.Sleep(5 * time.Millisecond)
			ch <- strings.Repeat("x", i)
		}
		close(ch)
	}()
	for v := range ch {
		fmt.Printf("%q ", v)
	}
	fmt.Println()
	var big [][]byte
	for i := 0; i < 200; i++ {
		big = append(big, make([]byte, 100000))
	}
	runtime.GC()
	fmt.Println(len(big))
	t := time.Now()
	select {
	case <-time.After(30 * time.Millisecond):
	}
	fmt.Println("slept", time.Since(t) >= 30*time.Millisecond)
	defer func() {
		r := recover()
		fmt.Println("recovered", r)
		var p *int
		defer func() { fmt.Println("nil deref:", recover()); os.Exit(3) }()
		*p = 1
	}()
	panic("boom")
}
