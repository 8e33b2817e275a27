package main

import "math/rand/v2"

// maker makes a random value.
type maker func(*rand.Rand) any

// field is a field of a struct that is there with some probability, in percent.
type field struct {
	name    string
	percent int
	make    maker
}

func always(name string, make maker) field { return field{name, 100, make} }
func maybe(name string, make maker) field  { return field{name, 50, make} }
func seldom(name string, make maker) field { return field{name, 15, make} }

func is(value any) maker { return func(*rand.Rand) any { return clone(value) } }

func oneOf(values ...any) maker {
	return func(random *rand.Rand) any { return clone(pick(random, values)) }
}

func number(upTo int) maker {
	return func(random *rand.Rand) any { return int64(random.IntN(upTo) + 1) }
}

func text(words ...string) maker {
	return func(random *rand.Rand) any { return pick(random, words) }
}

func structOf(fields ...field) maker {
	return func(random *rand.Rand) any {
		out := object{}
		for _, field := range fields {
			if random.IntN(100) < field.percent {
				out[field.name] = field.make(random)
			}
		}
		return out
	}
}

// mapOf makes a map with some of the keys.
func mapOf(value maker, names ...string) maker {
	return func(random *rand.Rand) any {
		out := object{}
		for _, name := range names {
			if random.IntN(5) < 3 {
				out[name] = value(random)
			}
		}
		return out
	}
}

// listOf makes a list of up to so many items, which may be equal.
func listOf(upTo int, item maker) maker {
	return func(random *rand.Rand) any {
		out := []any{}
		for range random.IntN(upTo + 1) {
			out = append(out, item(random))
		}
		return out
	}
}

// setOf makes a list with some of the values, in any order.
func setOf(values ...any) maker {
	return func(random *rand.Rand) any {
		out := []any{}
		for _, at := range random.Perm(len(values)) {
			if random.IntN(2) == 0 {
				out = append(out, clone(values[at]))
			}
		}
		return out
	}
}

// keyed makes a list of items, each of which extends one of the keys, in any order.
func keyed(item maker, keys ...object) maker {
	return func(random *rand.Rand) any {
		out := []any{}
		for _, at := range random.Perm(len(keys)) {
			if random.IntN(5) < 3 {
				made := item(random).(object)
				for name, value := range keys[at] {
					made[name] = value
				}
				out = append(out, made)
			}
		}
		return out
	}
}

func named(item maker, names ...string) maker {
	keys := []object{}
	for _, name := range names {
		keys = append(keys, object{"name": name})
	}
	return keyed(item, keys...)
}

