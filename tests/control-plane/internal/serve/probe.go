package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"
)

// startLimit is how long a component may take until it is ready; a loaded machine takes a multiple of the usual time.
const startLimit = 60 * time.Second

// waitUntil tries a check until it succeeds; it fails when the process ends or time runs out.
func (p *process) waitUntil(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		err := check(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.ended()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.name, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

var probeClient = &http.Client{Transport: &http.Transport{
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the probe asks a child of ours on loopback
	DisableKeepAlives: true,
}}

// answersOK is a check that a health endpoint answers 200.
func answersOK(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := probeClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}
