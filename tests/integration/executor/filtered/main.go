// What Go does that comes near the filter's edges.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

func main() {
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func() { defer group.Done(); runtime.LockOSThread(); time.Sleep(time.Millisecond) }()
	}
	group.Wait()
	output, err := exec.Command("/bin/echo", "one").Output()
	if err != nil || string(output) != "one\n" {
		panic(fmt.Sprint(err, output))
	}
	if err := os.WriteFile("bell", []byte("glass"), 0600); err != nil {
		panic(err)
	}
	if process, err := os.FindProcess(os.Getpid()); err != nil || process.Pid != os.Getpid() {
		panic(err)
	}
	runtime.GC()
	fmt.Println("done")
}