var (
	labels   = mapOf(text("1", "2"), "app", "tier", "team")
	selector = structOf(maybe("matchLabels", labels), seldom("matchExpressions", listOf(2, structOf(
		always("key", text("app", "tier")), always("operator", text("In", "Exists")), maybe("values", listOf(2, text("1", "2")))))))
	metadata = structOf(always("name", is("x")), seldom("namespace", is("n")), maybe("labels", labels), seldom("annotations", mapOf(text("x", "y"), "a/b", "c")),
		seldom("finalizers", setOf("f/a", "f/b", "f/c")),
		seldom("ownerReferences", keyed(structOf(always("apiVersion", is("v1")), always("kind", is("Pod")), always("name", text("p", "q"))), object{"uid": "1"}, object{"uid": "2"})))
	quantities   = mapOf(text("1", "500m", "1Gi"), "cpu", "memory", "storage")
	resources    = structOf(maybe("limits", quantities), maybe("requests", quantities))
	keyRef       = structOf(always("name", text("s", "t")), always("key", text("k", "l")), seldom("optional", oneOf(true, false)))
	envSource    = structOf(maybe("secretKeyRef", keyRef), maybe("configMapKeyRef", keyRef), seldom("fieldRef", structOf(always("fieldPath", is("metadata.name")))))
	probe        = structOf(maybe("httpGet", structOf(always("port", oneOf(int64(80), "http")), maybe("path", text("/", "/up")))), maybe("exec", structOf(always("command", listOf(2, text("a", "b"))))), maybe("periodSeconds", number(3)))
	conditions   = keyed(structOf(always("status", text("True", "False")), maybe("reason", text("A", "B")), seldom("lastTransitionTime", oneOf("2026-01-01T00:00:00Z", nil))), object{"type": "Available"}, object{"type": "Ready"}, object{"type": "Progressing"})
	oneContainer = structOf(maybe("image", text("i:1", "i:2")), seldom("command", listOf(2, text("a", "b"))), maybe("args", listOf(3, text("a", "b", "c"))),
		maybe("env", named(structOf(maybe("value", text("1", "2")), seldom("valueFrom", envSource)), "A", "B", "C", "D")),
		seldom("envFrom", listOf(2, structOf(maybe("prefix", text("P", "Q")), maybe("secretRef", structOf(always("name", text("s", "t"))))))),
		maybe("ports", keyed(structOf(maybe("name", text("http", "web")), seldom("hostPort", number(2))), object{"containerPort": int64(80)}, object{"containerPort": int64(80), "protocol": "UDP"}, object{"containerPort": int64(443), "protocol": "TCP"}, object{"containerPort": int64(8080)})),
		maybe("resources", resources), maybe("volumeMounts", keyed(structOf(always("name", text("v", "w")), seldom("readOnly", oneOf(true, false))), object{"mountPath": "/a"}, object{"mountPath": "/b"})),
		seldom("livenessProbe", probe), seldom("securityContext", structOf(maybe("runAsUser", number(2)), maybe("capabilities", structOf(always("add", listOf(2, text("A", "B"))))))), seldom("tty", oneOf(true, false, nil)))
	podSpec = structOf(always("containers", named(oneContainer, "a", "b", "c")), seldom("initContainers", named(oneContainer, "i", "j")),
		maybe("volumes", named(structOf(maybe("emptyDir", structOf(maybe("sizeLimit", text("1Gi", "2Gi")))), maybe("secret", structOf(always("secretName", text("s", "t")), maybe("items", listOf(2, structOf(always("key", text("k")), always("path", text("p", "q")))))))), "v", "w")),
		seldom("restartPolicy", text("Always", "Never")), seldom("nodeSelector", labels), seldom("tolerations", listOf(2, structOf(always("key", text("a", "b")), maybe("operator", is("Exists"))))),
		seldom("imagePullSecrets", named(structOf(), "r", "s")), seldom("hostAliases", keyed(structOf(always("hostnames", listOf(2, text("h", "g")))), object{"ip": "1.1.1.1"}, object{"ip": "2.2.2.2"})),
		seldom("securityContext", structOf(maybe("fsGroup", number(3)), maybe("supplementalGroups", listOf(2, number(3))))),
		seldom("topologySpreadConstraints", keyed(structOf(always("maxSkew", number(2)), maybe("labelSelector", selector)), object{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}, object{"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"})),
		seldom("affinity", structOf(maybe("nodeAffinity", structOf(maybe("requiredDuringSchedulingIgnoredDuringExecution", structOf(always("nodeSelectorTerms", listOf(2, structOf(maybe("matchExpressions", listOf(1, structOf(always("key", text("a", "b")), always("operator", is("Exists")))))))))))))))
	template    = structOf(maybe("metadata", structOf(maybe("labels", labels), seldom("annotations", mapOf(text("x", "y"), "a/b", "c")))), always("spec", podSpec))
	jobSpec     = structOf(maybe("backoffLimit", number(3)), maybe("completions", number(3)), always("template", template), seldom("podFailurePolicy", structOf(always("rules", listOf(2, structOf(always("action", text("FailJob", "Ignore")), always("onPodConditions", listOf(1, structOf(always("type", is("T")), always("status", is("True")))))))))))
	claimSpec   = structOf(maybe("accessModes", listOf(2, text("ReadWriteOnce", "ReadOnlyMany"))), maybe("resources", resources), maybe("storageClassName", text("fast", "slow")), seldom("selector", selector), seldom("dataSourceRef", structOf(always("kind", is("K")), always("name", text("p", "q")))))
	claims      = listOf(2, structOf(always("metadata", structOf(always("name", text("v", "w")))), always("spec", claimSpec)))
	peer        = structOf(maybe("podSelector", selector), maybe("namespaceSelector", selector), seldom("ipBlock", structOf(always("cidr", text("1.0.0.0/8", "2.0.0.0/8")), maybe("except", listOf(1, text("1.1.0.0/16"))))))
	rules       = listOf(2, structOf(maybe("apiGroups", listOf(2, text("", "apps"))), maybe("resources", listOf(2, text("pods", "secrets"))), always("verbs", listOf(2, text("get", "list")))))
	policyPorts = listOf(2, structOf(always("port", oneOf(int64(80), "http")), maybe("protocol", is("TCP"))))
)

