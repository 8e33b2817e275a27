// Command wire prints how the Go types of the built-in kinds are encoded in protobuf: which number a JSON field has and of
// which type it is. The tags of the types say both. The output is compressed with zlib.
package main

import (
	"compress/zlib"
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

// code gives the type of a single value in one letter, or the name of a message.
func code(t reflect.Type) string {
	switch t.Name() {
	case "Time":
		return "time"
	case "MicroTime":
		return "micro"
	case "Duration":
		return "duration"
	case "Quantity":
		return "quantity"
	case "IntOrString":
		return "number"
	case "RawExtension", "FieldsV1", "JSON":
		return "json"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "flag"
	case reflect.Float32, reflect.Float64:
		return "double"
	case reflect.Struct:
		visit(t)
		return name(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		// A list with a name of its own is a message with the list in it.
		return "texts"
	default:
		return "integer"
	}
}

func visit(t reflect.Type) {
	if seen[t] {
		return
	}
	seen[t] = true
	var fields []string
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := strings.Split(f.Tag.Get("protobuf"), ",")
		if f.PkgPath != "" || len(tag) < 3 {
			continue
		}
		json := strings.Split(f.Tag.Get("json"), ",")[0]
		if json == "-" {
			continue
		}
		if f.Anonymous && json == "" {
			// Its fields are those of the outer object in JSON.
			json = "~"
		}
		kind, mark := f.Type, ""
		if kind.Kind() == reflect.Ptr {
			// A pointer that is set counts even if it points to a zero.
			kind, mark = kind.Elem(), "?"
		}
		switch {
		case kind.Kind() == reflect.Map:
			mark = "%"
			kind = kind.Elem()
		case kind.Kind() == reflect.Slice && kind.Elem().Kind() != reflect.Uint8 && (kind.Name() == "" || tag[2] == "rep"):
			mark = "*"
			kind = kind.Elem()
			if kind.Kind() == reflect.Ptr {
				kind = kind.Elem()
			}
		}
		fields = append(fields, tag[1]+"="+json+":"+mark+code(kind))
	}
	lines = append(lines, name(t)+" "+strings.Join(fields, " "))
}

func main() {
	_ = apiextensions.AddToScheme(scheme.Scheme)
	_ = apiregistration.AddToScheme(scheme.Scheme)
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		stable := !strings.Contains(gvk.Version, "alpha") && !strings.Contains(gvk.Version, "beta")
		if stable && gvk.Version != "__internal" {
			visit(t)
		}
	}
	sort.Strings(lines)
	out, err := zlib.NewWriterLevel(os.Stdout, zlib.BestCompression)
	if err != nil {
		panic(err)
	}
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	if err := out.Close(); err != nil {
		panic(err)
	}
}
