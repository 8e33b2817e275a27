// Command generator runs Kubernetes' own field manager over many scenarios and writes down what it does, one scenario per line.
// The Rust port has to reproduce every line. See README.md for how to run it.
package main

import (
	"compress/zlib"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	module := flag.String("kubernetes", "", "folder of the Go module k8s.io/kubernetes")
	random := flag.Int("random", 150, "number of random scenarios per kind")
	seed := flag.Uint64("seed", 1, "seed of the random scenarios")
	file := flag.String("out", "../vectors.jsonl.zlib", "file to write")
	flag.Parse()
	if err := run(*module, *random, *seed, *file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(module string, random int, seed uint64, file string) (err error) {
	converters, err := loadConverters(filepath.Join(module, "api", "openapi-spec", "v3"))
	if err != nil {
		return err
	}
	scenarios := append(handWritten(), randomScenarios(random, seed)...)
	target, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	out, err := zlib.NewWriterLevel(target, zlib.BestCompression)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"schemas": customSchemas}); err != nil {
		return err
	}
	for _, scenario := range scenarios {
		if err := scenario.play(converters); err != nil {
			return fmt.Errorf("%s: %w", scenario.Name, err)
		}
		if err := encoder.Encode(scenario); err != nil {
			return err
		}
	}
	return out.Close()
}
