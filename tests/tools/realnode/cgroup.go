package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroups are the mounted hierarchies: one with cgroup v2, one for each
// controller with v1.
type cgroups struct {
	roots []string
	v2    bool
}

// controllers are those that a kubelet wants to give to pods, where there are.
var controllers = []string{"cpu", "cpuset", "memory", "pids", "io", "hugetlb"}

func findCgroups(mount string) (cgroups, error) {
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		return cgroups{roots: []string{mount}, v2: true}, nil
	}
	entries, err := os.ReadDir(mount)
	if err != nil {
		return cgroups{}, err
	}
	var found cgroups
	for _, entry := range entries {
		// Links are other names of the same: cpuacct for cpu,cpuacct.
		root := filepath.Join(mount, entry.Name())
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil && entry.Type()&fs.ModeSymlink == 0 {
			found.roots = append(found.roots, root)
		}
	}
	if len(found.roots) == 0 {
		return found, fmt.Errorf("no cgroups in %s", mount)
	}
	return found, nil
}

// make makes the cgroup of a node, below which its kubelet makes those of pods,
// and in it one for the node's own processes: with v2, a cgroup that gives
// controllers to its children has no processes itself.
func (c cgroups) make(id string) error {
	for _, root := range c.roots {
		group := filepath.Join(root, id)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return err
		}
		if c.v2 {
			for _, parent := range []string{root, group} {
				if err := giveControllers(parent); err != nil {
					return err
				}
			}
		} else if filepath.Base(root) == "cpuset" || fileExists(filepath.Join(group, "cpuset.cpus")) {
			// With v1 a new cpuset has no processors until it is given some.
			for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
				value, err := os.ReadFile(filepath.Join(root, name))
				if err == nil {
					err = os.WriteFile(filepath.Join(group, name), value, 0o644)
				}
				if err != nil {
					return err
				}
			}
			if err := os.WriteFile(filepath.Join(group, "cgroup.clone_children"), []byte("1"), 0o644); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(filepath.Join(group, "daemons"), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// giveControllers gives to the children of a v2 cgroup what it has itself.
func giveControllers(group string) error {
	has, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range controllers {
		if !slices.Contains(strings.Fields(string(has)), controller) {
			continue
		}
		if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("the controller %s cannot be given to children of %s: %w", controller, group, err)
		}
	}
	return nil
}

// join puts this process into the cgroup of the node's processes.
func (c cgroups) join(id string) error {
	for _, root := range c.roots {
		if err := os.WriteFile(filepath.Join(root, id, "daemons", "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// remove kills what is still in the cgroup and below, and removes it.
func (c cgroups) remove(id string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		processes, err := c.processes(id)
		if err != nil || len(processes) == 0 {
			break
		}
		for _, pid := range processes {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes of the node do not end: %v", processes)
		}
		time.Sleep(20 * time.Millisecond)
	}
	var errs []error
	for _, root := range c.roots {
		groups, err := below(filepath.Join(root, id))
		errs = append(errs, err)
		for _, group := range slices.Backward(groups) {
			// A process that has just ended still counts for a moment.
			err := os.Remove(group)
			for ; errors.Is(err, syscall.EBUSY) && time.Now().Before(deadline); err = os.Remove(group) {
				time.Sleep(20 * time.Millisecond)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// processes are those in the cgroup and below.
func (c cgroups) processes(id string) ([]int, error) {
	var found []int
	for _, root := range c.roots {
		groups, err := below(filepath.Join(root, id))
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			file, err := os.Open(filepath.Join(group, "cgroup.procs"))
			if err != nil {
				continue
			}
			for lines := bufio.NewScanner(file); lines.Scan(); {
				// A process of another namespace is 0, and is not ours.
				if pid, err := strconv.Atoi(lines.Text()); err == nil && pid > 1 && !slices.Contains(found, pid) {
					found = append(found, pid)
				}
			}
			file.Close()
		}
	}
	return found, nil
}

// below is a folder and all folders below it, parents first. Nothing where
// there is none.
func below(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	return found, err
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