// kindSource makes objects of a kind with these fields beside the metadata.
func kindSource(name, types string, kind [3]string, fields ...field) source {
	body := structOf(append([]field{always("metadata", metadata)}, fields...)...)
	version := kind[1]
	if kind[0] != "" {
		version = kind[0] + "/" + version
	}
	return source{name, kind, types, func(random *rand.Rand) object {
		out := body(random).(object)
		out["apiVersion"], out["kind"] = version, kind[2]
		return out
	}}
}

func sources() []source {
	of := func(group, version, kind string, fields ...field) source {
		return kindSource(kind, "builtin", [3]string{group, version, kind}, fields...)
	}
	widgetFields := []field{always("spec", structOf(maybe("size", oneOf(int64(1), int64(2), nil)), maybe("ratio", oneOf(0.5, 1.25)), maybe("mode", text("fast", "slow")), seldom("enabled", oneOf(true, false)), maybe("limit", oneOf(int64(5), "50%")),
		maybe("plain", listOf(3, text("a", "b"))), maybe("names", setOf("a", "b", "c")), maybe("numbers", setOf(int64(1), 1.5, int64(1234567), -3.25)),
		maybe("parts", named(structOf(maybe("weight", number(3)), maybe("tags", setOf("x", "y", "z")), seldom("extra", mapOf(oneOf(int64(1), "x", []any{int64(1)}, object{"n": nil}), "k", "l"))), "a", "b", "c")),
		maybe("routes", keyed(structOf(maybe("target", text("t", "u"))), object{"port": int64(1)}, object{"port": int64(1), "zone": "z"}, object{"protocol": "UDP"}, object{"port": int64(1234567), "protocol": "UDP", "zone": "y"})),
		maybe("points", listOf(2, structOf(always("x", number(2)), maybe("y", number(2))))), maybe("colour", structOf(maybe("r", number(2)), maybe("g", number(2)))),
		maybe("values", mapOf(structOf(maybe("a", text("1", "2")), maybe("b", text("1", "2"))), "x", "y", "z")),
		maybe("free", mapOf(oneOf(int64(1), "x", true, nil, []any{int64(1), "a"}, object{"n": int64(1), "m": object{}}, object{"n": "x"}, object{}, []any{}), "k", "l", "m")),
		seldom("open", structOf(maybe("known", text("1", "2")), maybe("unknown", mapOf(number(2), "a", "b")))), maybe("any", oneOf(int64(1), "x", []any{int64(1)}, object{"n": object{"o": int64(1)}}, object{"n": int64(2), "p": int64(3)}, nil)))),
		seldom("status", structOf(maybe("ready", oneOf(true, false)), maybe("count", number(3))))}
	deduced := append([]field{}, widgetFields...)
	return []source{
		of("apps", "v1", "Deployment", always("spec", structOf(maybe("replicas", number(3)), maybe("paused", oneOf(true, false)), always("selector", selector), always("template", template), seldom("strategy", structOf(always("type", text("Recreate", "RollingUpdate")), maybe("rollingUpdate", structOf(maybe("maxSurge", oneOf(int64(1), "25%")))))))),
			seldom("status", structOf(maybe("replicas", number(3)), maybe("conditions", conditions)))),
		of("apps", "v1", "StatefulSet", always("spec", structOf(maybe("replicas", number(3)), always("serviceName", text("s", "t")), always("template", template), maybe("volumeClaimTemplates", claims), seldom("persistentVolumeClaimRetentionPolicy", structOf(maybe("whenDeleted", text("Retain", "Delete")))))), seldom("status", structOf(maybe("replicas", number(3)), maybe("conditions", conditions)))),
		of("apps", "v1", "DaemonSet", always("spec", structOf(always("selector", selector), always("template", template), seldom("minReadySeconds", number(3))))),
		of("batch", "v1", "Job", always("spec", jobSpec), seldom("status", structOf(maybe("active", number(2)), maybe("conditions", conditions)))),
		of("batch", "v1", "CronJob", always("spec", structOf(always("schedule", text("* * * * *", "@daily")), maybe("suspend", oneOf(true, false)), always("jobTemplate", structOf(maybe("metadata", structOf(maybe("labels", labels))), always("spec", jobSpec)))))),
		of("", "v1", "Pod", always("spec", podSpec), seldom("status", structOf(maybe("phase", text("Running", "Pending")), maybe("conditions", conditions), maybe("podIPs", keyed(structOf(), object{"ip": "1.1.1.1"}, object{"ip": "2.2.2.2"}))))),
		of("", "v1", "Service", always("spec", structOf(maybe("type", text("ClusterIP", "NodePort")), maybe("clusterIP", text("10.0.0.1", "None")), maybe("clusterIPs", listOf(2, text("10.0.0.1"))), maybe("selector", labels), maybe("externalIPs", listOf(2, text("9.9.9.9"))), always("ports", keyed(structOf(maybe("name", text("http", "web")), maybe("targetPort", oneOf(int64(8080), "http")), seldom("nodePort", number(2))), object{"port": int64(80)}, object{"port": int64(80), "protocol": "UDP"}, object{"port": int64(443), "protocol": "TCP"})), seldom("sessionAffinityConfig", structOf(maybe("clientIP", structOf(maybe("timeoutSeconds", number(3)))))))),
			seldom("status", structOf(maybe("loadBalancer", structOf(always("ingress", listOf(2, structOf(always("ip", text("1.1.1.1"))))))), maybe("conditions", conditions)))),
		of("", "v1", "ConfigMap", maybe("data", mapOf(text("1", "2", ""), "a", "b", "c", "d.yaml")), seldom("binaryData", mapOf(text("MQ=="), "x")), seldom("immutable", oneOf(true, false))),
		of("", "v1", "Secret", maybe("type", text("Opaque", "t")), maybe("data", mapOf(text("MQ==", "Mg=="), "a", "b", "c")), seldom("stringData", mapOf(text("1"), "a", "d"))),
		of("", "v1", "ServiceAccount", maybe("secrets", named(structOf(seldom("namespace", text("n"))), "s", "t")), maybe("imagePullSecrets", listOf(2, structOf(always("name", text("r", "q"))))), seldom("automountServiceAccountToken", oneOf(true, false))),
		of("", "v1", "PersistentVolumeClaim", always("spec", claimSpec), seldom("status", structOf(maybe("phase", text("Pending", "Bound")), maybe("capacity", quantities), maybe("conditions", conditions)))),
		of("", "v1", "Namespace", maybe("spec", structOf(maybe("finalizers", setOf("kubernetes", "other")))), seldom("status", structOf(maybe("conditions", conditions)))),
		of("networking.k8s.io", "v1", "Ingress", always("spec", structOf(maybe("ingressClassName", text("a", "b")), maybe("defaultBackend", structOf(always("service", structOf(always("name", text("s", "t")), maybe("port", structOf(maybe("number", number(2)), maybe("name", text("http")))))))), maybe("rules", listOf(2, structOf(maybe("host", text("h", "g")), maybe("http", structOf(always("paths", listOf(2, structOf(always("path", text("/", "/x")), always("pathType", is("Prefix")), always("backend", structOf(always("service", structOf(always("name", text("s", "t")))))))))))))), maybe("tls", listOf(1, structOf(always("hosts", listOf(2, text("h", "g"))), maybe("secretName", text("s")))))))),
		of("networking.k8s.io", "v1", "NetworkPolicy", always("spec", structOf(maybe("podSelector", selector), maybe("policyTypes", listOf(2, text("Ingress", "Egress"))), maybe("ingress", listOf(2, structOf(maybe("from", listOf(2, peer)), maybe("ports", policyPorts)))), maybe("egress", listOf(2, structOf(maybe("to", listOf(2, peer)))))))),
		of("rbac.authorization.k8s.io", "v1", "Role", maybe("rules", rules)),
		of("rbac.authorization.k8s.io", "v1", "ClusterRole", maybe("rules", rules), seldom("aggregationRule", structOf(always("clusterRoleSelectors", listOf(2, selector))))),
		of("rbac.authorization.k8s.io", "v1", "RoleBinding", always("roleRef", structOf(always("apiGroup", is("rbac.authorization.k8s.io")), always("kind", is("Role")), always("name", text("r", "q")))), maybe("subjects", listOf(2, structOf(always("kind", is("ServiceAccount")), always("name", text("s", "t")), maybe("namespace", is("n")))))),
		of("autoscaling", "v2", "HorizontalPodAutoscaler", always("spec", structOf(always("scaleTargetRef", structOf(always("kind", is("Deployment")), always("name", text("d", "e")))), maybe("minReplicas", number(2)), always("maxReplicas", number(5)), maybe("metrics", listOf(2, structOf(always("type", is("Resource")), maybe("resource", structOf(always("name", text("cpu", "memory")), always("target", structOf(always("type", is("Utilization")), maybe("averageUtilization", number(3))))))))), seldom("behavior", structOf(maybe("scaleDown", structOf(maybe("policies", listOf(2, structOf(always("type", is("Pods")), always("value", number(2)), always("periodSeconds", number(2)))))))))))),
		of("policy", "v1", "PodDisruptionBudget", always("spec", structOf(maybe("minAvailable", oneOf(int64(1), "50%")), maybe("maxUnavailable", oneOf(int64(1), "50%")), maybe("selector", selector))), seldom("status", structOf(maybe("conditions", conditions), maybe("disruptedPods", mapOf(text("2026-01-01T00:00:00Z"), "p", "q"))))),
		of("apiextensions.k8s.io", "v1", "CustomResourceDefinition", always("spec", structOf(always("group", is("example.com")), maybe("scope", text("Namespaced", "Cluster")), maybe("names", structOf(maybe("kind", text("W", "V")), maybe("shortNames", listOf(2, text("w", "v"))), maybe("categories", listOf(1, text("all"))))),
			maybe("versions", listOf(2, structOf(always("name", text("v1", "v2")), maybe("served", oneOf(true, false)), maybe("schema", structOf(maybe("openAPIV3Schema", structOf(always("type", is("object")), maybe("properties", mapOf(structOf(always("type", text("string", "integer")), maybe("default", oneOf(int64(1), "x", object{"a": int64(1)})), maybe("enum", listOf(2, oneOf(int64(1), "x")))), "spec", "status"))))))))))),
			seldom("status", structOf(maybe("conditions", conditions), maybe("storedVersions", listOf(2, text("v1", "v2")))))),
		kindSource("Widget", "widget", widgetKind, widgetFields...),
		kindSource("preserving Widget", "widget-preserving", widgetKind, append(append([]field{}, widgetFields[:1]...), maybe("extra", mapOf(oneOf(int64(1), object{"a": int64(1), "b": []any{"c"}}, object{"a": "x"}), "p", "q")))...),
		kindSource("deduced Widget", "deduced", widgetKind, deduced...),
	}
}
