package main

import (
	"fmt"
	"math/rand/v2"
	"sort"
)

// source makes random objects of one kind.
type source struct {
	name  string
	kind  [3]string
	types string
	make  func(*rand.Rand) object
}

var managers = []string{"m1", "m2", "m3"}
var updaters = []string{"u1", "u2", "controller"}

// randomScenarios plays lives of objects that several managers apply, others update, and the server changes.
func randomScenarios(perKind int, seed uint64) []*Scenario {
	var scenarios []*Scenario
	for number, source := range sources() {
		random := rand.New(rand.NewPCG(seed, uint64(number)))
		for i := range perKind {
			scenarios = append(scenarios, randomScenario(fmt.Sprintf("%s %d", source.name, i), source, random))
		}
	}
	return scenarios
}

func randomScenario(name string, source source, random *rand.Rand) *Scenario {
	scenario := &Scenario{Name: name, Kind: source.kind, Types: source.types}
	if random.IntN(2) == 0 {
		scenario.resetting("", []string{"status"}).resetting("status", []string{"spec"}, []string{"metadata", "labels"})
	}
	if kind := source.kind[2]; kind == "Deployment" || kind == "StatefulSet" {
		scenario.Scale = &Scale{Write: pick(random, []string{"same", "taken", "added"})}
	}
	configurations := map[string]object{}
	for range 3 + random.IntN(5) {
		var step *Step
		switch roll := random.IntN(20); {
		case roll < 12:
			manager := pick(random, managers)
			configuration := next(random, source, configurations[manager], configurations)
			configurations[manager] = configuration
			step = &Step{Operation: "apply", Manager: manager, Force: random.IntN(3) == 0, Object: clone(configuration).(object)}
			if random.IntN(25) == 0 {
				spoil(random, step.Object)
			}
		case roll < 18:
			step = &Step{Operation: "update", Manager: pick(random, updaters), Carry: pick(random, []string{"keep", "keep", "keep", "keep", "", "", "reset", "blank"})}
			step.make = changed(random.Uint64(), source, true)
		default:
			step = &Step{Operation: "store", make: changed(random.Uint64(), source, false)}
		}
		if step.Operation != "store" && random.IntN(6) == 0 {
			step.Subresource = "status"
		}
		scenario.Steps = append(scenario.Steps, step)
	}
	return scenario
}

// next is the next configuration of a manager: the same, a changed one, that of another manager, or a new one.
func next(random *rand.Rand, source source, last object, all map[string]object) object {
	switch roll := random.IntN(10); {
	case last == nil || roll == 0:
		return source.make(random)
	case roll == 1:
		return last
	case roll == 2:
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		sort.Strings(names)
		return all[pick(random, names)]
	default:
		changed := clone(last).(object)
		for range 1 + random.IntN(3) {
			mutate(random, changed, source.make(random))
		}
		return changed
	}
}

// changed changes the live object; its seed makes the step the same whatever the live object is.
func changed(seed uint64, source source, repeat bool) func(object) object {
	return func(live object) object {
		random := rand.New(rand.NewPCG(seed, 0))
		for range 1 + random.IntN(3) {
			mutate(random, live, source.make(random))
		}
		if random.IntN(3) == 0 {
			live["metadata"].(object)["uid"] = "00000000-0000-0000-0000-000000000001"
		}
		if repeat && random.IntN(12) == 0 {
			repeatItem(random, live)
		}
		return live
	}
}

// mutate takes over a random part of another object of the same kind, removes a part, or empties one.
func mutate(random *rand.Rand, target, other object) {
	if target["metadata"] == nil {
		target["metadata"] = other["metadata"]
	}
	key := pick(random, keys(other))
	if key == "apiVersion" || key == "kind" {
		return
	}
	mutateField(random, target, other, key, 0)
	if target["metadata"] == nil {
		target["metadata"] = object{"name": "x"}
	}
}

