# SPDX-License-Identifier: Apache-2.0
"""The policies of examples/kubernetes/inject, evaluated by kube-apiserver's own admission plugin, without a
server. tests/cluster/make builds the program that calls it (tests/cluster/policy)."""

import copy
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packages"))

import cluster  # noqa: E402
import pods  # noqa: E402
from pack_lab import lab  # noqa: E402


class Policies(lab.Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.program = cluster.program("policy")

    def admit(self, requests, overlay="1.36-configmap", with_map=True, **settings):
        """The pods after admission of these requests. settings: these replace the overlay's; None removes one."""
        objects = cluster.rendered(overlay)
        maps = copy.deepcopy([o for o in objects if o["kind"] == "ConfigMap"])
        for name, value in settings.items():
            maps[0]["data"].pop(name, None)
            if value is not None:
                maps[0]["data"][name] = value
        given = {
            "Policies": [o for o in objects if o["kind"] == "MutatingAdmissionPolicy"],
            "Bindings": [o for o in objects if o["kind"] == "MutatingAdmissionPolicyBinding"],
            "Namespaces": [o for o in objects if o["kind"] == "Namespace"] + pods.NAMESPACES,
            "ConfigMaps": [] if with_map is None else maps,
            "Requests": requests,
        }
        done = lab.run([self.program], stdin=json.dumps(given).encode())
        self.assertEqual(0, done.code, done.err)
        return [pods.essence(p) for p in json.loads(done.out)]

    def create(self, *created, **options):
        return self.admit([{"Operation": "CREATE", "Object": p} for p in created], **options)

    def test_table(self):
        got = self.create(*(row[1] for row in pods.ROWS))
        self.assertEqual(len(pods.ROWS), len(got))
        for (name, pod, gets, reason), result in zip(pods.ROWS, got):
            with self.subTest(name):
                self.assertEqual(pods.essence(pods.expected(pod, gets, reason)), result)

    def test_twice(self):
        """A pod that was patched is not patched again, but a sidecar that was added in between is."""
        once, = self.create(pods.pod())
        more = copy.deepcopy(once)
        more["spec"]["containers"].append(pods.container("sidecar"))
        twice, patched = self.create(once, more)
        self.assertEqual(once, twice)
        pods.add_to_container(more["spec"]["containers"][1], pods.INJECTED)
        self.assertEqual(pods.essence(more), patched)

    def test_debug(self):
        """Only the new one of the ephemeral containers is changed, and only if the pod has the volumes."""
        injected = pods.expected(pods.pod(), {"app": pods.INJECTED}, None)
        injected["spec"]["ephemeralContainers"] = [pods.container("older")]
        new, wanted = pods.debugged(injected)
        plain = pods.pod()
        plain_new, _ = pods.debugged(plain)
        update = {"Operation": "UPDATE", "Subresource": "ephemeralcontainers"}
        got = self.admit([{**update, "Object": new, "OldObject": injected},
                          {**update, "Object": plain_new, "OldObject": plain}])
        self.assertEqual([pods.essence(wanted), pods.essence(plain_new)], got)

    def test_update(self):
        """A pod that is updated in place stays as it is."""
        plain = pods.pod()
        changed = pods.pod(labels={"a": "b"})
        got = self.admit([{"Operation": "UPDATE", "Object": changed, "OldObject": plain}])
        self.assertEqual([pods.essence(changed)], got)

    def projection(self, **options):
        got, = self.create(pods.pod(), **options)
        volume, = (v for v in got["spec"]["volumes"] if v["name"] == "catrust-inject-ca")
        source, = volume["projected"]["sources"]
        return source, [v["name"] for v in got["spec"]["containers"][0]["env"]]

    def test_sources(self):
        """A ClusterTrustBundle by its name or its signer, and a scope."""
        source, _ = self.projection(overlay="1.37-clustertrustbundle")
        self.assertEqual({"clusterTrustBundle": {"name": "corp-ca", "path": "corp.pem", "optional": True}}, source)
        source, _ = self.projection(overlay="1.37-clustertrustbundle", clusterTrustBundle=None,
                                    signerName="corp.example/ca")
        self.assertEqual({"clusterTrustBundle": {"signerName": "corp.example/ca", "path": "corp.pem", "optional": True,
                                                 "labelSelector": {}}}, source)
        source, names = self.projection(path="corp.example/corp.pem")
        self.assertEqual([{"key": "corp.pem", "path": "corp.example/corp.pem"}], source["configMap"]["items"])
        self.assertEqual(["LD_PRELOAD"], names)
        self.assertEqual(["LD_PRELOAD"], self.projection(variables=None)[1])

    def test_empty_is_unset(self):
        """With an empty name of a ClusterTrustBundle or signer, the API server would refuse every pod."""
        config_map = [{"key": "corp.pem", "path": "corp.pem"}]
        source, _ = self.projection(clusterTrustBundle="", signerName="")
        self.assertEqual({"configMap": {"name": "corp-ca", "optional": True, "items": config_map}}, source)
        source, _ = self.projection(clusterTrustBundle="", signerName="corp.example/ca")
        self.assertEqual("corp.example/ca", source["clusterTrustBundle"]["signerName"])
        self.assertNotIn("name", source["clusterTrustBundle"])

    def test_right_settings(self):
        for settings in pods.RIGHT:
            with self.subTest(settings):
                self.projection(**settings)

    def test_wrong_settings(self):
        """With these settings, the API server would refuse the pod, or catrust could not read the volume. So the pod
        is not changed."""
        for settings in [{"with_map": None}, *pods.WRONG]:
            with self.subTest(settings):
                self.assertEqual([pods.essence(pods.pod())], self.create(pods.pod(), **settings))


if __name__ == "__main__":
    lab.main()
