// SPDX-License-Identifier: Apache-2.0

// Sends requests through the admission plugin of kube-apiserver that MutatingAdmissionPolicies are evaluated
// by, without a server: selectors, match conditions, parameters and mutations are those of the real one. Reads
// one JSON object from standard input, with the objects of the cluster and the requests; writes a JSON list
// with the pod that comes of each.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/client-go/discovery"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi/openapitest"
)

type input struct {
	Policies   []admissionregistration.MutatingAdmissionPolicy
	Bindings   []admissionregistration.MutatingAdmissionPolicyBinding
	Namespaces []corev1.Namespace
	ConfigMaps []corev1.ConfigMap
	Requests   []request
}

type request struct {
	Operation   admission.Operation
	Subresource string
	Object      *corev1.Pod
	OldObject   *corev1.Pod
}

// A fake client whose schemas are those of the real API, which client-go has as files.
type client struct{ kubernetes.Interface }
type schemas struct{ discovery.DiscoveryInterfaces }

func (c client) Discovery() discovery.DiscoveryInterfaces { return schemas{c.Interface.Discovery()} }
func (schemas) OpenAPIV3() openapi.Client                { return openapitest.NewEmbeddedFileClient() }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "policy:", err)
		os.Exit(1)
	}
}

// The types with their versions alone, since there are no internal ones here.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	check(corev1.AddToScheme(scheme))
	check(admissionregistration.AddToScheme(scheme))
	check(scheme.AddConversionFunc((*corev1.Pod)(nil), (*corev1.Pod)(nil),
		func(from, to interface{}, _ conversion.Scope) error {
			from.(*corev1.Pod).DeepCopyInto(to.(*corev1.Pod))
			return nil
		}))
	return scheme
}

func newPlugin(ctx context.Context, in *input, scheme *runtime.Scheme) *mutating.Plugin {
	var objects []runtime.Object
	// An error is to be seen, whatever the policy makes of it.
	fail := admissionregistration.Fail
	for i := range in.Policies {
		in.Policies[i].Spec.FailurePolicy = &fail
		objects = append(objects, &in.Policies[i])
	}
	for i := range in.Bindings {
		objects = append(objects, &in.Bindings[i])
	}
	for i := range in.Namespaces {
		objects = append(objects, &in.Namespaces[i])
	}
	for i := range in.ConfigMaps {
		objects = append(objects, &in.ConfigMaps[i])
	}
	// Informers ask a client whether it can stream lists; behind the type client they could not tell.
	api := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(api, time.Minute)
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)

	plugin, err := mutating.NewPlugin(nil)
	check(err)
	plugin.SetExternalKubeClientSet(client{api})
	plugin.SetExternalKubeInformerFactory(factory)
	plugin.SetDynamicClient(dynamicfake.NewSimpleDynamicClient(scheme))
	plugin.SetRESTMapper(mapper)
	plugin.SetUnconditionalAuthorizer(authorizer.UnconditionalAuthorizer(authorizerfactory.NewAlwaysAllowAuthorizer()))
	plugin.SetDrainedNotification(ctx.Done())
	plugin.SetEnabled(true)
	check(plugin.ValidateInitialization())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if !plugin.WaitForReady() {
		check(fmt.Errorf("the plugin does not get ready"))
	}
	return plugin
}

func admit(ctx context.Context, plugin *mutating.Plugin, scheme *runtime.Scheme, r request) error {
	var old runtime.Object
	if r.OldObject != nil {
		old = r.OldObject
	}
	var options runtime.Object = &metav1.CreateOptions{}
	if r.Operation == admission.Update {
		options = &metav1.UpdateOptions{}
	}
	attributes := admission.NewAttributesRecord(r.Object, old, corev1.SchemeGroupVersion.WithKind("Pod"),
		r.Object.Namespace, r.Object.Name, corev1.SchemeGroupVersion.WithResource("pods"), r.Subresource,
		r.Operation, options, false, &user.DefaultInfo{Name: "tester"})
	return plugin.Admit(ctx, attributes, admission.NewObjectInterfacesFromScheme(scheme))
}

func main() {
	var in input
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	check(decoder.Decode(&in))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	scheme := newScheme()
	plugin := newPlugin(ctx, &in, scheme)
	pods := []*corev1.Pod{}
	for i, r := range in.Requests {
		before := r.Object.DeepCopy()
		err := admit(ctx, plugin, scheme, r)
		// The schemas are read in the background.
		for n := 0; err != nil && n < 300; n++ {
			time.Sleep(100 * time.Millisecond)
			before.DeepCopyInto(r.Object)
			err = admit(ctx, plugin, scheme, r)
		}
		if err != nil {
			check(fmt.Errorf("request %d: %w", i, err))
		}
		pods = append(pods, r.Object)
	}
	check(json.NewEncoder(os.Stdout).Encode(pods))
}
