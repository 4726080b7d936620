// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: go

// Go: a file in a folder of its own.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func files() error {
	dir, err := os.MkdirTemp("", "kiln")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "x")
	if err := os.WriteFile(name, []byte("some text\nin lines\n"), 0o640); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	f.Seek(5, io.SeekStart)
	rest, _ := io.ReadAll(f)
	st, _ := f.Stat()
	fmt.Printf("%q %d %v\n", rest, st.Size(), st.Mode())
	entries, _ := os.ReadDir(dir)
	fmt.Println(len(entries), entries[0].Name())
	_, err = os.Open(filepath.Join(dir, "y"))
	fmt.Println(os.IsNotExist(err))
	return nil
}

func main() {
	if err := files(); err != nil {
		fmt.Println(err)
	}
}
