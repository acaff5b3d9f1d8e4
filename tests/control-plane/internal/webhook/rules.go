package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/utils/ptr"
)

// answer is what a webhook says of every request: an error of HTTP, a refusal, a JSON patch, or nothing but yes.
type answer struct {
	Status int             `json:"status"`
	Deny   string          `json:"deny"`
	Code   int32           `json:"code"`
	Patch  json.RawMessage `json:"patch"`
}

// answers are read from a file for every request, by the path of the request.
type answers struct {
	file string
}

func (a *answers) serve(out http.ResponseWriter, in *http.Request) {
	found, err := a.find(in.URL.Path)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	if found.Status != 0 {
		http.Error(out, "so the rules say", found.Status)
		return
	}
	respond(out, in, func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse { return found.response() })
}

func (a *answers) find(path string) (*answer, error) {
	text, err := os.ReadFile(a.file)
	if err != nil {
		return nil, err
	}
	all := map[string]*answer{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	if found := all[path]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("no rule for %s", path)
}

func (a *answer) response() *admissionv1.AdmissionResponse {
	switch {
	case a.Deny != "":
		return refused(a.Code, a.Deny)
	case len(a.Patch) > 0:
		return &admissionv1.AdmissionResponse{Allowed: true, Patch: a.Patch, PatchType: ptr.To(admissionv1.PatchTypeJSONPatch)}
	default:
		return &admissionv1.AdmissionResponse{Allowed: true}
	}
}
