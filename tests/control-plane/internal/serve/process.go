package serve

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is one component, run as a child of this program, which it starts again under the component's name.
type process struct {
	name    string
	log     string
	command *exec.Cmd
	done    chan struct{} // closed when the child has ended
}

// startProcess starts a component; what it prints is added to the log file.
func startProcess(l layout, name string, arguments []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, log: l.file(name + ".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command = exec.Command(self, append([]string{name}, arguments...)...)
	p.command.Stdout, p.command.Stderr = log, log
	// In a group of its own, a Ctrl-C in a terminal leaves the order of stopping to us.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := onParentThread(p.command.Start); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop asks the child to end and, when it has not within the grace period, kills it.
func (p *process) stop(grace time.Duration) {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.done
}

// ended is the error of a child that has ended by itself, with the last lines it wrote.
func (p *process) ended() error {
	text, _ := os.ReadFile(p.log)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := bytes.Join(lines[max(0, len(lines)-5):], []byte("\n"))
	return fmt.Errorf("%s ended (%s):\n%s", p.name, p.command.ProcessState, last)
}

var parentThread = sync.OnceValue(func() chan func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// onParentThread runs f on one thread that lasts as long as the program: the kernel sends Pdeathsig when the thread
// that started the child ends, not the program.
func onParentThread(f func() error) error {
	result := make(chan error)
	parentThread() <- func() { result <- f() }
	return <-result
}
