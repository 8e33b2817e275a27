// Command shape prints how the Go types of the built-in kinds are serialised: what the OpenAPI schema does not say.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var seen = map[reflect.Type]bool{}
var lines []string

func name(t reflect.Type) string {
	parts := strings.SplitN(t.PkgPath(), "/", 2)
	host := strings.Split(parts[0], ".")
	for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
		host[i], host[j] = host[j], host[i]
	}
	return strings.Join(host, ".") + "." + strings.ReplaceAll(parts[1], "/", ".") + "." + t.Name()
}

func visit(t reflect.Type) {
	switch t.Kind() {
	case reflect.Ptr, reflect.Slice, reflect.Map:
		visit(t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[t] {
		return
	}
	seen[t] = true
	classes := map[string][]string{}
	var fields func(reflect.Type)
	fields = func(t reflect.Type) {
		for i := 0; i < t.NumField(); i++ {
			f := t.Field(i)
			tag := strings.Split(f.Tag.Get("json"), ",")
			if f.Anonymous && tag[0] == "" {
				visited := f.Type
				if visited.Kind() == reflect.Ptr {
					visited = visited.Elem()
				}
				if visited.Kind() == reflect.Struct {
					fields(visited)
				}
				continue
			}
			if tag[0] == "-" || tag[0] == "" || f.PkgPath != "" {
				continue
			}
			visit(f.Type)
			empty, zero := false, false
			for _, o := range tag[1:] {
				empty = empty || o == "omitempty"
				zero = zero || o == "omitzero"
			}
			class := ""
			switch f.Type.Kind() {
			case reflect.Ptr, reflect.Interface:
				if !empty && !zero {
					class = "null"
				}
			case reflect.Slice, reflect.Map:
				if !empty && !zero {
					class = "null"
				}
			case reflect.Struct:
				custom := f.Type.Name() == "Time" || f.Type.Name() == "MicroTime" || f.Type.Name() == "RawExtension"
				if zero {
					class = "omit"
				} else if custom {
					class = "null"
				} else if f.Type.Name() == "Quantity" {
					class = "quantity"
				} else if f.Type.Name() == "IntOrString" {
					class = "number"
				} else {
					class = "object"
				}
			case reflect.String:
				class = "text"
			case reflect.Bool:
				class = "flag"
			default:
				class = "number"
			}
			if (class == "text" || class == "flag" || class == "number") && f.Type.Kind() != reflect.Struct && (empty || zero) {
				class = "omit"
			}
			if class != "" {
				classes[class] = append(classes[class], tag[0])
			}
		}
	}
	fields(t)
	if t.Name() == "" || len(classes) == 0 {
		return
	}
	var out []string
	for class, names := range classes {
		sort.Strings(names)
		out = append(out, class+"="+strings.Join(names, ","))
	}
	sort.Strings(out)
	lines = append(lines, name(t)+" "+strings.Join(out, " "))
}

func main() {
	_ = apiextensions.AddToScheme(scheme.Scheme)
	_ = apiregistration.AddToScheme(scheme.Scheme)
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version != "__internal" {
			visit(t)
		}
	}
	sort.Strings(lines)
	for _, l := range lines {
		fmt.Fprintln(os.Stdout, l)
	}
}
