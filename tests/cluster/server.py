# SPDX-License-Identifier: Apache-2.0
"""The policies of examples/kubernetes/inject in a real kube-apiserver with etcd, on loopback. Each pod of the
table is created and read back. Then buildah runs two of the returned pods.

tests/cluster/make builds the two programs, which takes long. Without them, the tests are skipped."""

import copy
import functools
import json
import os
import ssl
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packages"))

import cluster  # noqa: E402
import image  # noqa: E402
import kubelet  # noqa: E402
import pack_lab as packs  # noqa: E402
import pods  # noqa: E402
from pack_lab import lab  # noqa: E402

TOKEN = "catrust-test"
GROUP = "/apis/admissionregistration.k8s.io/v1/"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/namespaces/%s/configmaps",
    "Pod": "/api/v1/namespaces/%s/pods",
    "Deployment": "/apis/apps/v1/namespaces/%s/deployments",
    "ClusterTrustBundle": "/apis/certificates.k8s.io/v1/clustertrustbundles",
    "MutatingAdmissionPolicy": GROUP + "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": GROUP + "mutatingadmissionpolicybindings",
}


class Refused(Exception):
    """The error with which the API server refuses a request."""


class Server:
    """kube-apiserver and its etcd, for all tests."""

    def __init__(self):
        programs = {name: cluster.program(name) for name in ("etcd", "kube-apiserver")}
        folder = lab.folder("cluster")
        key = os.path.join(folder, "accounts.key")
        lab.openssl("genrsa", "-out", key, "2048")
        tokens = lab.write(os.path.join(folder, "tokens"), TOKEN + ',admin,1,"system:masters"\n', 0o600)
        etcd, peer = ("http://127.0.0.1:%d" % lab.free_port() for _ in range(2))
        self.start([
            programs["etcd"], "--data-dir", os.path.join(folder, "etcd"), "--listen-client-urls", etcd,
            "--advertise-client-urls", etcd, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", "default=" + peer, "--unsafe-no-fsync"])
        port = lab.free_port()
        self.url = "https://127.0.0.1:%d" % port
        certs = os.path.join(folder, "certs")
        self.process = self.start([
            programs["kube-apiserver"], "--etcd-servers=" + etcd, "--bind-address=127.0.0.1",
            "--secure-port=%d" % port, "--cert-dir=" + certs, "--service-account-issuer=https://accounts.invalid",
            "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
            "--service-cluster-ip-range=10.96.0.0/16", "--token-auth-file=" + tokens,
            "--authorization-mode=AlwaysAllow", "--disable-admission-plugins=ServiceAccount"])
        lab.wait_for(lambda: os.path.exists(os.path.join(certs, "apiserver.crt")), self.process, 120)
        self.context = ssl.create_default_context(cafile=os.path.join(certs, "apiserver.crt"))
        lab.wait_for(self.is_ready, self.process, 120)

    @staticmethod
    def start(argv):
        process = lab.Process(argv)
        process.__enter__()
        unittest.addModuleCleanup(process.__exit__)
        return process

    def is_ready(self):
        try:
            return self.call("GET", "/readyz") == b"ok"
        except (OSError, Refused):
            return False

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, method=method, data=body and json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + TOKEN, "Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
                return answer.read()
        except urllib.error.HTTPError as e:
            raise Refused("%s %s: %s" % (method, path, e.read().decode())) from None

    def path(self, thing):
        path = PATHS[thing["kind"]]
        return path % thing["metadata"]["namespace"] if "%s" in path else path

    def create(self, thing, query=""):
        return json.loads(self.call("POST", self.path(thing) + query, thing))

    def get(self, thing):
        return json.loads(self.call("GET", self.path(thing) + "/" + thing["metadata"]["name"]))

    def put(self, thing, more=""):
        return json.loads(self.call("PUT", self.path(thing) + "/" + thing["metadata"]["name"] + more, thing))

    def patch(self, thing, change, more=""):
        return json.loads(self.call("PATCH", self.path(thing) + "/" + thing["metadata"]["name"] + more, change,
                                    "application/strategic-merge-patch+json"))

    def wait_for_volume(self, wanted):
        self.wait_for_volumes(lambda volumes: wanted in volumes, wanted)

    def wait_for_volumes(self, is_right, wanted):
        """Waits until the policies and settings apply, which takes some seconds."""
        end = time.monotonic() + 90
        while True:
            got = pods.essence(self.create(named(pods.pod(), "probe"), "?dryRun=All"))
            if is_right(got["spec"].get("volumes", [])):
                return
            if time.monotonic() > end:
                raise AssertionError("%r is not what came of %r" % (got, wanted))
            time.sleep(0.2)


def named(pod, name):
    pod = copy.deepcopy(pod)
    pod["metadata"]["name"] = name.replace("_", "-")
    return pod


@functools.lru_cache(None)
def server():
    """The server, with the policies and the namespaces."""
    made = Server()
    for thing in cluster.rendered("1.36-configmap") + pods.NAMESPACES:
        made.create(thing)
    made.wait_for_volume(pods.VOLUMES[1])
    return made


class Cluster(lab.Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = server()

    def test_table(self):
        for name, pod, gets, reason in pods.ROWS:
            with self.subTest(name):
                pod = named(pod, name)
                wanted = pods.essence(pods.expected(pod, gets, reason))
                created = self.server.create(pod)
                self.assertEqual(wanted, pods.essence(created))
                self.assertEqual(created["spec"], self.server.get(pod)["spec"])

    def test_twice(self):
        """A patched pod that is created again stays as it is."""
        name, pod, _, _ = next(row for row in pods.ROWS if row[0] == "init_and_sidecar")
        once = pods.essence(self.server.create(named(pod, name + "-once")))
        again = {"apiVersion": "v1", "kind": "Pod", **once, "metadata": {"name": name + "-again", "namespace": "app"}}
        self.assertEqual(once["spec"], pods.essence(self.server.create(named(again, name + "-again")))["spec"])

    def test_restricted_is_enforced(self):
        """Otherwise the row of that name would show nothing."""
        with self.assertRaisesRegex(Refused, "violates PodSecurity"):
            self.server.create(named(pods.pod(namespace="restricted"), "too-much"))

    def test_dry_run(self):
        pod = named(pods.pod(), "dry")
        got = self.server.create(pod, "?dryRun=All")
        self.assertEqual(pods.essence(pods.expected(pod, {"app": pods.INJECTED}, None)), pods.essence(got))
        with self.assertRaisesRegex(Refused, "NotFound"):
            self.server.get(pod)

    def test_deployment(self):
        """Its template is not changed. Its pods are patched when they are created."""
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [pods.container()]}}
        made = self.server.create({"apiVersion": "apps/v1", "kind": "Deployment",
                                   "metadata": {"name": "d", "namespace": "app"},
                                   "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
        got = made["spec"]["template"]["spec"]
        self.assertNotIn("volumes", got)
        self.assertNotIn("env", got["containers"][0])

    def test_update(self):
        """A pod that is older than its namespace's label is not patched when it is changed."""
        self.server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late"}})
        pod = named(pods.pod(namespace="late"), "old")
        self.server.create(pod)
        self.server.patch({"kind": "Namespace", "metadata": {"name": "late"}},
                          {"metadata": {"labels": {"catrust/inject": "true"}}})
        time.sleep(2)
        changed = self.server.patch(pod, {"metadata": {"labels": {"x": "y"}},
                                          "spec": {"containers": [{"name": "app", "image": "other"}]}})
        self.assertNotIn("volumes", changed["spec"])
        self.assertEqual("other", changed["spec"]["containers"][0]["image"])

    def test_debug(self):
        """kubectl debug: in a pod that has the volumes, an ephemeral container is patched, and then a second one."""
        pod = named(pods.pod(), "debugged")
        self.server.create(pod)
        for name in "debugger", "again":
            change = {"spec": {"ephemeralContainers": [pods.container(name, targetContainerName="app")]}}
            got = self.server.patch(pod, change, "/ephemeralcontainers")
            there = {c["name"]: c for c in pods.essence(got)["spec"]["ephemeralContainers"]}
            wanted = pods.container(name)
            pods.add_to_container(wanted, pods.INJECTED)
            self.assertEqual(wanted, there[name])
        self.assertEqual({"debugger", "again"}, set(there))
        plain = named(pods.pod(namespace="plain"), "plain-debugged")
        self.server.create(plain)
        got = self.server.patch(plain, change, "/ephemeralcontainers")
        self.assertNotIn("env", got["spec"]["ephemeralContainers"][0])

    def test_trust_bundle(self):
        """The settings for 1.37: the cluster accepts the ClusterTrustBundle, and pods get a volume with it."""
        self.server.create({"apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle",
                            "metadata": {"name": "corp-ca"},
                            "spec": {"trustBundle": lab.read(lab.cert("corp-root.pem")).decode()}})
        before, settings = (next(t for t in cluster.rendered(overlay) if t["kind"] == "ConfigMap")
                            for overlay in ("1.36-configmap", "1.37-clustertrustbundle"))
        self.addCleanup(self.server.wait_for_volume, pods.VOLUMES[1])
        self.addCleanup(self.server.put, before)
        self.server.put(settings)
        self.server.wait_for_volume({"name": "catrust-inject-ca", "projected": {"sources": [
            {"clusterTrustBundle": {"name": "corp-ca", "path": "corp.pem", "optional": True}}]}})
        created = self.server.create(named(pods.pod(), "with-bundle"))
        self.assertIn("clusterTrustBundle", created["spec"]["volumes"][1]["projected"]["sources"][0])

    def test_settings(self):
        """No settings make the API server refuse a pod. The image shows when the settings of a row apply."""
        before, = (t for t in cluster.rendered("1.36-configmap") if t["kind"] == "ConfigMap")
        self.addCleanup(self.server.wait_for_volume, pods.VOLUMES[1])
        self.addCleanup(self.server.put, before)

        def put(settings):
            data = {k: v for k, v in {**before["data"], **settings}.items() if v is not None}
            self.server.put({**before, "data": data})

        for n, right in enumerate(pods.RIGHT):
            with self.subTest(right):
                volume = {"name": "catrust-inject", "image": {"reference": "right:%d" % n, "pullPolicy": "IfNotPresent"}}
                put({**right, "image": "right:%d" % n})
                self.server.wait_for_volume(volume)
        for wrong in pods.WRONG:
            with self.subTest(wrong):
                put({})
                self.server.wait_for_volume(pods.VOLUMES[1])
                put(wrong)
                self.server.wait_for_volumes(lambda volumes: not volumes, wrong)


# One process asks for the first page until it gets it, and then for the second, which needs the new CA.
PROGRAM = """
import ssl, sys, time, urllib.request
def get(url):
    try:
        return urllib.request.urlopen(url, timeout=30).read().decode().strip()
    except OSError as e:
        return "refused: %s" % e
first, second = sys.argv[1:]
print("first", get(first), flush=True)
print("second", get(second), flush=True)
end = time.time() + 60
while time.time() < end:
    if not get(second).startswith("refused"):
        print("rotated", get(second), "and", get(first), flush=True)
        break
    time.sleep(0.2)
"""


class Runs(lab.Case):
    """A pod from the real API server: its container gets the page, also after a rotation."""

    @classmethod
    def setUpClass(cls):
        packs.need("buildah", "cmake", "ninja", "gcc", "musl-gcc")
        cls.server = server()
        cls.buildah = packs.Buildah(cls)
        cls.buildah.base()
        cls.image = cls.buildah.pull("oci-archive:" + image.own())

    def pod(self, name):
        row = next(row for row in pods.ROWS if row[0] == name)
        return self.server.create(named(row[1], "run-" + name))

    def test_rotation(self):
        """As the user of Pod Security's profile "restricted", with a volume whose link is swapped."""
        maps = {"corp-ca": {"corp.pem": lab.read(lab.cert("corp-root.pem"))}}
        node = kubelet.Kubelet(self, self.buildah, self.image, self.pod("restricted"), maps)
        container, = node.pod["spec"]["containers"]
        with lab.server() as first, lab.server("other-server") as second:
            argv = node.argv(container, "python3", "-c", PROGRAM, first.url, second.url)
            with lab.Process(argv, ready="second refused", timeout=120) as process:
                self.assertIn("first " + lab.PAGE.strip(), process.output())
                maps["corp-ca"]["corp.pem"] += lab.read(lab.cert("other-root.pem"))
                node.rotate()
                lab.wait_for(lambda: "rotated" in process.output(), process, 60)
                self.assertIn("rotated %s and %s" % (lab.PAGE.strip(), lab.PAGE.strip()), process.output())

    def test_each_container(self):
        """Every container has the library, also init containers and sidecars; their output shows it."""
        maps = {"corp-ca": {"corp.pem": lab.read(lab.cert("corp-root.pem"))}}
        node = kubelet.Kubelet(self, self.buildah, self.image, self.pod("init_and_sidecar"), maps)
        code = "import os, urllib.request as u, sys\nprint(os.environ['NODE_EXTRA_CA_CERTS'], " \
               "os.path.exists(os.environ['LD_PRELOAD']), u.urlopen(sys.argv[1], timeout=30).read().decode())"
        with lab.server() as server:
            spec = node.pod["spec"]
            for container in spec["initContainers"] + spec["containers"]:
                with self.subTest(container["name"]):
                    done = lab.run(node.argv(container, "python3", "-c", code, server.url), timeout=180)
                    self.assertEqual((0, "%s True %s\n" % (pods.CA, lab.PAGE)), (done.code, done.out), done.err)


if __name__ == "__main__":
    lab.main()
