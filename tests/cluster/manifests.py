# SPDX-License-Identifier: Apache-2.0
"""The manifests of examples/kubernetes/inject: they match the schemas of both versions of Kubernetes, and kustomize
and Helm render what the repository has. Another test is about the public CAs that trust-manager can put into the
same file."""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packages"))

import cluster  # noqa: E402
import pods  # noqa: E402
from pack_lab import lab  # noqa: E402

RUN = os.path.join(os.path.abspath(os.environ.get("CATRUST_BUILD", ".")), "tools", "catrust-run")


def key(thing):
    return thing["kind"], thing["metadata"]["name"]


class Schemas(lab.Case):
    VERSIONS = "1.36", "1.37"

    def validate(self, things, version):
        program = os.path.join(lab.more("validators"), "bin", "kubernetes-validate")
        path = lab.write(os.path.join(lab.folder(), "all.json"),
                         "\n---\n".join(json.dumps(t) for t in things if t["kind"] != "Bundle"))
        return lab.run([program, "--strict", "-k", version, path], timeout=180)

    def test_overlays(self):
        for overlay in cluster.OVERLAYS:
            for version in self.VERSIONS:
                with self.subTest(overlay, version=version):
                    done = self.validate(cluster.rendered(overlay), version)
                    self.assertEqual(0, done.code, done)
        wrong = json.loads(json.dumps(cluster.rendered("1.36-configmap")).replace('"matchConditions"', '"matchCondition"'))
        self.assertNotEqual(0, self.validate(wrong, "1.36").code)

    def test_patched_pods(self):
        """The pods that the policies make of the table are valid in both versions."""
        things = [pods.expected(pod, gets, reason) for _, pod, gets, reason in pods.ROWS]
        for version in self.VERSIONS:
            done = self.validate(things, version)
            self.assertEqual(0, done.code, done)

    def test_by_hand(self):
        """catrust-run --print-env=kubernetes"""
        done = lab.run([RUN, "-e", "--print-env=kubernetes"])
        self.assertEqual((0, ""), (done.code, done.err))
        spec, = cluster.documents(done.out)
        spec["containers"][0]["image"] = "python"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
        self.assertEqual(0, self.validate([pod], "1.36").code)
        self.assertEqual({v["name"] for v in spec["volumes"]},
                         {m["name"] for m in spec["containers"][0]["volumeMounts"]})


class Kustomize(lab.Case):
    """kustomize's own packages render them (render/main.go)."""

    maxDiff = None
    PROGRAM = "render"

    @classmethod
    def setUpClass(cls):
        cls.program = cluster.program(cls.PROGRAM)

    def build(self, folder):
        done = lab.run([self.program, "build", "--load-restrictor", "LoadRestrictionsNone", folder], timeout=120)
        self.assertEqual(0, done.code, done.err)
        return done.out

    def test_rendered(self):
        for overlay in cluster.OVERLAYS:
            with self.subTest(overlay):
                made = self.build(os.path.join(cluster.INJECT, "overlays", overlay))
                self.assertEqual(lab.read(os.path.join(cluster.INJECT, "rendered", overlay + ".yaml")).decode(), made)

    def test_older(self):
        """The component, with a Deployment that does not mention catrust."""
        folder = lab.folder("kustomize")
        app = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
               "spec": {"selector": {"matchLabels": {"a": "b"}},
                        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                            "containers": [pods.container("side"), pods.container(env=pods.env(A="1"))]}}}}
        lab.write(os.path.join(folder, "app.yaml"), json.dumps(app))
        component = os.path.relpath(os.path.join(cluster.INJECT, "overlays", "older-init-container"), folder)
        lab.write(os.path.join(folder, "kustomization.yaml"),
                  json.dumps({"resources": ["app.yaml"], "components": [component]}))
        made, = cluster.documents(self.build(folder))
        spec = made["spec"]["template"]["spec"]
        containers = {c["name"]: c for c in spec["containers"]}
        self.assertEqual({"A": "1", "LD_PRELOAD": pods.LIBRARY, "NODE_EXTRA_CA_CERTS": pods.CA},
                         {v["name"]: v["value"] for v in containers["app"]["env"]})
        self.assertEqual(pods.MOUNTS, {m["mountPath"]: m["name"] for m in containers["app"]["volumeMounts"]})
        self.assertEqual(pods.container("side"), containers["side"])
        self.assertEqual(set(pods.MOUNTS.values()), {v["name"] for v in spec["volumes"]})
        first, = spec["initContainers"]
        self.assertEqual((pods.IMAGE, ["copy", "/opt/copy"]), (first["image"], first["args"]))
        program = os.path.join(lab.more("validators"), "bin", "kubernetes-validate")
        path = lab.write(os.path.join(folder, "made.json"), json.dumps(made))
        self.assertEqual(0, lab.run([program, "--strict", path], timeout=180).code)


class KustomizeCommand(Kustomize):
    """The command itself, which takes minutes to build."""

    PROGRAM = "kustomize"


