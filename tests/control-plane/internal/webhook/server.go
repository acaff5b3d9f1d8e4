package webhook

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"storagewhy.test/control-plane/internal/certs"
)

// server answers AdmissionReview v1 over TLS.
type server struct {
	address string
	http    *http.Server
}

// newServer answers as TopoLVM's webhook at its path, and by the rules, where there are some, at all others.
func newServer(address string, serving *certs.Serving, m *mutator, rules string) (*server, error) {
	certificate, err := tls.X509KeyPair(serving.Cert, serving.Key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+mutatePath, m.serve)
	if rules != "" {
		mux.HandleFunc("POST /", (&answers{file: rules}).serve)
	}
	s := &server{address: address, http: &http.Server{
		Handler:   mux,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}}
	go func() {
		if err := s.http.ServeTLS(listener, "", ""); err != http.ErrServerClosed {
			klog.ErrorS(err, "Webhook server ended")
		}
	}()
	return s, nil
}

func (s *server) close() { _ = s.http.Close() }

func (m *mutator) serve(out http.ResponseWriter, in *http.Request) {
	respond(out, in, func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return m.review(in, request)
	})
}

// respond answers a review with what is made of its request.
func respond(out http.ResponseWriter, in *http.Request, judge func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) {
	review := &admissionv1.AdmissionReview{}
	if err := json.NewDecoder(in.Body).Decode(review); err != nil || review.Request == nil {
		http.Error(out, "not an AdmissionReview", http.StatusBadRequest)
		return
	}
	response := judge(review.Request)
	response.UID = review.Request.UID
	review.Request, review.Response = nil, response
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(review)
}

func (m *mutator) review(in *http.Request, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	pod := &corev1.Pod{}
	if err := json.Unmarshal(request.Object.Raw, pod); err != nil {
		return refused(http.StatusBadRequest, err.Error())
	}
	if len(pod.Spec.Containers) == 0 {
		return refused(http.StatusForbidden, "pod has no containers")
	}
	capacities, err := m.capacities(in.Context(), request.Namespace, pod)
	if err != nil {
		return refused(http.StatusInternalServerError, err.Error())
	}
	operations := patch(pod, capacities)
	if len(operations) == 0 {
		return &admissionv1.AdmissionResponse{Allowed: true}
	}
	body, err := json.Marshal(operations)
	if err != nil {
		return refused(http.StatusInternalServerError, err.Error())
	}
	return &admissionv1.AdmissionResponse{Allowed: true, Patch: body, PatchType: ptr.To(admissionv1.PatchTypeJSONPatch)}
}

func refused(code int32, message string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{Code: code, Message: message}}
}