func mutateField(random *rand.Rand, target, other object, key string, depth int) {
	inner, isMap := target[key].(object)
	otherInner, otherIsMap := other[key].(object)
	if isMap && otherIsMap && len(otherInner) > 0 && random.IntN(10) < 8 {
		mutateField(random, inner, otherInner, pick(random, keys(otherInner)), depth+1)
		return
	}
	items, isList := target[key].([]any)
	otherItems, otherIsList := other[key].([]any)
	if isList && otherIsList && len(items) > 0 && random.IntN(10) < 7 {
		target[key] = mutateList(random, items, otherItems, depth)
		return
	}
	switch roll := random.IntN(20); {
	case roll < 12:
		target[key] = clone(other[key])
	case roll < 17:
		delete(target, key)
	case depth == 0:
		return
	case roll < 18:
		target[key] = nil
	case isMap:
		target[key] = object{}
	case isList:
		target[key] = []any{}
	}
}

func mutateList(random *rand.Rand, items, other []any, depth int) []any {
	at := random.IntN(len(items))
	switch roll := random.IntN(6); {
	case roll == 0:
		return append(append([]any{}, items[:at]...), items[at+1:]...)
	case roll == 1:
		shuffled := append([]any{}, items...)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		return shuffled
	case len(other) == 0:
		return items
	}
	from := clone(other[random.IntN(len(other))])
	inner, isMap := items[at].(object)
	fromInner, fromIsMap := from.(object)
	if isMap && fromIsMap && len(fromInner) > 0 {
		key := pick(random, keys(fromInner))
		if !identifying[key] {
			mutateField(random, inner, fromInner, key, depth+1)
			return items
		}
	}
	for _, item := range items {
		if sameItem(item, from) {
			return items
		}
	}
	added := append([]any{}, items[:at]...)
	return append(append(added, from), items[at:]...)
}

// Fields that may be list keys; changing one would make another item, or two of the same.
var identifying = map[string]bool{
	"name": true, "containerPort": true, "protocol": true, "port": true, "uid": true, "mountPath": true, "ip": true,
	"type": true, "zone": true, "topologyKey": true, "whenUnsatisfiable": true, "devicePath": true, "key": true,
}

func sameItem(left, right any) bool {
	l, isMap := left.(object)
	r, otherIsMap := right.(object)
	if !isMap || !otherIsMap {
		return fmt.Sprint(left) == fmt.Sprint(right)
	}
	for key := range identifying {
		if fmt.Sprint(orDefault(l, key)) != fmt.Sprint(orDefault(r, key)) {
			return false
		}
	}
	return true
}

func orDefault(item object, key string) any {
	if value, ok := item[key]; ok || key != "protocol" {
		return value
	}
	return "TCP"
}

// repeatItem repeats an item of a list somewhere in a live object, as old objects may have it.
func repeatItem(random *rand.Rand, value any) bool {
	switch value := value.(type) {
	case object:
		names := keys(value)
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if items, ok := value[name].([]any); ok && len(items) > 0 && random.IntN(2) == 0 {
				item := clone(items[random.IntN(len(items))])
				if fields, ok := item.(object); ok && random.IntN(2) == 0 {
					if _, ok := fields["value"]; ok {
						fields["value"] = "repeated"
					}
				}
				value[name] = append(append([]any{}, items...), item)
				return true
			}
			if repeatItem(random, value[name]) {
				return true
			}
		}
	case []any:
		for _, item := range value {
			if repeatItem(random, item) {
				return true
			}
		}
	}
	return false
}

// spoil makes one field of a configuration invalid.
func spoil(random *rand.Rand, value object) {
	for {
		names := []string{}
		for _, name := range keys(value) {
			if inner, ok := value[name].(object); ok && len(inner) > 0 && name != "metadata" {
				names = append(names, name)
			}
		}
		if len(names) == 0 || random.IntN(3) == 0 {
			break
		}
		value = value[pick(random, names)].(object)
	}
	if _, root := value["apiVersion"]; root || random.IntN(2) == 0 {
		value["undeclared"] = int64(1)
		return
	}
	names := keys(value)
	if len(names) == 0 {
		return
	}
	name := pick(random, names)
	switch value[name].(type) {
	case string:
		value[name] = []any{"x", int64(1), object{"k": nil}}
	case []any:
		value[name] = "no list"
	case object:
		value[name] = true
	default:
		value[name] = object{"a": "b"}
	}
}

func keys(value object) []string {
	names := make([]string, 0, len(value))
	for name := range value {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }
