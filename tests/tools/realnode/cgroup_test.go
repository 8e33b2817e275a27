package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mounts of cgroups to try: that of the machine, and of a machine with v1 the
// v2 hierarchy beside it.
func mounts(t *testing.T) []string {
	if os.Getuid() != 0 {
		t.Skip("cgroups are root's")
	}
	found := []string{"/sys/fs/cgroup"}
	if fileExists("/sys/fs/cgroup/unified/cgroup.controllers") {
		found = append(found, "/sys/fs/cgroup/unified")
	}
	return found
}

func TestANodesCgroupIsMadeAndRemovedWithItsProcesses(t *testing.T) {
	for _, mount := range mounts(t) {
		groups, err := findCgroups(mount)
		if err != nil {
			t.Fatal(err)
		}
		id := prefix + "test"
		if err := groups.make(id); err != nil {
			t.Fatal(mount, err)
		}
		// As a pod's, below that of the node.
		pod := filepath.Join(groups.roots[0], id, "pods", "one")
		if err := os.MkdirAll(pod, 0o755); err != nil {
			t.Fatal(err)
		}
		sleep := exec.Command("sleep", "60")
		if err := sleep.Start(); err != nil {
			t.Fatal(err)
		}
		joined := os.WriteFile(filepath.Join(pod, "cgroup.procs"), []byte(strconv.Itoa(sleep.Process.Pid)), 0o644)
		if joined != nil {
			t.Fatal(mount, joined)
		}
		ended := make(chan error, 1)
		go func() { ended <- sleep.Wait() }()
		processes, err := groups.processes(id)
		if err != nil || len(processes) != 1 || processes[0] != sleep.Process.Pid {
			t.Errorf("%s: processes %v, %v", mount, processes, err)
		}
		if err := groups.remove(id); err != nil {
			t.Error(mount, err)
		}
		<-ended
		if status := sleep.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
			t.Errorf("%s: the process ended with %v", mount, status)
		}
		for _, root := range groups.roots {
			if fileExists(filepath.Join(root, id)) {
				t.Errorf("%s is left", filepath.Join(root, id))
			}
		}
	}
}

func TestAV2CgroupGivesItsChildrenWhatItHas(t *testing.T) {
	for _, mount := range mounts(t) {
		groups, err := findCgroups(mount)
		if err != nil || !groups.v2 {
			continue
		}
		id := prefix + "test-v2"
		if err := groups.make(id); err != nil {
			t.Fatal(err)
		}
		defer groups.remove(id)
		has, err := os.ReadFile(filepath.Join(mount, "cgroup.controllers"))
		if err != nil {
			t.Fatal(err)
		}
		given, err := os.ReadFile(filepath.Join(mount, id, "cgroup.subtree_control"))
		if err != nil {
			t.Fatal(err)
		}
		for _, controller := range controllers {
			if strings.Contains(string(has), controller) != strings.Contains(string(given), controller) {
				t.Errorf("%s: has %q, gives %q", mount, has, given)
			}
		}
	}
}
