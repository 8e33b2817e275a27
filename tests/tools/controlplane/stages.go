package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

// stageFiles are what the simulated node does, in kwok's language.
//
//go:embed stages
var stageFiles embed.FS

// kwokConfig is kwok's configuration: its own options and the stages.
//
// Neither kwok's selectors nor its templates can share a definition, so the
// text of stages/prelude.jq is put before every selector that is an expression,
// and stages/prelude.tpl before every template of a pod.
func kwokConfig() (string, error) {
	jq, err := stageFiles.ReadFile("stages/prelude.jq")
	if err != nil {
		return "", err
	}
	tpl, err := stageFiles.ReadFile("stages/prelude.tpl")
	if err != nil {
		return "", err
	}
	documents := []string{kwokOptions}
	names, err := fs.Glob(stageFiles, "stages/*.yaml")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		data, err := stageFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		for _, document := range strings.Split(string(data), "\n---\n") {
			var stage map[string]any
			if err := yaml.Unmarshal([]byte(document), &stage); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			if strings.HasPrefix(path.Base(name), "pod-") {
				prefix(stage, "key", string(jq))
				prefix(stage, "template", string(tpl))
				prefix(stage, "expressionFrom", string(jq))
			}
			text, err := yaml.Marshal(stage)
			if err != nil {
				return "", err
			}
			documents = append(documents, string(text))
		}
	}
	return strings.Join(documents, "---\n"), nil
}

// kwokOptions let many pods change at the same time. kwok takes no default for
// the others once it is given one of them.
const kwokOptions = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  podPlayStageParallelism: 16
  nodePlayStageParallelism: 4
  nodeLeaseParallelism: 4
  podsOnNodeSyncParallelism: 4
  enablePodsOnNodeSyncStreamWatch: true
`

// prefix puts text before every string that has the given key, at any depth.
func prefix(value any, key, text string) {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			if s, ok := v.(string); ok && k == key {
				value[k] = text + s
			} else {
				prefix(v, key, text)
			}
		}
	case []any:
		for _, v := range value {
			prefix(v, key, text)
		}
	}
}
