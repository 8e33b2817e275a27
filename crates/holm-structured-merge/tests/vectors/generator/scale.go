package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Scale records how managed fields go to the scale subresource and come back after a write to it.
type Scale struct {
	// What is written: "same" keeps the owners of the replicas, "taken" gives them to one updater, "added" adds an applier.
	Write string `json:"write"`
	// The managed fields of the Scale before the write, and of the parent after it.
	Read   [][]any `json:"read"`
	Parent [][]any `json:"parent"`
}

func (s *Scale) play(parent []metav1.ManagedFieldsEntry, apiVersion string) error {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return err
	}
	handler := managedfields.NewScaleHandler(parent, version, managedfields.ResourcePathMappings{
		apiVersion: fieldpath.MakePathOrDie("spec", "replicas"),
	})
	entries, err := handler.ToSubresource()
	if err != nil {
		return err
	}
	if s.Read, err = listed(entries); err != nil {
		return err
	}
	owner := metav1.ManagedFieldsEntry{
		Manager: "hpa", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "autoscaling/v1", FieldsType: "FieldsV1",
		Subresource: "scale", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:replicas":{}}}`)},
	}
	switch s.Write {
	case "taken":
		entries = []metav1.ManagedFieldsEntry{owner}
	case "added":
		owner.Operation = metav1.ManagedFieldsOperationApply
		entries = append(entries, owner)
	}
	if entries, err = handler.ToParent(entries); err != nil {
		return err
	}
	s.Parent, err = listed(entries)
	return err
}
