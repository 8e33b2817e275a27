package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

var (
	deployment = [3]string{"apps", "v1", "Deployment"}
	service    = [3]string{"", "v1", "Service"}
	configMap  = [3]string{"", "v1", "ConfigMap"}
	secret     = [3]string{"", "v1", "Secret"}
	role       = [3]string{"rbac.authorization.k8s.io", "v1", "Role"}
	widgetKind = [3]string{"example.com", "v1", "Widget"}
)

func builtin(name string, kind [3]string, steps ...*Step) *Scenario {
	return &Scenario{Name: name, Kind: kind, Types: "builtin", Steps: steps}
}

func custom(name, types string, steps ...*Step) *Scenario {
	return &Scenario{Name: name, Kind: widgetKind, Types: types, Steps: steps}
}

func apply(manager, text string) *Step {
	return &Step{Operation: "apply", Manager: manager, Object: read(text)}
}

func force(manager, text string) *Step {
	return &Step{Operation: "apply", Manager: manager, Force: true, Object: read(text)}
}

// update makes the new object out of the live one by merging a JSON patch into it, and brings its managed fields along.
func update(manager, patch string) *Step {
	return &Step{Operation: "update", Manager: manager, Carry: "keep", make: patched(patch)}
}

// store changes the live object without tracking, as defaulting and the server's own fields do.
func store(patch string) *Step {
	return &Step{Operation: "store", make: patched(patch)}
}

func (step *Step) on(subresource string) *Step { step.Subresource = subresource; return step }
func (step *Step) in(version string) *Step     { step.Version = version; return step }
func (step *Step) only() *Step                 { step.Only = true; return step }
func (step *Step) typed(types string) *Step    { step.Types = types; return step }
func (step *Step) carrying(carry string) *Step { step.Carry = carry; return step }

func (s *Scenario) serving(versions ...string) *Scenario { s.Versions = versions; return s }

func (s *Scenario) resetting(subresource string, paths ...[]string) *Scenario {
	if s.Reset == nil {
		s.Reset = map[string][][]string{}
	}
	s.Reset[subresource] = paths
	return s
}

func (s *Scenario) keeping(subresource string, patterns ...[]string) *Scenario {
	s.Include = map[string][][]string{subresource: patterns}
	return s
}

func patched(patch string) func(object) object {
	return func(live object) object { return mergePatch(live, read(patch)) }
}

func mergePatch(target, patch object) object {
	for key, value := range patch {
		inner, isMap := value.(object)
		below, hasMap := target[key].(object)
		switch {
		case value == nil:
			delete(target, key)
		case isMap && hasMap:
			target[key] = mergePatch(below, inner)
		case isMap:
			target[key] = mergePatch(object{}, inner)
		default:
			target[key] = value
		}
	}
	return target
}

func manifest(kind [3]string, rest string) string {
	version := kind[1]
	if kind[0] != "" {
		version = kind[0] + "/" + version
	}
	return fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"name": "x"}%s}`, version, kind[2], rest)
}

func deploymentOf(spec string) string { return manifest(deployment, `, "spec": {`+spec+`}`) }

const web = `"replicas": 2, "selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [
	{"name": "a", "image": "x:1", "ports": [{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}],
	 "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}}`

func without(text, part string) string {
	if !strings.Contains(text, part) {
		panic(part + " is not in " + text)
	}
	return strings.Replace(text, part, "", 1)
}

func container(fields string) string {
	return deploymentOf(`"template": {"spec": {"containers": [{"name": "a"` + fields + `}]}}`)
}

func configured(data string) string { return manifest(configMap, `, "data": {`+data+`}`) }

func widgetOf(spec string) string { return manifest(widgetKind, `, "spec": {`+spec+`}`) }

func lastApplied(config, more string) string {
	inner, err := json.Marshal(read(config))
	if err != nil {
		panic(err)
	}
	quoted, err := json.Marshal(string(inner) + "\n")
	if err != nil {
		panic(err)
	}
	object := read(config)
	object["metadata"].(map[string]any)["annotations"] = read(`{"kubectl.kubernetes.io/last-applied-configuration": ` + string(quoted) + `}`)
	text, err := json.Marshal(mergePatch(object, read(more)))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func handWritten() []*Scenario {
	scenarios := append(ownership(), tracking()...)
	return append(scenarios, customResources()...)
}

func ownership() []*Scenario {
	replicas := func(n int) string { return deploymentOf(fmt.Sprintf(`"replicas": %d`, n)) }
	return []*Scenario{
		builtin("31 a second identical apply changes nothing", deployment,
			apply("m1", deploymentOf(web)), apply("m1", deploymentOf(web))),
		builtin("33 another value is a conflict, 34 force moves ownership", deployment,
			apply("m1", deploymentOf(web)), apply("m2", replicas(3)), force("m2", replicas(3)),
			apply("m1", deploymentOf(web)), apply("m1", deploymentOf(without(web, `"replicas": 2, `))), apply("m2", replicas(4))),
		builtin("35 the same value is shared, 36 dropped by one it stays, dropped by both it goes", deployment,
			apply("m1", deploymentOf(web)), apply("m2", replicas(2)), apply("m3", replicas(2)), apply("m3", replicas(5)),
			apply("m1", deploymentOf(without(web, `"replicas": 2, `))), apply("m2", manifest(deployment, "")), apply("m3", manifest(deployment, ""))),
		builtin("37 a dropped item goes unless somebody else owns a part of it", deployment,
			apply("m1", deploymentOf(web)), apply("m2", container(`, "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]`)),
			apply("m1", deploymentOf(without(web, `{"name": "A", "value": "1"}, `))),
			apply("m1", deploymentOf(without(web, `{"name": "A", "value": "1"}, {"name": "B", "value": "2"}`))),
			apply("m2", manifest(deployment, ""))),
		builtin("37 an item whose fields were set by an update stays", deployment,
			apply("m1", deploymentOf(web)),
			update("u", `{"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x:1", "imagePullPolicy": "Always"}, {"name": "side", "image": "y"}]}}}}`),
			apply("m1", deploymentOf(`"template": {"spec": {"containers": [{"name": "b", "image": "z"}]}}`))),
		builtin("38 a key with a default is owned with it", deployment,
			apply("m1", container(`, "ports": [{"containerPort": 80}]`)), apply("m2", container(`, "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}]`)),
			apply("m1", container(`, "ports": [{"containerPort": 80, "name": "web"}]`))),
		builtin("39 two protocols on one port are two items", deployment,
			apply("m1", container(`, "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]`)),
			apply("m2", container(`, "ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]`)),
			apply("m1", container(`, "ports": [{"containerPort": 443}, {"containerPort": 53, "protocol": "TCP"}]`))),
		builtin("40 a repeated key is refused", deployment,
			apply("m1", container(`, "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]`)),
			apply("m1", container(`, "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]`))),
		builtin("41 an atomic list has one owner", deployment,
			apply("m1", container(`, "args": ["a", "b"]`)), apply("m2", container(`, "args": ["a"]`)), apply("m2", container(`, "args": ["a", "b"]`)),
			force("m2", container(`, "args": ["c"]`)), apply("m1", container(``)), apply("m2", container(``))),
		builtin("41 the rules of a role have one owner", role,
			apply("m1", manifest(role, `, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]`)),
			apply("m2", manifest(role, `, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]`)),
			apply("m1", manifest(role, ``))),
		builtin("42 a label selector has one owner", deployment,
			apply("m1", deploymentOf(web)), apply("m2", deploymentOf(`"selector": {"matchLabels": {"tier": "web"}}`)),
			apply("m2", deploymentOf(`"selector": {"matchLabels": {"app": "d"}}`))),
		builtin("43 labels have one owner each", configMap,
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"a": "1", "b": "1"}}}`),
			apply("m2", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"b": "1", "c": "1"}}}`),
			apply("m2", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"a": "2", "c": "1"}}}`),
			apply("m1", manifest(configMap, "")), apply("m2", manifest(configMap, ""))),
		builtin("several conflicts with several managers", configMap,
			apply("m1", configured(`"a": "1", "b": "1"`)), apply("m2", configured(`"c": "1"`)), update("u", `{"data": {"d": "1"}}`),
			update("v", `{"metadata": {"labels": {"x": "1"}}}`).on("status"),
			apply("m3", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"x": "2"}}, "data": {"a": "2", "b": "2", "c": "2", "d": "2"}}`),
			force("m3", configured(`"a": "2", "b": "2", "c": "2", "d": "2"`))),
		builtin("47 a field that is not declared is refused", deployment,
			apply("m1", deploymentOf(web+`, "bogus": 1`)), apply("m1", container(`, "envs": []`)), apply("m1", manifest(deployment, `, "extra": {}`))),
		builtin("values of the wrong type are refused", deployment,
			apply("m1", deploymentOf(`"replicas": "two"`)), apply("m1", deploymentOf(`"paused": "yes"`)), apply("m1", container(`, "image": 1.5`)),
			apply("m1", container(`, "image": {"b": [1, null, "x"], "a": true}`)), apply("m1", container(`, "env": {"name": "A"}`)),
			apply("m1", deploymentOf(`"template": ["x"]`)), apply("m1", container(`, "ports": [{"containerPort": "http"}]`)),
			apply("m1", container(`, "env": [{"value": "1"}]`)), apply("m1", container(`, "env": ["A"]`)), apply("m1", container(`, "env": [null]`)),
			apply("m1", container(`, "resources": {"limits": {"cpu": ["1"]}}`)), apply("m1", container(`, "paused": null`)),
			apply("m1", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "n", "finalizers": [{"a": 1}]}}`),
			apply("m1", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "finalizers": ["a", "a"]}}`),
			apply("m1", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "finalizers": [["a"]]}}`),
			apply("m1", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "finalizers": [null]}}`)),
		builtin("an applied object of another kind is refused", deployment,
			apply("m1", configured(`"a": "1"`)), apply("m1", `{"apiVersion": "apps/v2", "kind": "Deployment"}`), apply("m1", `{"kind": "Deployment"}`),
			apply("m1", `{"apiVersion": "a/b/c", "kind": "Deployment"}`)),
		builtin("50 an applied quantity is compared as text", deployment,
			apply("m1", container(`, "resources": {"limits": {"cpu": "1000m", "memory": 1073741824}}`)), apply("m1", container(`, "resources": {"limits": {"cpu": "1000m", "memory": 1073741824}}`)),
			apply("m2", container(`, "resources": {"limits": {"cpu": "1"}}`))),
		builtin("51 nulls and empty maps and lists", configMap,
			apply("m1", manifest(configMap, `, "data": null`)), apply("m2", manifest(configMap, `, "data": {}`)), apply("m3", configured(`"a": "1"`)),
			apply("m1", manifest(configMap, `, "data": {}`)), apply("m3", manifest(configMap, ``)), apply("m1", configured(`"a": null`)),
			apply("m1", manifest(configMap, `, "binaryData": {}, "immutable": null`)), apply("m1", manifest(configMap, ``))),
		builtin("51 nulls and empty lists in a pod", deployment,
			apply("m1", container(`, "env": [], "args": [], "resources": {}`)), apply("m2", container(`, "env": null, "args": null, "resources": null`)),
			apply("m1", container(`, "env": [{"name": "A", "value": null}], "args": [], "resources": {"limits": {}}`)), apply("m1", container(``)),
			apply("m3", deploymentOf(`"template": null, "strategy": {}`)), apply("m3", deploymentOf(`"template": {"spec": {"containers": []}}`))),
		builtin("52 what the server allocates is owned by nobody and stays", service,
			apply("m1", manifest(service, `, "spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": {"app": "a"}}`)),
			store(`{"spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http", "nodePort": 30080}]}}`),
			apply("m1", manifest(service, `, "spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": {"app": "a"}}`)),
			apply("m1", manifest(service, `, "spec": {"ports": [{"port": 443, "targetPort": 8443}, {"port": 80, "targetPort": "http"}], "selector": {"app": "a"}}`)),
			apply("m1", manifest(service, `, "spec": {"ports": [{"port": 443, "targetPort": 8443}], "selector": {"app": "a"}}`))),
		builtin("53 owner references by uid, finalizers by value", configMap,
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["a", "b"], "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}]}}`),
			apply("m2", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["c", "b"], "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "2"}, {"apiVersion": "v1", "kind": "Pod", "name": "r", "uid": "1"}]}}`),
			force("m2", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["c", "b"], "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "2"}, {"apiVersion": "v1", "kind": "Pod", "name": "r", "uid": "1"}]}}`),
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["b"]}}`), apply("m2", manifest(configMap, ""))),
		builtin("names that need escapes", configMap,
			apply("m\"<é>", configured(`"a<b>&c": "1", "é\"\\\n\u0001": "2"`)), apply("m2", configured(`"a<b>&c": "2", "é\"\\\n\u0001": "3"`)),
			apply("m3", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["a<b>&\u2028\u0007\u200b", "é\"\\\t"]}}`),
			update("u<1>", `{"metadata": {"finalizers": ["é\"\\\t"]}}`)),
		builtin("a secret's keys", secret,
			apply("m1", manifest(secret, `, "data": {"a": "MQ==", "b": "Mg=="}, "type": "Opaque"`)), apply("m2", manifest(secret, `, "stringData": {"a": "1"}`)),
			apply("m1", manifest(secret, `, "data": {"b": "Mg=="}, "type": "Opaque"`)), apply("m2", manifest(secret, ``))),
	}
}

