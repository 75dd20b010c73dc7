# SPDX-License-Identifier: Apache-2.0
"""Pods for the policies of examples/kubernetes/inject, and what the policies must make of each. policy.py runs
the API server's own admission code, and server.py a whole API server.

A row has a name, the pod, and for each of its containers the variables and mounts that come from the policy;
None for a container that stays as it is. Any other change of the pod is an error."""

import copy

LIBRARY = "/opt/catrust/lib/libcatrust.so"
CA = "/etc/catrust/ca.d/corp.pem"
IMAGE = "registry.corp.example/catrust:1.0.0"
MOUNTS = {"/opt/catrust": "catrust-inject", "/etc/catrust/ca.d": "catrust-inject-ca"}
INJECTED = {"env": {"LD_PRELOAD": LIBRARY, "NODE_EXTRA_CA_CERTS": CA, "DENO_CERT": CA}, "mounts": MOUNTS}
VOLUMES = [
    {"name": "catrust-inject", "image": {"reference": IMAGE, "pullPolicy": "IfNotPresent"}},
    {"name": "catrust-inject-ca", "projected": {"sources": [
        {"configMap": {"name": "corp-ca", "optional": True, "items": [{"key": "corp.pem", "path": "corp.pem"}]}}]}},
]

# What the profile "restricted" of Pod Security requires of a pod.
RESTRICTED = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 65534,
              "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}


def container(name="app", **more):
    return {"name": name, "image": "python:3.13-slim", **more}


def pod(*containers, labels=None, annotations=None, namespace="app", **spec):
    metadata = {"name": "p", "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": list(containers) or [container()], **spec}}


def env(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


def with_env(**values):
    return {"env": {**INJECTED["env"], **values}, "mounts": MOUNTS}


REFERENCE = {"name": "LD_PRELOAD", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}
JEMALLOC = "/usr/lib/libjemalloc.so"
OWN = {"name": "catrust-inject", "emptyDir": {}}

# name, pod, {container: what it gets}, annotation of the second policy
ROWS = [
    ("bare", pod(), {"app": INJECTED}, None),
    ("env", pod(container(env=env(A="1", PATH="/bin"))), {"app": INJECTED}, None),
    ("volumes", pod(container(volumeMounts=[{"name": "d", "mountPath": "/data"}]),
                    volumes=[{"name": "d", "emptyDir": {}}]), {"app": INJECTED}, None),
    ("ld_preload", pod(container(env=env(A="1", LD_PRELOAD=JEMALLOC))),
     {"app": with_env(LD_PRELOAD=JEMALLOC + ":" + LIBRARY)}, None),
    ("ld_preload_empty", pod(container(env=env(LD_PRELOAD=""))), {"app": INJECTED}, None),
    ("ld_preload_of_the_image", pod(container(), container("b", env=env(LD_PRELOAD="/b.so")),
                                    annotations={"catrust/ld-preload": JEMALLOC}),
     {"app": with_env(LD_PRELOAD=JEMALLOC + ":" + LIBRARY), "b": with_env(LD_PRELOAD="/b.so:" + LIBRARY)}, None),
    ("variables_of_its_own", pod(container(env=env(NODE_EXTRA_CA_CERTS="/own.pem"))),
     {"app": {"env": {"LD_PRELOAD": LIBRARY, "DENO_CERT": CA}, "mounts": MOUNTS}}, None),
    ("init_and_sidecar", pod(container(), container("b"), initContainers=[
        container("init"), container("sidecar", restartPolicy="Always")]),
     {name: INJECTED for name in ("app", "b", "init", "sidecar")}, None),
    ("trust_directory_of_its_own", pod(container(volumeMounts=[{"name": "d", "mountPath": "/etc/catrust/ca.d"}]),
                                       volumes=[{"name": "d", "emptyDir": {}}]),
     {"app": {"env": INJECTED["env"], "mounts": {"/opt/catrust": "catrust-inject"}}}, None),
    ("restricted", pod(container(securityContext=RESTRICTED), namespace="restricted"), {"app": INJECTED}, None),
    ("annotated", pod(annotations={"a": "b"}, labels={"catrust/inject": "true"}), {"app": INJECTED}, None),
    ("preloads_it_already", pod(container(env=env(LD_PRELOAD="/x/libcatrust.so")), container("b")),
     {"app": None, "b": INJECTED}, None),
    ("opted_out", pod(labels={"catrust/inject": "false"}), None, None),
    ("other_namespace", pod(namespace="plain"), None, None),
    ("reference", pod(container(env=[REFERENCE])), None, "LD_PRELOAD is set by valueFrom"),
    ("reference_in_init", pod(container(), initContainers=[container("init", env=[REFERENCE])],
                              annotations={"a": "b"}), None, "LD_PRELOAD is set by valueFrom"),
    ("windows", pod(os={"name": "windows"}), None, "it runs on Windows"),
    ("windows_selected", pod(nodeSelector={"kubernetes.io/os": "windows"}), None, "it runs on Windows"),
    ("linux_selected", pod(nodeSelector={"kubernetes.io/os": "linux"}, os={"name": "linux"}), {"app": INJECTED}, None),
    ("by_hand", pod(container(volumeMounts=[{"name": "catrust-inject", "mountPath": "/opt/catrust"}]), volumes=[OWN]),
     None, "the volume catrust-inject is its own"),
]

# Settings that replace those of an overlay; None removes one.
RIGHT = [
    {"clusterTrustBundle": "", "signerName": ""},
    {"clusterTrustBundle": "", "signerName": "corp.example/ca"},
    {"clusterTrustBundle": "corp.example:ca:corp-root"},
    {"clusterTrustBundle": "corp--root.v2"},
    {"signerName": "corp.example/ca.v2"},
    {"key": "..tls_crt.pem"},
    {"path": "corp.example/ca.crt"},
    {"path": "10.0.0.0_8/ca.cer"},
    {"path": "_a-b..pem"},
    {"variables": ""},
    {"variables": "  DENO_CERT  _X1 "},
]
WRONG = [
    {"image": None}, {"image": ""}, {"key": None}, {"configMap": ""}, {"path": ""},
    *({name: value + "\n"} for name, value in (
        ("image", IMAGE), ("configMap", "corp-ca"), ("key", "corp.pem"), ("clusterTrustBundle", "corp-ca"),
        ("signerName", "corp.example/ca"), ("path", "corp.pem"), ("variables", "NODE_EXTRA_CA_CERTS DENO_CERT"))),
    {"image": IMAGE + " "}, {"configMap": "Corp CA"}, {"configMap": "corp."}, {"key": "corp/pem"},
    {"clusterTrustBundle": " "}, {"clusterTrustBundle": "corp:"}, {"clusterTrustBundle": "corp_ca"},
    {"signerName": "corp"}, {"signerName": "corp/ca"}, {"signerName": "corp.example/ca/x"}, {"signerName": "Corp.example/ca"},
    {"variables": "A=B"}, {"variables": "DENO_CERT,X"}, {"variables": "DENO_CERT\tX"}, {"variables": "1X"},
    *({"path": path} for path in (
        "../x.pem", "/x.pem", "a/b/c.pem", "ca-bundle", "corp.example/ca", "corp.txt", "corp.pem.bak", "corp.pem/", ".pem",
        "-corp.pem", "corp.example/-ca.pem", "corp_example/ca.pem", "-corp/ca.pem", "corp..example/ca.pem", "corp pem")),
]

NAMESPACES = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app", "labels": {"catrust/inject": "true"}}},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "restricted", "labels": {
        "catrust/inject": "true", "pod-security.kubernetes.io/enforce": "restricted"}}},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}},
]


