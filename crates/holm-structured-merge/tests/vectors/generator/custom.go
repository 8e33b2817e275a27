package main

// customSchemas are the types of custom resources, as OpenAPI. A name that ends in "-preserving" keeps unknown fields.
var customSchemas = map[string]object{
	"widget":            {"example.com.v1.Widget": widget("v1", widgetSpec), "example.com.v1beta1.Widget": widget("v1beta1", widgetSpec)},
	"widget-preserving": {"example.com.v1.Widget": widget("v1", widgetSpec)},
	// The same kind before and after its lists and maps became atomic: see the scenario that changes the schema.
	"widget-atomic": {"example.com.v1.Widget": widget("v1", atomicSpec)},
}

func widget(version, spec string) object {
	return read(`{
		"type": "object",
		"x-kubernetes-group-version-kind": [{"group": "example.com", "version": "` + version + `", "kind": "Widget"}],
		"properties": {
			"apiVersion": {"type": "string"},
			"kind": {"type": "string"},
			"metadata": {"type": "object", "properties": {
				"name": {"type": "string"}, "namespace": {"type": "string"}, "uid": {"type": "string"},
				"resourceVersion": {"type": "string"}, "generation": {"type": "integer"},
				"labels": {"type": "object", "additionalProperties": {"type": "string"}},
				"annotations": {"type": "object", "additionalProperties": {"type": "string"}},
				"managedFields": {"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "object"}}
			}},
			"spec": ` + spec + `,
			"status": {"type": "object", "properties": {"ready": {"type": "boolean"}, "count": {"type": "integer"}}}
		}
	}`)
}

const widgetSpec = `{"type": "object", "properties": {
	"size": {"type": "integer"},
	"ratio": {"type": "number"},
	"mode": {"type": "string", "default": "fast"},
	"enabled": {"type": "boolean"},
	"limit": {"x-kubernetes-int-or-string": true},
	"plain": {"type": "array", "items": {"type": "string"}},
	"names": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
	"numbers": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "number"}},
	"parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
		"type": "object", "required": ["name"], "properties": {
			"name": {"type": "string"}, "weight": {"type": "integer"},
			"tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
			"extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		}}},
	"routes": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol", "zone"], "items": {
		"type": "object", "properties": {
			"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "zone": {"type": "string"},
			"target": {"type": "string"}
		}}},
	"points": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}}},
	"colour": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"r": {"type": "integer"}, "g": {"type": "integer"}}},
	"values": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}},
	"free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
	"open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"known": {"type": "string"}}},
	"any": {}
}}`

const atomicSpec = `{"type": "object", "properties": {
	"size": {"type": "integer"},
	"parts": {"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "object", "properties": {
		"name": {"type": "string"}, "weight": {"type": "integer"}}}},
	"values": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string"}}}},
	"names": {"type": "array", "items": {"type": "string"}}
}}`
