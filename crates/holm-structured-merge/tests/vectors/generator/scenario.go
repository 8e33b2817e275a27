package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

type object = map[string]any

// Scenario is the life of one object.
type Scenario struct {
	Name string `json:"name"`
	// Group, version and kind of the object.
	Kind [3]string `json:"kind"`
	// Which types apply: "builtin", "deduced", or the name of a custom schema.
	Types string `json:"types"`
	// Other served versions of the kind.
	Versions []string `json:"versions,omitempty"`
	// Fields that are reset by a write, by subresource.
	Reset map[string][][]string `json:"reset,omitempty"`
	// Patterns of fields that alone are kept by a write, by subresource; an empty element stands for any.
	Include map[string][][]string `json:"include,omitempty"`
	Steps   []*Step               `json:"steps"`
	// How the managed fields at the end go through the scale subresource, for kinds that have one.
	Scale *Scale `json:"scale,omitempty"`

	// What each applier gets back when it extracts what it applied: manager, subresource and object.
	Extracted [][3]any `json:"extracted,omitempty"`

	live *unstructured.Unstructured
}

// Step is one write and what came of it.
type Step struct {
	// "apply" a configuration, "update" to an object, or "store" an object without tracking, as defaulting does.
	Operation   string `json:"op"`
	Manager     string `json:"manager,omitempty"`
	Force       bool   `json:"force,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	// The version of the request, if it is not that of the scenario.
	Version string `json:"version,omitempty"`
	// The types of the request, if they are not those of the scenario: the schema has changed meanwhile.
	Types string `json:"types,omitempty"`
	// Whether the other versions are not served any more.
	Only bool `json:"only,omitempty"`
	// What an update does with the managed fields of the live object: "keep", "" (drop), "reset" or "blank".
	Carry  string `json:"carry,omitempty"`
	Object object `json:"object"`

	Error     string      `json:"error,omitempty"`
	Conflicts [][2]string `json:"conflicts,omitempty"`
	// The live object and its managed fields, if the step changed them. Times are numbers of steps.
	Live    object   `json:"live,omitempty"`
	Managed *[][]any `json:"managed,omitempty"`

	// Makes the object out of the live one, for steps that start from it.
	make func(live object) object
}

// The beginning of time; every step takes a second.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Scenario) play(converters map[string]managedfields.TypeConverter) error {
	group, kind := s.Kind[0], s.Kind[2]
	s.live = &unstructured.Unstructured{Object: object{}}
	s.live.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: s.Kind[1], Kind: kind})
	var managed [][]any
	for number, step := range s.Steps {
		if step.make != nil {
			live := s.live.DeepCopy()
			live.SetManagedFields(nil)
			step.Object = step.make(live.Object)
		}
		before := plain(s.live)
		version := s.Kind[1]
		if step.Version != "" {
			version = step.Version
		}
		target := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
		served := map[schema.GroupVersion]bool{target.GroupVersion(): true}
		for _, version := range append(s.Versions, s.Kind[1]) {
			if !step.Only {
				served[schema.GroupVersion{Group: group, Version: version}] = true
			}
		}
		types := s.Types
		if step.Types != "" {
			types = step.Types
		}
		manager, err := s.fieldManager(converters[types], target, served, step.Subresource)
		if err != nil {
			return err
		}
		if err := step.write(s, manager, target); err != nil {
			step.Error = err.Error()
			for range 100 {
				// With several invalid fields the text depends on the order of a Go map, and is not compared.
				if apierrors.IsConflict(err) {
					break
				}
				if again := step.write(s, manager, target); again == nil || again.Error() != step.Error {
					step.Error = "*"
				}
			}
			var status *apierrors.StatusError
			if errors.As(err, &status) && status.ErrStatus.Details != nil {
				for _, cause := range status.ErrStatus.Details.Causes {
					step.Conflicts = append(step.Conflicts, [2]string{cause.Message, cause.Field})
				}
				// Managers come in the order of a Go map; the fields of each are sorted.
				sort.SliceStable(step.Conflicts, func(i, j int) bool { return step.Conflicts[i][0] < step.Conflicts[j][0] })
			}
		}
		s.setTimes(number)
		if after := plain(s.live); !reflect.DeepEqual(before, after) {
			step.Live = after
		}
		entries, err := s.managed()
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(managed, entries) {
			managed = entries
			step.Managed = &entries
		}
	}
	if err := s.extract(converters[s.Types]); err != nil {
		return err
	}
	if s.Scale != nil {
		return s.Scale.play(s.live.GetManagedFields(), s.live.GetAPIVersion())
	}
	return nil
}

func (step *Step) write(s *Scenario, manager *managedfields.FieldManager, target schema.GroupVersionKind) error {
	given := &unstructured.Unstructured{Object: clone(step.Object).(object)}
	live := s.live.DeepCopy()
	switch step.Operation {
	case "apply":
		out, err := manager.Apply(live, given, step.Manager, step.Force)
		if err != nil {
			return err
		}
		s.live = out.(*unstructured.Unstructured)
	case "update":
		switch step.Carry {
		case "keep":
			given.SetManagedFields(live.GetManagedFields())
		case "reset":
			given.SetManagedFields([]metav1.ManagedFieldsEntry{})
		case "blank":
			if err := unstructured.SetNestedSlice(given.Object, []any{object{}}, "metadata", "managedFields"); err != nil {
				return err
			}
		}
		out, err := manager.Update(live, given, step.Manager)
		if err != nil {
			return err
		}
		s.live = out.(*unstructured.Unstructured)
	case "store":
		given.SetManagedFields(live.GetManagedFields())
		s.live = given
	default:
		return fmt.Errorf("unknown operation %q", step.Operation)
	}
	return nil
}

func (s *Scenario) fieldManager(types managedfields.TypeConverter, kind schema.GroupVersionKind, served map[schema.GroupVersion]bool, subresource string) (*managedfields.FieldManager, error) {
	if types == nil {
		return nil, fmt.Errorf("no such types: %q", s.Types)
	}
	filters := map[fieldpath.APIVersion]fieldpath.Filter{}
	for version := range served {
		if paths, ok := s.Reset[subresource]; ok {
			set := fieldpath.NewSet()
			for _, path := range paths {
				parts := []any{}
				for _, part := range path {
					parts = append(parts, part)
				}
				set.Insert(fieldpath.MakePathOrDie(parts...))
			}
			filters[fieldpath.APIVersion(version.String())] = fieldpath.NewExcludeSetFilter(set)
		} else if patterns, ok := s.Include[subresource]; ok {
			matchers := []*fieldpath.SetMatcher{}
			for _, pattern := range patterns {
				parts := []any{}
				for _, part := range pattern {
					if part == "" {
						parts = append(parts, fieldpath.MatchAnyPathElement())
					} else {
						parts = append(parts, part)
					}
				}
				matchers = append(matchers, fieldpath.MakePrefixMatcherOrDie(parts...))
			}
			filters[fieldpath.APIVersion(version.String())] = fieldpath.NewIncludeMatcherFilter(matchers...)
		}
	}
	converter := relabel{served}
	if len(s.Versions) > 0 {
		return managedfields.NewDefaultCRDFieldManager(types, converter, noDefaults{}, empty{}, kind, kind.GroupVersion(), subresource, filters)
	}
	return managedfields.NewDefaultFieldManager(types, converter, noDefaults{}, empty{}, kind, kind.GroupVersion(), subresource, filters)
}

// extract reads back what every applier applied, unless the object has repeated items.
func (s *Scenario) extract(types managedfields.TypeConverter) error {
	value, err := types.ObjectToTyped(s.live)
	if err != nil {
		return nil
	}
	for _, entry := range s.live.GetManagedFields() {
		if entry.Operation != metav1.ManagedFieldsOperationApply {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return err
		}
		extracted, ok := value.ExtractItems(set.Leaves()).AsValue().Unstructured().(object)
		if !ok {
			extracted = object{}
		}
		extracted["apiVersion"], extracted["kind"] = s.live.GetAPIVersion(), s.live.GetKind()
		s.Extracted = append(s.Extracted, [3]any{entry.Manager, entry.Subresource, extracted})
	}
	return nil
}

// setTimes replaces the times that the step has set by the time of the step.
func (s *Scenario) setTimes(step int) {
	entries := s.live.GetManagedFields()
	for i := range entries {
		if entries[i].Time != nil && entries[i].Time.Year() > 2020 {
			entries[i].Time = &metav1.Time{Time: start.Add(time.Duration(step) * time.Second)}
		}
	}
	if entries != nil {
		s.live.SetManagedFields(entries)
	}
}

// managed lists the entries with their fields as the exact text that typed objects carry.
func (s *Scenario) managed() ([][]any, error) { return listed(s.live.GetManagedFields()) }

func listed(entries []metav1.ManagedFieldsEntry) ([][]any, error) {
	var out [][]any
	for _, entry := range entries {
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		text, err := set.ToJSON()
		if err != nil {
			return nil, err
		}
		step := -1
		if entry.Time != nil {
			step = int(entry.Time.Sub(start) / time.Second)
		}
		out = append(out, []any{entry.Manager, string(entry.Operation), entry.APIVersion, entry.Subresource, step, string(text)})
	}
	return out, nil
}

func plain(live *unstructured.Unstructured) object {
	live = live.DeepCopy()
	live.SetManagedFields(nil)
	return live.Object
}

func clone(value any) any {
	switch value := value.(type) {
	case object:
		out := object{}
		for key, item := range value {
			out[key] = clone(item)
		}
		return out
	case []any:
		out := make([]any, 0, len(value))
		for _, item := range value {
			out = append(out, clone(item))
		}
		return out
	default:
		return value
	}
}

// read parses JSON as the server does: whole numbers stay whole.
func read(text string) object {
	out := object{}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		panic(fmt.Errorf("%v in %s", err, text))
	}
	return numbers(out).(object)
}

func numbers(value any) any {
	switch value := value.(type) {
	case object:
		for key, item := range value {
			value[key] = numbers(item)
		}
		return value
	case []any:
		for i, item := range value {
			value[i] = numbers(item)
		}
		return value
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		broken, err := value.Float64()
		if err != nil {
			panic(err)
		}
		return broken
	default:
		return value
	}
}