def expected(row_pod, gets, reason, volumes=None):
    """The pod that the API server must return."""
    result = copy.deepcopy(row_pod)
    if reason:
        result["metadata"].setdefault("annotations", {})["catrust/not-injected"] = reason
    if gets is None:
        return result
    spec = result["spec"]
    for c in spec.get("initContainers", []) + spec["containers"]:
        add_to_container(c, gets[c["name"]])
    spec["volumes"] = spec.get("volumes", []) + copy.deepcopy(volumes or VOLUMES)
    return result


def add_to_container(c, more):
    if more is None:
        return
    variables = c.setdefault("env", [])
    for name, value in more["env"].items():
        there = [v for v in variables if v["name"] == name]
        for v in there:
            v["value"] = value
        if not there:
            variables.append({"name": name, "value": value})
    c.setdefault("volumeMounts", [])
    c["volumeMounts"] += [{"name": name, "mountPath": path, "readOnly": True} for path, name in more["mounts"].items()]


def essence(pod_):
    """A pod without the fields that the API server adds to every pod."""
    metadata = {k: v for k, v in pod_["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
    spec = {k: v for k, v in pod_["spec"].items() if k in
            ("containers", "initContainers", "ephemeralContainers", "volumes", "os", "nodeSelector")}
    for group in "containers", "initContainers", "ephemeralContainers":
        if group in spec:
            spec[group] = [{k: v for k, v in c.items() if k in (
                "name", "image", "env", "volumeMounts", "securityContext", "command", "restartPolicy")} for c in spec[group]]
    volumes = copy.deepcopy(spec.get("volumes", []))
    for volume in volumes:
        volume.get("projected", {}).pop("defaultMode", None)
    if volumes:
        spec["volumes"] = volumes
    return {"metadata": metadata, "spec": spec}


def debugged(injected):
    """The pod with one more ephemeral container, as kubectl debug sends it, and the pod that must be returned."""
    new = copy.deepcopy(injected)
    new["spec"].setdefault("ephemeralContainers", []).append(container("debugger"))
    wanted = copy.deepcopy(new)
    add_to_container(wanted["spec"]["ephemeralContainers"][-1], INJECTED)
    return new, wanted
