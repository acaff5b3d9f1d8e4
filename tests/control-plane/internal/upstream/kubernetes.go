// Package upstream runs the programs of other projects inside this binary.
package upstream

import (
	_ "time/tzdata" // time zones for CronJobs, as cmd/kube-apiserver has them

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// APIServer is kube-apiserver.
func APIServer() int { return cli.Run(apiserver.NewAPIServerCommand()) }

// ControllerManager is kube-controller-manager.
func ControllerManager() int { return cli.Run(controllermanager.NewControllerManagerCommand()) }

// Scheduler is kube-scheduler.
func Scheduler() int { return cli.Run(scheduler.NewSchedulerCommand()) }

// Kubectl is kubectl, plugins on PATH included.
func Kubectl() int {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints and exits
	}
	return 0
}
