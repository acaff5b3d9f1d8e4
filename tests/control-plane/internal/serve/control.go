package serve

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"storagewhy.test/control-plane/internal/standin"
)

// answer is the line on stdout that says a command is done.
type answer struct {
	Command string `json:"command"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
	Millis  int64  `json:"ms"`
}

// readLines reads stdin from the start, so that its end is noticed while the cluster still starts.
func readLines(atEnd func()) <-chan string {
	lines := make(chan string)
	go func() {
		defer atEnd()
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	return lines
}

// obey does the commands one after another until the context ends or the cluster dies.
func (c *cluster) obey(ctx context.Context, lines <-chan string) error {
	died := c.died()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-died:
			return err
		case line := <-lines:
			if err := c.answer(ctx, line); err != nil {
				return err
			}
		}
	}
}

func (c *cluster) answer(ctx context.Context, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	began := time.Now()
	err := c.do(ctx, words)
	a := answer{Command: strings.Join(words, " "), OK: err == nil, Millis: time.Since(began).Milliseconds()}
	if err != nil {
		a.Error = err.Error()
	}
	return standin.PrintLine(a)
}

func (c *cluster) do(ctx context.Context, words []string) error {
	what, argument := strings.Join(words[:min(2, len(words))], " "), ""
	if len(words) == 3 {
		argument = words[2]
	}
	switch {
	case len(words) == 1 && what == "wipe":
		return c.wipe(ctx)
	case len(words) == 1 && what == "keep":
		return c.keep(ctx)
	case len(words) == 1 && what == "back":
		return c.back(ctx)
	case len(words) <= 3 && what == "scheduler start":
		return c.restartScheduler(ctx, cmp.Or(argument, c.options.schedulerConfig))
	case len(words) != 2:
	case what == "scheduler restart":
		return c.restartScheduler(ctx, c.file("scheduler.yaml"))
	case what == "scheduler stop":
		stopProcess(&c.scheduler, 5*time.Second)
		return nil
	case what == "controller-manager start":
		stopProcess(&c.controllerManager, 5*time.Second)
		return c.startControllerManager(ctx)
	case what == "controller-manager stop":
		stopProcess(&c.controllerManager, 5*time.Second)
		return nil
	case what == "kubelet start":
		stopProcess(&c.kubelet, 5*time.Second)
		return c.startKubelet()
	case what == "kubelet stop":
		stopProcess(&c.kubelet, 5*time.Second)
		return nil
	}
	return fmt.Errorf("unknown command")
}

func (c *cluster) restartScheduler(ctx context.Context, config string) error {
	stopProcess(&c.scheduler, 5*time.Second)
	return c.startScheduler(ctx, config)
}
