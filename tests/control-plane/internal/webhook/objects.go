package webhook

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// mutatePath is where TopoLVM's webhook serves.
const mutatePath = "/pod/mutate"

// createdPort is the port of a Service made by --create: one that needs no root to listen on.
const createdPort = 8443

// listen serves on the Service's present address.
func (w *webhook) listen(ctx context.Context) error {
	service, err := w.client.CoreV1().Services(w.namespace).Get(ctx, w.service, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if net.ParseIP(service.Spec.ClusterIP) == nil || len(service.Spec.Ports) == 0 {
		return fmt.Errorf("service %s/%s has no address", w.namespace, w.service)
	}
	address := net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(service.Spec.Ports[0].Port)))
	if w.server != nil && w.server.address == address {
		return nil
	}
	if w.server != nil {
		w.server.close()
		w.server = nil
	}
	w.server, err = newServer(address, w.serving, &mutator{client: w.client}, w.rules)
	return err
}

// trust puts our certificate into the webhooks that name our Service.
func (w *webhook) trust(ctx context.Context) error {
	mutating := w.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	validating := w.client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	first, err := mutating.Get(ctx, w.configuration, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err == nil {
		changed := false
		for i := range first.Webhooks {
			changed = w.trusted(&first.Webhooks[i].ClientConfig) || changed
		}
		if changed {
			_, err = mutating.Update(ctx, first, metav1.UpdateOptions{})
		}
	}
	if err != nil && !missing {
		return err
	}
	second, err := validating.Get(ctx, w.configuration, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && !missing {
		return nil
	}
	if err != nil {
		return err
	}
	changed := false
	for i := range second.Webhooks {
		changed = w.trusted(&second.Webhooks[i].ClientConfig) || changed
	}
	if changed {
		_, err = validating.Update(ctx, second, metav1.UpdateOptions{})
	}
	return err
}

// trusted says whether the certificate of a webhook that names our Service had to be changed.
func (w *webhook) trusted(config *admissionv1.WebhookClientConfig) bool {
	ours := config.Service != nil && config.Service.Name == w.service && config.Service.Namespace == w.namespace
	if !ours || bytes.Equal(config.CABundle, w.serving.CA) {
		return false
	}
	config.CABundle = w.serving.CA
	return true
}

// createObjects makes the Service and the configuration where they are missing.
func (w *webhook) createObjects(ctx context.Context) error {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: w.service, Namespace: w.namespace},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
			{Name: "webhook", Port: createdPort, TargetPort: intstr.FromInt32(9443)},
		}},
	}
	_, err := w.client.CoreV1().Services(w.namespace).Create(ctx, service, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = w.client.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Create(ctx, w.chartConfiguration(), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// chartConfiguration is what TopoLVM's chart makes (templates/mutatingwebhooks.yaml).
func (w *webhook) chartConfiguration() *admissionv1.MutatingWebhookConfiguration {
	return &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: w.configuration},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name:                    "pod-hook.topolvm.io",
			AdmissionReviewVersions: []string{"v1"},
			FailurePolicy:           ptr.To(admissionv1.FailurePolicyType(w.failurePolicy)),
			MatchPolicy:             ptr.To(admissionv1.Equivalent),
			SideEffects:             ptr.To(admissionv1.SideEffectClassNone),
			ClientConfig: admissionv1.WebhookClientConfig{
				CABundle: w.serving.CA,
				Service: &admissionv1.ServiceReference{
					Namespace: w.namespace, Name: w.service, Path: ptr.To(mutatePath), Port: ptr.To[int32](createdPort),
				},
			},
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "topolvm.io/webhook", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"ignore"}},
				{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: w.ignored()},
			}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	}
}
