package serve

import (
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

// writeSchedulerConfig writes the scheduler's configuration file from the given one (none: an empty one), filling in
// what it needs to run here.
func writeSchedulerConfig(l layout, from string) error {
	var given []byte
	if from != "" {
		var err error
		if given, err = os.ReadFile(from); err != nil {
			return err
		}
	}
	config, err := completeSchedulerConfig(given, l.kubeconfig())
	if err != nil {
		return fmt.Errorf("scheduler configuration %s: %w", from, err)
	}
	return os.WriteFile(l.file("scheduler.yaml"), config, 0o600)
}

// completeSchedulerConfig adds the kubeconfig, generous rate limits and no leader election where the configuration
// says nothing about them.
func completeSchedulerConfig(given []byte, kubeconfig string) ([]byte, error) {
	config := map[string]any{}
	if err := yaml.Unmarshal(given, &config); err != nil {
		return nil, err
	}
	fillIn(config, "apiVersion", "kubescheduler.config.k8s.io/v1")
	fillIn(config, "kind", "KubeSchedulerConfiguration")
	connection := section(config, "clientConnection")
	fillIn(connection, "kubeconfig", kubeconfig)
	fillIn(connection, "qps", 500)
	fillIn(connection, "burst", 1000)
	fillIn(section(config, "leaderElection"), "leaderElect", false)
	return yaml.Marshal(config)
}

func section(config map[string]any, key string) map[string]any {
	inner, ok := config[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		config[key] = inner
	}
	return inner
}

func fillIn(config map[string]any, key string, value any) {
	if _, ok := config[key]; !ok {
		config[key] = value
	}
}
