# SPDX-License-Identifier: Apache-2.0
"""A simple kubelet, for pods that the API server's code has returned."""

import os

import pods
from pack_lab import lab


class Kubelet:
    """Runs the containers of a pod with buildah, with the pod's volumes, mounts, variables and user. It does not do
    what else a kubelet does (images from a registry, networks, limits)."""

    def __init__(self, case, buildah, image, pod, config_maps, base="localhost/base"):
        """base: the image to use instead of those that the containers name."""
        self.case, self.buildah, self.image, self.config_maps, self.base = case, buildah, image, config_maps, base
        self.pod = pod
        self.volumes = {v["name"]: self.volume(v) for v in pod["spec"]["volumes"]}

    def volume(self, volume):
        if "image" in volume:
            self.case.assertEqual(pods.IMAGE, volume["image"]["reference"])
            made = self.buildah.start(self.image)
            root = self.buildah("mount", made).strip()
            self.case.addCleanup(self.buildah, "umount", made)
            return root
        source, = volume["projected"]["sources"]
        folder = lab.folder("projected")
        self.write(folder, source["configMap"], "..1")
        os.symlink("..1", os.path.join(folder, "..data"))
        for item in source["configMap"]["items"]:
            os.symlink("..data/" + item["path"], os.path.join(folder, item["path"]))
        os.chmod(folder, 0o777)
        return folder

    def write(self, folder, source, name):
        os.mkdir(os.path.join(folder, name))
        for item in source["items"]:
            lab.write(os.path.join(folder, name, item["path"]), self.config_maps[source["name"]][item["key"]])

    def rotate(self):
        """Replaces the files as the kubelet's atomic writer does: makes a new folder, and renames the link."""
        for volume in self.pod["spec"]["volumes"]:
            if "projected" in volume:
                folder = self.volumes[volume["name"]]
                self.write(folder, volume["projected"]["sources"][0]["configMap"], "..2")
                os.symlink("..2", os.path.join(folder, "..new"))
                os.rename(os.path.join(folder, "..new"), os.path.join(folder, "..data"))

    def argv(self, container, *command):
        made = self.buildah.start(self.base)
        options = []
        for mount in container["volumeMounts"]:
            options += ["-v", "%s:%s%s" % (self.volumes[mount["name"]], mount["mountPath"],
                                           ":ro" if mount.get("readOnly") else "")]
        for variable in container["env"]:
            options += ["--env", "%s=%s" % (variable["name"], variable["value"])]
        user = container.get("securityContext", {}).get("runAsUser")
        if user is not None:
            options += ["--user", "%d:%d" % (user, user)]
        return [*self.buildah.argv, "run", "--isolation", "chroot", *options, made, "--", *command]
