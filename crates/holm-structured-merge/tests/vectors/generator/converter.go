package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// loadConverters reads the built-in types, which are "builtin", and adds the custom ones by name.
func loadConverters(folder string) (map[string]managedfields.TypeConverter, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("no OpenAPI documents in %s", folder))
	}
	builtin := map[string]*spec.Schema{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var document struct {
			Components struct{ Schemas map[string]*spec.Schema }
		}
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, err
		}
		for name, schema := range document.Components.Schemas {
			builtin[name] = schema
		}
	}
	converters := map[string]managedfields.TypeConverter{"deduced": managedfields.NewDeducedTypeConverter()}
	if converters["builtin"], err = managedfields.NewTypeConverter(builtin, false); err != nil {
		return nil, err
	}
	for name, schemas := range customSchemas {
		text, err := json.Marshal(schemas)
		if err != nil {
			return nil, err
		}
		parsed := map[string]*spec.Schema{}
		if err := json.Unmarshal(text, &parsed); err != nil {
			return nil, err
		}
		if converters[name], err = managedfields.NewTypeConverter(parsed, strings.HasSuffix(name, "-preserving")); err != nil {
			return nil, err
		}
	}
	return converters, nil
}

// relabel converts objects between versions by changing their apiVersion, as custom resources without a webhook do. Only
// the listed versions are served.
type relabel struct{ served map[schema.GroupVersion]bool }

func (c relabel) Convert(_, _, _ any) error { return errors.New("not implemented") }

func (c relabel) ConvertFieldLabel(schema.GroupVersionKind, string, string) (string, string, error) {
	return "", "", errors.New("not implemented")
}

func (c relabel) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	version, ok := target.(schema.GroupVersion)
	if !ok {
		return nil, fmt.Errorf("unexpected target %T", target)
	}
	kind := in.GetObjectKind().GroupVersionKind()
	if kind.GroupVersion() == version {
		return in, nil
	}
	if !c.served[version] {
		return nil, runtime.NewNotRegisteredErrForKind("generator", version.WithKind(kind.Kind))
	}
	out := in.(*unstructured.Unstructured).DeepCopy()
	out.SetAPIVersion(version.String())
	return out, nil
}

type noDefaults struct{}

func (noDefaults) Default(runtime.Object) {}

type empty struct{}

func (empty) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetGroupVersionKind(kind)
	return object, nil
}
