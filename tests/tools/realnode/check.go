package main

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
)

// checkScript is the same as the build's, which has no Go program yet.
//
//go:embed check.sh
var checkScript string

// check gives errImpossible, with the reason, where this machine cannot run a
// node.
func check() error {
	cmd := exec.Command("sh", "-s")
	cmd.Stdin = strings.NewReader(checkScript)
	output, err := cmd.Output()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 3 {
		reason := strings.TrimSpace(string(output))
		return fmt.Errorf("%w: %s", errImpossible, strings.TrimPrefix(reason, errImpossible.Error()+": "))
	}
	if err != nil {
		return fmt.Errorf("the check of this machine failed: %w", err)
	}
	return nil
}
