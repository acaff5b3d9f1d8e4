// Command field-table writes down what Kubernetes' API types are made of, for the strict check of manifests.
//
// "field-table dump" prints the types of the k8s.io/api that this module is built with; "field-table merge MINOR=FILE..."
// makes one table of such prints, oldest first, that says which releases know a field. make.sh runs both.
package main

import (
	"bufio"
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
)

// Groups whose objects are no part of manifests.
var left = []string{"authentication.k8s.io", "authorization.k8s.io", "events.k8s.io", "extensions", "imagepolicy.k8s.io",
	"internal.apiserver.k8s.io", "flowcontrol.apiserver.k8s.io", "storagemigration.k8s.io", "meta.k8s.io", "__internal"}

// Kinds whose decoding is their own: what they take is known by name.
var own = map[string]string{
	"api/resource.Quantity":   "quantity",
	"util/intstr.IntOrString": "intorstring",
	"apis/meta/v1.Time":       "time",
	"apis/meta/v1.MicroTime":  "microtime",
	"apis/meta/v1.Duration":   "duration",
}

type table struct{ types map[string][]string }

func id(t reflect.Type) string {
	path := strings.TrimPrefix(strings.TrimPrefix(t.PkgPath(), "k8s.io/api/"), "k8s.io/apimachinery/pkg/")
	return path + "." + t.Name()
}

// expr is how a type stands in the table: its kind with the name that Go gives it, "name=" before lists and maps and
// ":name" behind others.
func (w *table) expr(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		return "*" + w.expr(t.Elem())
	}
	named := ""
	if t.PkgPath() != "" {
		if known, ok := own[id(t)]; ok {
			return known
		}
		named = ":" + t.String()
	}
	decodes := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	switch {
	case decodes:
		return "any"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes" + named
	case t.Kind() == reflect.Slice:
		return prefix(named) + "[]" + w.expr(t.Elem())
	case t.Kind() == reflect.Map:
		key := ""
		if t.Key().String() != "string" {
			key = t.Key().String()
		}
		return prefix(named) + "{" + key + "}" + w.expr(t.Elem())
	case t.Kind() == reflect.Struct:
		w.structure(t)
		return id(t)
	case t.Kind() == reflect.Interface:
		return "any"
	default:
		return t.Kind().String() + named
	}
}

func prefix(named string) string {
	if named == "" {
		return ""
	}
	return named[1:] + "="
}

func (w *table) structure(t reflect.Type) {
	if _, known := w.types[id(t)]; known {
		return
	}
	w.types[id(t)] = nil
	w.types[id(t)] = w.fields(t, "")
}

func (w *table) fields(t reflect.Type, embedded string) []string {
	var lines []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			lines = append(lines, w.fields(f.Type, embedded+" @"+f.Name)...)
		default:
			lines = append(lines, name+" "+strings.TrimPrefix(w.expr(f.Type), "*")+embedded)
		}
	}
	return lines
}

func dump() {
	w := table{types: map[string][]string{}}
	var kinds []string
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		stable := !strings.Contains(gvk.Version, "alpha") && !strings.Contains(gvk.Version, "beta")
		_, item := t.FieldByName("ObjectMeta")
		if !stable || !item || slices.Contains(left, gvk.Group) {
			continue
		}
		w.structure(t)
		kinds = append(kinds, "kind "+gvk.GroupVersion().String()+" "+gvk.Kind+" "+id(t))
	}
	slices.Sort(kinds)
	fmt.Println(strings.Join(kinds, "\n"))
	for _, name := range sorted(w.types) {
		fmt.Println("type " + name)
		for _, line := range w.types[name] {
			fmt.Println(" " + line)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// span is the releases that know a line.
type span struct{ first, last string }

func merge(args []string) {
	kinds, types := map[string]span{}, map[string]map[string]span{}
	var oldest, newest string
	for _, arg := range args {
		minor, path, _ := strings.Cut(arg, "=")
		if oldest == "" {
			oldest = minor
		}
		newest = minor
		file, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		current := kinds
		for lines := bufio.NewScanner(file); lines.Scan(); {
			line := lines.Text()
			if name, found := strings.CutPrefix(line, "type "); found {
				if types[name] == nil {
					types[name] = map[string]span{}
				}
				current = types[name]
				continue
			}
			line = strings.TrimSpace(line)
			known, found := current[line]
			if !found {
				known.first = minor
			}
			current[line] = span{known.first, minor}
		}
		file.Close()
	}
	show := func(indent string, lines map[string]span) {
		for _, line := range sorted(lines) {
			releases := ""
			if s := lines[line]; s.first != oldest || s.last != newest {
				releases = " " + strings.TrimPrefix(s.first, oldest) + "-" + strings.TrimSuffix(s.last, newest)
			}
			fmt.Println(indent + line + releases)
		}
	}
	fmt.Println("releases " + oldest + "-" + newest)
	show("", kinds)
	for _, name := range sorted(types) {
		fmt.Println("type " + name)
		show(" ", types[name])
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "merge" {
		merge(os.Args[2:])
	} else {
		dump()
	}
}