class Helm(lab.Case):
    """helm's own packages render them (render/main.go)."""

    maxDiff = None
    PROGRAM = "render"

    @classmethod
    def setUpClass(cls):
        cls.program = cluster.program(cls.PROGRAM)
        cls.chart = os.path.join(cluster.INJECT, "chart")

    def helm(self, *args):
        home = lab.folder("helm")
        return lab.run([self.program, *args], timeout=120, env={
            "HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home})

    def render(self, *options, kube_version="1.37.0", namespace="catrust-system"):
        return self.helm("template", "--kube-version", kube_version, "-n", namespace, *options, "catrust", self.chart)

    def template(self, *options):
        done = self.render(*options)
        self.assertEqual(0, done.code, done)
        return {key(t): t for t in cluster.documents(done.out)}

    def test_lint(self):
        done = self.helm("lint", "--strict", self.chart)
        self.assertEqual(0, done.code, done)
        self.assertNotEqual(0, self.helm("lint", "--strict", "--set", "immage=x", self.chart).code)

    def test_same_as_the_overlays(self):
        """Except for the namespace, which Helm makes, and the path, which is the default."""
        for overlay, options in ("1.36-configmap", []), ("1.37-clustertrustbundle", ["--set", "clusterTrustBundle=corp-ca"]):
            with self.subTest(overlay):
                made = self.template(*options)
                self.assertEqual("corp.pem", made["ConfigMap", "catrust-inject"]["data"].pop("path"))
                wanted = {key(t): t for t in cluster.rendered(overlay) if t["kind"] != "Namespace"}
                self.assertEqual(wanted, made)

    def test_namespace_and_values(self):
        done = self.render("--set", "signerName=corp.example/ca,path=corp.example/ca.pem,variables=null",
                           namespace="elsewhere")
        things = {key(t): t for t in cluster.documents(done.out)}
        settings = things["ConfigMap", "catrust-inject"]
        self.assertEqual("elsewhere", settings["metadata"]["namespace"])
        self.assertEqual({"image": pods.IMAGE, "path": "corp.example/ca.pem", "signerName": "corp.example/ca",
                          "variables": ""}, settings["data"])
        binding = things["MutatingAdmissionPolicyBinding", "catrust-inject"]
        self.assertEqual("elsewhere", binding["spec"]["paramRef"]["namespace"])
        for wrong in "path=../x.pem", "configMap=", "image=":
            self.assertNotEqual(0, self.render("--set", wrong).code, wrong)
        self.assertIn("1.36", self.render(kube_version="1.35.0").err)

    def test_same_patterns(self):
        """The chart accepts the same settings as the policy."""
        with open(os.path.join(self.chart, "values.schema.json"), encoding="utf-8") as f:
            properties = json.load(f)["properties"]
        policy, = (t for t in cluster.rendered("1.36-configmap") if t["metadata"]["name"] == "catrust-inject"
                   and t["kind"] == "MutatingAdmissionPolicy")
        settings, = (c["expression"] for c in policy["spec"]["matchConditions"] if c["name"] == "settings")
        patterns = dict(re.findall(r"\['(\w+)', '(.*)'\]", settings))
        # It is one string in the policy, and a list in the chart.
        self.assertIsNotNone(re.match(patterns.pop("variables"), "NODE_EXTRA_CA_CERTS DENO_CERT"))
        self.assertEqual({n: p["pattern"] for n, p in properties.items() if "pattern" in p}, patterns)
        for right, settings in [(True, s) for s in pods.RIGHT] + [(False, s) for s in pods.WRONG]:
            if "variables" in settings or None in settings.values():
                continue
            with self.subTest(settings):
                values = lab.write(os.path.join(lab.folder(), "values.yaml"), json.dumps(settings))
                done = self.render("-f", values)
                self.assertEqual(right, done.code == 0, done)

    def test_version(self):
        with open(os.path.join(cluster.TOP, "CMakeLists.txt"), encoding="utf-8") as f:
            version, = re.findall(r"^project\(catrust VERSION (\S+)", f.read(), re.M)
        chart, = cluster.documents(lab.read(os.path.join(self.chart, "Chart.yaml")))
        self.assertEqual((version, version), (chart["version"], chart["appVersion"]))
        self.assertTrue(pods.IMAGE.endswith(":" + version))


class HelmCommand(Helm):
    """The command itself, which takes minutes to build."""

    PROGRAM = "helm"


# A client that pins a CA of its own, and one that trusts the system's CAs.
PINNED = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
print(urllib.request.urlopen(sys.argv[1], timeout=60, context=context).read().decode())
"""


class DefaultCAs(lab.Case):
    """trust-manager with useDefaultCAs: public roots in the same file as the company's."""

    @classmethod
    def setUpClass(cls):
        public = "/etc/ssl/certs/ca-certificates.crt"
        if not os.path.exists(public):
            raise unittest.SkipTest("no " + public)
        # other-root stands for one of the public roots, because the test does not have their keys.
        both = lab.read(public) + lab.read(lab.cert("other-root.pem")) + lab.read(lab.cert("corp-root.pem"))
        cls.dirs = [lab.trustdir(corp_pem=both)]
        cls.count = both.count(b"BEGIN CERTIFICATE")

    def test_the_company_is_reached(self):
        with lab.server() as server:
            self.refused(lab.run(PINNED, [server.url]))
            self.got_page(lab.run(PINNED, [server.url], shim=True, dirs=self.dirs))
        listed = lab.run([RUN.replace("catrust-run", "catrust"), "list", "--json"], dirs=self.dirs)
        self.assertGreaterEqual(self.count, len(json.loads(listed.out)["certificates"]))
        self.assertGreater(len(json.loads(listed.out)["certificates"]), 100)

    def test_a_pinned_client_is_widened(self):
        """As the documentation warns, such a client trusts the public CAs too, unless CATRUST_CONTEXTS=public is set."""
        pin = lab.cert("corp-root.pem")
        with lab.server("other-server") as server:
            self.refused(lab.run(PINNED, [server.url, pin]))
            self.got_page(lab.run(PINNED, [server.url, pin], shim=True, dirs=self.dirs))
            self.refused(lab.run(PINNED, [server.url, pin], shim=True, dirs=self.dirs,
                                 env={"CATRUST_CONTEXTS": "public"}))


if __name__ == "__main__":
    lab.main()
