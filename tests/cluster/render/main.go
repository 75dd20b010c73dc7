// SPDX-License-Identifier: Apache-2.0

// What kustomize and helm make of the manifests of examples/kubernetes/inject, by their own packages: without what
// the commands have for clusters and registries, it builds in a fraction of their time. It takes the arguments that
// manifests.py gives to the commands:
//
//	render build [--load-restrictor LoadRestrictionsNone] FOLDER                            as kustomize
//	render template [--kube-version V] [-n NAMESPACE] [-f FILE] [--set A=B,...]... NAME CHART    as helm
//	render lint [--strict] [-n NAMESPACE] [-f FILE] [--set A=B,...]... CHART                     as helm
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func build(s *settings, folder string) error {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	if s.loadRestrictor == types.LoadRestrictionsNone.String() {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	made, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	text, err := made.AsYaml()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

type settings struct {
	namespace, kubeVersion, file, loadRestrictor string
	strict                                       bool
	set                                          sets
}

type sets []string

func (s *sets) String() string { return strings.Join(*s, ",") }

func (s *sets) Set(value string) error {
	*s = append(*s, value)
	return nil
}

func (s *settings) values() (map[string]interface{}, error) {
	values := chartutil.Values{}
	if s.file != "" {
		read, err := chartutil.ReadValuesFile(s.file)
		if err != nil {
			return nil, err
		}
		values = read
	}
	for _, one := range s.set {
		if err := strvals.ParseInto(one, values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func template(s *settings, name, folder string) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	if s.kubeVersion != "" {
		version, err := chartutil.ParseKubeVersion(s.kubeVersion)
		if err != nil {
			return err
		}
		capabilities.KubeVersion = *version
	}
	if wanted := chart.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.Version) {
		return fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", wanted,
			capabilities.KubeVersion.Version)
	}
	given, err := s.values()
	if err != nil {
		return err
	}
	release := chartutil.ReleaseOptions{Name: name, Namespace: s.namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(chart, given, release, capabilities)
	if err != nil {
		return err
	}
	made, err := engine.Render(chart, values)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(made))
	for name := range made {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("---\n# Source: %s\n%s\n", name, made[name])
	}
	return nil
}

func check(s *settings, folder string) error {
	values, err := s.values()
	if err != nil {
		return err
	}
	found := lint.AllWithKubeVersion(folder, values, s.namespace, nil)
	for _, message := range found.Messages {
		fmt.Println(message)
	}
	limit := support.ErrorSev
	if s.strict {
		limit = support.WarningSev
	}
	if found.HighestSeverity >= limit {
		return fmt.Errorf("the chart is not right")
	}
	return nil
}

func run() error {
	if len(os.Args) < 2 {
		return fmt.Errorf("which of build, template and lint?")
	}
	s := &settings{}
	options := flag.NewFlagSet(os.Args[1], flag.ContinueOnError)
	options.StringVar(&s.namespace, "n", "default", "")
	options.StringVar(&s.kubeVersion, "kube-version", "", "")
	options.StringVar(&s.file, "f", "", "")
	options.StringVar(&s.loadRestrictor, "load-restrictor", "", "")
	options.BoolVar(&s.strict, "strict", false, "")
	options.Var(&s.set, "set", "")
	if err := options.Parse(os.Args[2:]); err != nil {
		return err
	}
	switch rest := options.Args(); {
	case os.Args[1] == "build" && len(rest) == 1:
		return build(s, rest[0])
	case os.Args[1] == "template" && len(rest) == 2:
		return template(s, rest[0], rest[1])
	case os.Args[1] == "lint" && len(rest) == 1:
		return check(s, rest[0])
	}
	return fmt.Errorf("%s: wrong arguments", os.Args[1])
}

func main() {
	// helm tells that the chart has links.
	log.SetOutput(io.Discard)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}