func tracking() []*Scenario {
	many := builtin("54 more than ten updaters are merged", configMap, apply("m1", configured(`"a": "1"`)))
	for i := range 14 {
		many.Steps = append(many.Steps, update(fmt.Sprintf("u%02d", i), fmt.Sprintf(`{"data": {"k%d": "1"}}`, i)))
	}
	versions := custom("54 updaters of two versions are merged apart", "widget").serving("v1beta1")
	for i := range 14 {
		step := update(fmt.Sprintf("u%02d", i), fmt.Sprintf(`{"spec": {"free": {"k%d": 1}}}`, i))
		if i%3 == 0 {
			step.in("v1beta1")
		}
		versions.Steps = append(versions.Steps, step)
	}
	again := builtin("54 ancient changes grow", configMap)
	for i := range 26 {
		again.Steps = append(again.Steps, update(fmt.Sprintf("%c%02d", 'a'+i%2*20, i), fmt.Sprintf(`{"data": {"k%d": "%d"}}`, i%9, i)))
	}
	configuration := deploymentOf(web)
	return []*Scenario{
		many, versions, again,
		builtin("44 an update takes ownership, and a later apply of another value conflicts", deployment,
			apply("m1", deploymentOf(web)), update("hpa", `{"spec": {"replicas": 5}}`), apply("m1", deploymentOf(web)),
			apply("m1", deploymentOf(without(web, `"replicas": 2, `))), update("hpa", `{"spec": {"replicas": null}}`), apply("m1", deploymentOf(web))),
		builtin("an update that changes nothing is not recorded", deployment,
			apply("m1", deploymentOf(web)), update("u", `{}`), update("u", `{"spec": {"paused": true}}`), update("u", `{"spec": {"paused": true}}`),
			update("u", `{"spec": {"paused": false}}`), update("v", `{"spec": {"paused": null}}`)),
		builtin("45 what was there before the first apply has an owner", configMap,
			store(`{"metadata": {"name": "x", "uid": "1", "labels": {"l": "1"}}, "data": {"a": "1", "b": "1"}}`), update("u", `{"data": {"c": "1"}}`),
			apply("m1", configured(`"a": "2"`)), apply("m1", configured(`"b": "1", "d": "1"`)), update("u", `{"data": {"a": "3"}}`)),
		builtin("46 managed fields may not be applied", configMap,
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "managedFields": []}}`),
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "managedFields": null}}`),
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "managedFields": [{"manager": "m"}]}}`)),
		builtin("46 an update with empty managed fields resets them", configMap,
			apply("m1", configured(`"a": "1"`)), store(`{"metadata": {"uid": "1"}}`), update("u", `{"data": {"b": "1"}}`).carrying(""),
			update("u", `{"data": {"c": "1"}}`).carrying("reset"), update("u", `{"data": {"d": "1"}}`), apply("m1", configured(`"a": "1"`)),
			update("u", `{"data": {"e": "1"}}`).carrying("blank"), apply("m1", configured(`"a": "2"`))),
		builtin("46 a reset of an object without uid starts to track again", configMap,
			apply("m1", configured(`"a": "1"`)), update("u", `{"data": {"c": "1"}}`).carrying("reset"), apply("m1", configured(`"a": "1"`))),
		builtin("48 the status is owned through its subresource", deployment,
			apply("m1", deploymentOf(web)),
			apply("m2", manifest(deployment, `, "status": {"replicas": 1, "conditions": [{"type": "Available", "status": "True"}]}, "spec": {"replicas": 9}`)).on("status"),
			update("c", `{"status": {"observedGeneration": 3, "conditions": [{"type": "Available", "status": "False"}, {"type": "Progressing", "status": "True"}]}}`).on("status"),
			apply("m2", manifest(deployment, `, "status": {"replicas": 1, "conditions": [{"type": "Available", "status": "True"}]}`)).on("status"),
			apply("m2", manifest(deployment, `, "status": {"replicas": 2}`)).on("status"), update("c", `{"status": {"replicas": 3}}`).on("status").carrying("reset"),
			apply("m2", manifest(deployment, `, "status": {"replicas": 2}`)).on("status")).
			resetting("", []string{"status"}).resetting("status", []string{"spec"}, []string{"metadata", "labels"}),
		builtin("49 a status applied with the object is not owned", deployment,
			apply("m1", manifest(deployment, `, "spec": {"replicas": 1}, "status": {"replicas": 1}`)), apply("m1", manifest(deployment, `, "spec": {"replicas": 1}`)),
			update("u", `{"status": {"replicas": 4}, "spec": {"paused": true}}`)).
			resetting("", []string{"status"}).resetting("status", []string{"spec"}),
		builtin("a subresource that keeps only some fields", [3]string{"", "v1", "Pod"},
			apply("m1", `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "x", "resources": {"limits": {"cpu": "1"}}}]}}`),
			update("r", `{"spec": {"containers": [{"name": "a", "image": "y", "resources": {"limits": {"cpu": "2"}}, "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]}], "nodeName": "n"}}`).on("resize"),
			apply("m2", `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "z", "resources": {"limits": {"cpu": "3"}}}]}}`).on("resize"),
			force("m2", `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "z", "resources": {"limits": {"cpu": "3"}}}]}}`).on("resize")).
			keeping("resize", []string{"spec", "containers", "", "resources"}, []string{"spec", "containers", "", "resizePolicy"}),
		builtin("what identifies an object, and what the server sets, is owned by nobody", configMap,
			update("u", `{"metadata": {"name": "x", "namespace": "n", "uid": "1", "resourceVersion": "7", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z", "selfLink": "/x", "generateName": "x-"}}`),
			apply("m1", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n", "uid": "1", "resourceVersion": "7", "generation": 2, "labels": {"a": "1"}}}`),
			update("u", `{"metadata": {"resourceVersion": "8", "generation": 3, "deletionTimestamp": "2026-01-02T00:00:00Z", "deletionGracePeriodSeconds": 0}}`),
			apply("m2", manifest(configMap, ``))),
		builtin("an unnamed manager is unknown", configMap, apply("", configured(`"a": "1"`)), update("", `{"data": {"b": "1"}}`)),
		builtin("repeated items in a live object are one leaf", deployment,
			update("u", `{"metadata": {"name": "x"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}, {"name": "A", "value": "2"}]}]}}}}`),
			apply("m1", container(`, "env": [{"name": "B", "value": "1"}, {"name": "C", "value": "1"}]`)),
			apply("m1", container(`, "env": [{"name": "A", "value": "3"}]`)), force("m1", container(`, "env": [{"name": "A", "value": "3"}]`)),
			update("u", `{"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "A", "value": "3"}, {"name": "A", "value": "4"}]}]}}}}`),
			update("v", `{"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "A", "value": "3"}, {"name": "A", "value": "5"}]}]}}}}`),
			update("v", `{"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "A", "value": "5"}]}]}}}}`),
			apply("m1", container(``))),
		builtin("the order of list items", deployment,
			apply("m1", container(`, "env": [{"name": "A"}, {"name": "B"}, {"name": "C"}, {"name": "D"}]`)), apply("m2", container(`, "env": [{"name": "X"}, {"name": "C"}, {"name": "Y"}, {"name": "A"}]`)),
			apply("m1", container(`, "env": [{"name": "D"}, {"name": "B"}, {"name": "A"}]`)), apply("m3", container(`, "env": [{"name": "Z"}, {"name": "B"}]`)),
			apply("m2", container(`, "env": [{"name": "A"}, {"name": "X"}, {"name": "D"}, {"name": "C"}]`))),
		builtin("kubectl moves from client-side apply without conflicts", deployment,
			update("kubectl-client-side-apply", lastApplied(configuration, `{}`)), apply("kubectl", configuration),
			apply("kubectl", deploymentOf(without(web, `"replicas": 2, `))), update("hpa", `{"spec": {"replicas": 5}}`), apply("kubectl", configuration)),
		builtin("kubectl conflicts with what others changed since client-side apply", deployment,
			update("kubectl-client-side-apply", lastApplied(configuration, `{}`)), update("hpa", `{"spec": {"replicas": 5}}`),
			apply("kubectl", strings.Replace(deploymentOf(web), "x:1", "x:2", 1)), force("kubectl", strings.Replace(deploymentOf(web), "x:1", "<x:2>", 1)),
			apply("other", strings.Replace(deploymentOf(web), "x:1", "x:3", 1))),
		builtin("an unusable annotation of client-side apply is ignored", configMap,
			update("u", `{"metadata": {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "nonsense"}}, "data": {"a": "1"}}`),
			apply("kubectl", configured(`"a": "2"`)), force("kubectl", configured(`"a": "2"`)),
			force("kubectl", configured(`"a": "`+strings.Repeat("x", 270000)+`"`))),
	}
}

func customResources() []*Scenario {
	return []*Scenario{
		custom("55 a custom resource with keyed lists and sets", "widget",
			apply("m1", widgetOf(`"parts": [{"name": "a", "weight": 1, "tags": ["x", "y"]}], "names": ["p", "q"], "numbers": [1, 2.5, 12345678]`)),
			apply("m2", widgetOf(`"parts": [{"name": "a", "tags": ["z"]}, {"name": "b", "extra": {"k": {"l": [1]}}}], "names": ["r", "q"], "numbers": [2.5, 3]`)),
			apply("m2", widgetOf(`"parts": [{"name": "a", "weight": 2, "tags": ["z"]}]`)), apply("m1", widgetOf(`"names": ["q"], "numbers": [12345678]`)),
			update("u", `{"spec": {"numbers": [12345678, 7]}}`), force("m2", widgetOf(`"numbers": [7.5]`))),
		custom("55 keys without a value are part of the identity", "widget",
			apply("m1", widgetOf(`"routes": [{"port": 1, "target": "a"}, {"port": 1, "zone": "z", "target": "b"}, {"protocol": "UDP", "target": "c"}]`)),
			apply("m2", widgetOf(`"routes": [{"port": 1, "protocol": "TCP", "target": "x"}, {"target": "only default"}, {"zone": "", "target": "empty"}]`)),
			force("m2", widgetOf(`"routes": [{"port": 1, "protocol": "TCP", "target": "x"}]`)), apply("m1", widgetOf(``)),
			apply("m1", widgetOf(`"parts": [{"weight": 1}]`))),
		custom("55 a list without a type is atomic", "widget",
			apply("m1", widgetOf(`"plain": ["a"], "points": [{"x": 1}], "colour": {"r": 1}`)), apply("m2", widgetOf(`"plain": ["b"], "points": [{"x": 1, "y": 2}], "colour": {"g": 1}`)),
			apply("m2", widgetOf(`"plain": ["a"], "points": [{"x": 1}], "colour": {"r": 1}`)), apply("m1", widgetOf(``)), apply("m2", widgetOf(`"colour": {}`))),
		custom("55 unknown fields are preserved and granular", "widget",
			apply("m1", widgetOf(`"free": {"a": {"b": 1, "c": [1, 2]}, "d": "e"}, "open": {"known": "1", "unknown": {"x": 1}}, "any": {"x": {"y": 1}}`)),
			apply("m2", widgetOf(`"free": {"a": {"b": 2, "z": 1}}, "open": {"unknown": {"x": 2}}, "any": {"x": {"z": 1}}`)),
			force("m2", widgetOf(`"free": {"a": {"b": 2, "z": 1, "c": [3]}}, "open": {"unknown": {"x": 2}}, "any": {"x": {"z": 1}}`)),
			apply("m1", widgetOf(`"free": {"d": "e"}`)), apply("m2", widgetOf(`"free": null`)), apply("m3", widgetOf(`"undeclared": 1`))),
		custom("55 an untyped value changes its kind", "widget",
			apply("m1", widgetOf(`"any": 1, "free": {"v": "text"}, "limit": "50%"`)), force("m2", widgetOf(`"any": {"a": 1}, "free": {"v": {"a": 1, "b": [1]}}, "limit": 5`)),
			force("m1", widgetOf(`"any": [1], "free": {"v": [1, 2]}, "limit": "1"`)), force("m2", widgetOf(`"any": {"a": 1}, "free": {"v": {"a": 1}}`)),
			apply("m1", widgetOf(`"any": null, "free": {"v": null}`)), update("u", `{"spec": {"any": "x", "free": {"v": 5}}}`),
			update("u", `{"spec": {"any": [1, {"a": 2}], "free": {"v": {"w": {}}}}}`), apply("m2", widgetOf(``)), apply("m1", widgetOf(``))),
		custom("55 everything is accepted when unknown fields are preserved", "widget-preserving",
			apply("m1", widgetOf(`"undeclared": {"a": 1, "l": [{"name": "x"}]}, "parts": [{"name": "a", "undeclared": 1}]`)),
			apply("m2", widgetOf(`"undeclared": {"a": 2, "b": 1}, "parts": [{"name": "a", "undeclared": 2}]`)),
			apply("m1", widgetOf(`"parts": [{"name": "a"}]`)), apply("m1", manifest(widgetKind, `, "top": {"x": 1}`))),
		custom("55 a custom resource without a schema", "deduced",
			apply("m1", widgetOf(`"a": {"b": 1, "c": [1]}, "list": [{"name": "a"}], "text": "t"`)), apply("m2", widgetOf(`"a": {"b": 1, "d": {}}, "list": [{"name": "b"}]`)),
			force("m2", widgetOf(`"a": {"b": {"x": 1}}, "list": null`)), apply("m1", widgetOf(`"text": "t"`)), update("u", `{"spec": {"text": {"x": 1}}}`)),
		custom("maps of structs", "widget",
			apply("m1", widgetOf(`"values": {"x": {"a": "1"}, "y": {"a": "1"}}`)), apply("m2", widgetOf(`"values": {"x": {"b": "1"}, "z": {}}`)),
			apply("m1", widgetOf(`"values": {"y": {"a": "1"}}`)), apply("m2", widgetOf(`"values": {}`)), apply("m1", widgetOf(`"values": null`))),
		custom("writes through two versions", "widget",
			apply("m1", widgetOf(`"size": 1, "mode": "slow"`)), apply("m1", strings.Replace(widgetOf(`"size": 2`), "com/v1", "com/v1beta1", 1)).in("v1beta1"),
			update("u", `{"spec": {"size": 3}}`).in("v1beta1"), update("u", `{"spec": {"ratio": 1.5}}`), apply("m2", widgetOf(`"size": 4`)), force("m2", widgetOf(`"size": 4, "ratio": 2.5`)),
			apply("m1", widgetOf(`"mode": "x"`))).serving("v1beta1"),
		custom("a schema whose lists and maps have become atomic", "widget",
			apply("m1", widgetOf(`"parts": [{"name": "a", "weight": 1}], "values": {"x": {"a": "1"}}, "names": ["p"], "size": 1`)),
			apply("m2", widgetOf(`"parts": [{"name": "b"}], "values": {"y": {}}, "names": ["q"]`)),
			apply("m3", widgetOf(`"size": 1`)).typed("widget-atomic"), apply("m1", widgetOf(`"parts": [{"name": "a", "weight": 1}]`)).typed("widget-atomic"),
			apply("m2", widgetOf(`"names": ["q"]`)), apply("m2", widgetOf(`"parts": [{"name": "b"}]`))),
		custom("fields named in a version that is no longer served have no owner", "widget",
			apply("m1", widgetOf(`"size": 1`)), update("old", `{"spec": {"mode": "b", "ratio": 1.5}}`).in("v1beta1"),
			apply("m2", strings.Replace(widgetOf(`"names": ["a"]`), "com/v1", "com/v1beta1", 1)).in("v1beta1"),
			apply("m1", widgetOf(`"size": 1, "mode": "c"`)).only(), apply("m2", widgetOf(`"size": 2`)), apply("m2", widgetOf(`"names": ["b"]`))).serving("v1beta1"),
		custom("an applier whose last version is no longer served gives nothing up", "widget",
			apply("m1", strings.Replace(widgetOf(`"size": 1, "mode": "a"`), "com/v1", "com/v1beta1", 1)).in("v1beta1"),
			update("u", `{"spec": {"ratio": 1.5}}`), apply("m1", widgetOf(`"size": 1`)).only()).serving("v1beta1"),
	}
}
